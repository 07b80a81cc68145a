// A model given by its functions, as one operation from parameters to logits.

import type { FgnError } from "../../check/error.ts";
import { hasLength } from "../../check/kind.ts";
import { copyNumbers, valueAt } from "../../check/numbers.ts";
import { causeOf, show } from "../../check/show.ts";
import type { Features } from "../../data/sparse.ts";
import { f32 } from "../../kernel/arena.ts";
import type { CustomModel, ModelFunctions } from "../../network/custom.ts";
import type { Op, Slot, Tensor } from "../tape.ts";
import { type Context, packValues, unpackValues } from "./signals.ts";

/** The operation of a custom model to be. */
interface CustomSpec extends Context {
  readonly model: CustomModel;
  /** The features that the functions see: at most B rows. */
  readonly fed: { readonly features: Features };
  readonly output: Slot;
  readonly tensor: Tensor;
  /** Notes the first failure. */
  readonly noteFailure: (error: FgnError) => void;
}

function failureOf(what: keyof ModelFunctions, cause: string): FgnError {
  return {
    _tag: "ModelFailure",
    what,
    cause,
    message: `${what} of the model ${cause}`,
    remedy: "Return B × C logits from forward and jvp, P derivatives from vjp, all finite in float32",
  };
}

/** Calls a function of the model, which may itself use this library, and checks what it returns. */
function callModel(
  { kernel, noteFailure }: CustomSpec,
  what: keyof ModelFunctions,
  length: number,
  call: () => ArrayLike<number>,
): Float32Array {
  const result = new Float32Array(length);
  kernel.busy = true;
  try {
    const values = call();
    if (!hasLength(values)) noteFailure(failureOf(what, `returned ${show(values)}`));
    else if (values.length !== length) {
      noteFailure(failureOf(what, `returned ${values.length} values where ${length} are needed`));
    } else {
      const index = copyNumbers(values, length, result, 0);
      if (index >= 0) noteFailure(failureOf(what, `returned ${show(valueAt(values, index))} at index ${index}`));
    }
  } catch (cause) {
    noteFailure(failureOf(what, `threw ${causeOf(cause, true)}`));
  } finally {
    kernel.busy = false;
  }
  return result;
}

/** A custom model. It has no Gram matrix: its row system is matrix-free. */
export function custom(spec: CustomSpec): Op {
  const { kernel, model, fed, output, tensor } = spec;
  const C = output.width;
  const copy = (address: number): Float32Array => f32(kernel, address, tensor.length).slice();
  const pack = (logits: Float32Array, to: number): void => packValues(spec, C, logits, to);
  const { forward, jvp, vjp } = model.functions;
  return {
    tensors: [tensor],
    output,
    forward: ({ vector, trial }) => {
      const { features } = fed;
      const call = (): ArrayLike<number> => forward(copy(vector + tensor.place), features);
      const result = callModel(spec, "forward", features.rows * C, call);
      pack(result, trial ? output.trial : output.value);
    },
    backward: () => {},
    tangent: (theta, direction) => {
      const { features } = fed;
      const call = (): ArrayLike<number> => jvp(copy(theta + tensor.place), features, copy(direction + tensor.place));
      const result = callModel(spec, "jvp", features.rows * C, call);
      pack(result, output.tangent);
    },
    project: (coefficient, into, theta) => {
      const { features } = fed;
      const cotangent = unpackValues(spec, C, output.signal, coefficient).slice(0, features.rows * C);
      const result = callModel(
        spec,
        "vjp",
        tensor.length,
        () => vjp(copy(theta + tensor.place), features, cotangent),
      );
      const sum = f32(kernel, into + tensor.place, tensor.length);
      result.forEach((v, i) => sum[i] = (sum[i] as number) + v);
    },
    rowPart: null,
    metric: null,
  };
}

/**
 * The trainable parameters of a network, array by array or as one flat vector.
 *
 * The order is that of the layers; within a dense layer or embedding weight, bias; within a layer norm gain, shift;
 * within an adapter down, up. Frozen layers are left out.
 *
 * @module
 */

import type * as E from "fp-ts/lib/Either.js";
import { isDetached } from "../check/detached.ts";
import type { FgnError } from "../check/error.ts";
import { checkKind, isFloats, isObject } from "../check/kind.ts";
import { orElse } from "../check/total.ts";
import { type LayerArray, listArrays, mapArrays } from "./arrays.ts";
import type { CustomModel } from "./custom.ts";
import type { Network } from "./layer.ts";

/**
 * A model, as far as a look tells. Errors: `WrongKind`.
 * @internal
 */
export function checkModelKind(value: Network | CustomModel): E.Either<FgnError, Network | CustomModel> {
  const candidate: unknown = value;
  const isRight = isObject(candidate) &&
    (candidate._tag === "custom" || (candidate._tag === "network" && Array.isArray(candidate.layers))) &&
    typeof candidate.outputs === "number";
  return checkKind("the model", value, isRight, "a network or what customModel made");
}

/**
 * The network with every trainable array replaced by what `visit` gives; frozen arrays are shared.
 * @internal
 */
export function mapTrainable(network: Network, visit: (array: LayerArray) => Float32Array): Network {
  return { ...network, layers: mapArrays(network.layers, false, visit) };
}

/**
 * The trainable arrays of a model, in order.
 * @internal
 */
export const arraysOf = (model: Network | CustomModel): Float32Array[] =>
  model._tag === "custom" ? [model.parameters] : listArrays(model.layers, false);

/**
 * All arrays of a model, the frozen ones too, in order.
 * @internal
 */
export const allArrays = (model: Network | CustomModel): Float32Array[] =>
  model._tag === "custom" ? [model.parameters] : listArrays(model.layers, true);

/**
 * Which of the trainable arrays are weights rather than biases, gains or shifts.
 * @internal
 */
export function weightFlags(model: Network | CustomModel): boolean[] {
  const flags: boolean[] = [];
  if (model._tag === "custom") return [true];
  mapTrainable(model, ({ data, field }) => {
    flags.push(field.decays);
    return data;
  });
  return flags;
}

/**
 * P, the number of trainable parameters; NaN of what is no model.
 *
 * @example
 * ```ts
 * import { mlp, parameterCount } from "fgn";
 *
 * const result = mlp({ inputs: 4, hidden: [8], classes: 3 });
 * if (result._tag === "Right") console.log(parameterCount(result.right)); // 67 = 8·4 + 8 + 3·8 + 3
 * ```
 */
export function parameterCount(model: Network | CustomModel): number {
  return orElse(() => {
    const arrays = arraysOf(model);
    return arrays.every(isFloats) ? arrays.reduce((sum, { length }) => sum + length, 0) : NaN;
  }, NaN);
}

/**
 * All P trainable parameters in one fresh array: layer by layer; weight, then bias; gain, then shift; down, then up. Of
 * parameters that were given up (`donate`), and of what is no model, there are none.
 *
 * @example
 * ```ts
 * import { parameters, zeroHead } from "fgn";
 *
 * const result = zeroHead({ features: 4, classes: 3 });
 * if (result._tag === "Right") console.log(parameters(result.right).length); // 15 = 3·4 + 3
 * ```
 */
export function parameters(model: Network | CustomModel): Float32Array {
  return orElse(() => flatten(model), new Float32Array(0));
}

/** The trainable arrays, one after another. */
function flatten(model: Network | CustomModel): Float32Array {
  // Arrays that were given up cannot even be read.
  const arrays = arraysOf(model).filter((array) => !isDetached(array));
  const flat = new Float32Array(arrays.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const array of arrays) {
    flat.set(array, at);
    at += array.length;
  }
  return flat;
}

/**
 * Models of your own: any differentiable map from parameters and features to logits.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { checkAttached } from "../check/detached.ts";
import type { FgnError } from "../check/error.ts";
import { checkKind, checkNumbers, checkObject, isFloats, isObject } from "../check/kind.ts";
import { type Numbers, readNumbers } from "../check/numbers.ts";
import { guard } from "../check/total.ts";
import { checkSize } from "../check/size.ts";
import type { Features } from "../data/sparse.ts";

/** The three functions of a model f(θ, x) over flat parameters. They must not write to their arguments. */
export interface ModelFunctions {
  /** B × C logits, row after row. */
  readonly forward: (parameters: Float32Array, features: Features) => ArrayLike<number>;
  /** J v: B × C derivatives of the logits along the P entries of `tangent`. */
  readonly jvp: (parameters: Float32Array, features: Features, tangent: Float32Array) => ArrayLike<number>;
  /** Jᵀ c: P derivatives of ⟨logits, cotangent⟩; `cotangent` is B × C, row after row. */
  readonly vjp: (parameters: Float32Array, features: Features, cotangent: Float32Array) => ArrayLike<number>;
}

/** A model of your own with its parameters: takes the place of a network in `fgnStep`. */
export interface CustomModel {
  /** A model given by its functions. */
  readonly _tag: "custom";
  /** P parameters. */
  readonly parameters: Float32Array;
  /** C, the number of classes. */
  readonly outputs: number;
  /** The functions of the model. */
  readonly functions: ModelFunctions;
}

/**
 * A model of your own from its parameters (a Float32Array is taken over), number of classes and functions. Errors:
 * `InvalidSize`, `NotFinite`.
 *
 * Every step compares ⟨J v, a⟩ with ⟨v, Jᵀa⟩ along its gradient and a random direction: a model whose jvp and vjp
 * disagree gives `ModelMismatch`.
 *
 * @example
 * ```ts
 * import { customModel } from "fgn";
 *
 * // Two classes, one feature, one parameter: f = (θx, 0).
 * const model = customModel({
 *   parameters: [0.5],
 *   classes: 2,
 *   forward: ([theta = 0], x) => Array.from({ length: 2 * x.rows }, (_, i) => i % 2 ? 0 : theta * x.data[i / 2]!),
 *   jvp: (_, x, [v = 0]) => Array.from({ length: 2 * x.rows }, (_, i) => i % 2 ? 0 : v * x.data[i / 2]!),
 *   vjp: (_, x, c) => [x.data.reduce((sum, value, i) => sum + value * c[2 * i]!, 0)],
 * });
 * console.log(model._tag); // Right
 * ```
 */
export function customModel(
  spec:
    & { readonly parameters: Numbers; readonly classes: number }
    & ModelFunctions,
): E.Either<FgnError, CustomModel> {
  return guard("customModel", { spec }, () => {
    const given = checkObject("the model's specification", spec, "an object with parameters, classes and functions");
    return given._tag === "Left" ? given : makeCustom(spec);
  });
}

/** A model from its functions. */
function makeCustom({ parameters, classes, forward, jvp, vjp }:
  & { readonly parameters: Numbers; readonly classes: number }
  & ModelFunctions): E.Either<FgnError, CustomModel> {
  const outputs = checkSize("classes", classes, 2);
  if (outputs._tag === "Left") return outputs;
  const numbers = checkNumbers("parameters", parameters);
  if (numbers._tag === "Left") return numbers;
  const count = checkSize("the number of parameters", parameters.length, 1);
  if (count._tag === "Left") return count;
  const values = readNumbers("parameters", parameters, count.right);
  if (values._tag === "Left") return values;
  const usable = checkFunctions({ forward, jvp, vjp });
  if (usable._tag === "Left") return usable;
  return E.right({ _tag: "custom", parameters: values.right, outputs: classes, functions: { forward, jvp, vjp } });
}

/** Errors: `WrongKind`. */
function checkFunctions(functions: ModelFunctions): E.Either<FgnError, unknown> {
  const isRight = isObject(functions) &&
    [functions.forward, functions.jvp, functions.vjp].every((part) => typeof part === "function");
  return checkKind("the model", functions, isRight, "a model with the functions forward, jvp and vjp");
}

/**
 * The parameters of a model that was perhaps not made by {@link customModel}, without reading them. Errors:
 * `WrongKind`, `DonatedParameters`, `InvalidSize`.
 * @internal
 */
export function checkCustom({ parameters, outputs, functions }: CustomModel): E.Either<FgnError, number> {
  const usable = checkFunctions(functions);
  if (usable._tag === "Left") return usable;
  const classes = checkSize("classes", outputs, 2);
  if (classes._tag === "Left") return classes;
  const kind = checkKind("the model's parameters", parameters, isFloats(parameters), "a Float32Array");
  if (kind._tag === "Left") return kind;
  const attached = checkAttached("parameters", parameters);
  return attached._tag === "Left" ? attached : checkSize("the number of parameters", parameters.length, 1);
}

/**
 * Models: a network, or a model of your own.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import { isObject } from "../check/kind.ts";
import { type Numbers, readNumbers } from "../check/numbers.ts";
import { guard } from "../check/total.ts";
import { checkCustom, type CustomModel } from "./custom.ts";
import { arraysOf, mapTrainable, parameterCount } from "./flat.ts";
import type { Network } from "./layer.ts";
import { checkNetwork } from "./network.ts";

/** A model that can be trained. */
export type Model = Network | CustomModel;

/**
 * A model that was perhaps not made here, whole and with none of its arrays given up, without reading these. Errors: those
 * of `checkCustom` or `checkNetwork`.
 * @internal
 */
export const checkModel = (model: Model): E.Either<FgnError, unknown> =>
  isObject(model) && model._tag === "custom" ? checkCustom(model) : checkNetwork(model as Network);

/**
 * A model like this one with copies of its trainable arrays; frozen ones are shared.
 * @internal
 */
export function copyModel<M extends Model>(model: M): M {
  const copy = (array: Float32Array): Float32Array => array.slice();
  const copied: Model = model._tag === "custom"
    ? { ...model, parameters: copy(model.parameters) }
    : mapTrainable(model, ({ data }) => copy(data));
  return copied as M;
}

/**
 * A model like this one with other trainable arrays, in order; they are not copied.
 * @internal
 */
export function withArrays<M extends Model>(model: M, arrays: readonly Float32Array[]): M {
  let index = 0;
  const take = (): Float32Array => arrays[index++] as Float32Array;
  const next: Model = model._tag === "custom" ? { ...model, parameters: take() } : mapTrainable(model, take);
  return next as M;
}

/**
 * The model with other values for its P trainable parameters, in the order of `parameters`; they are copied.
 * Errors: `WrongKind`, `InvalidLayer`, `ShapeMismatch`, `NotFinite`, `DonatedParameters`.
 *
 * @example
 * ```ts
 * import { parameters, withParameters, zeroHead } from "fgn";
 *
 * const result = zeroHead({ features: 4, classes: 3 });
 * if (result._tag === "Right") {
 *   console.log(withParameters(result.right, parameters(result.right).fill(0.1))._tag); // Right
 * }
 * ```
 */
export function withParameters<M extends Model>(
  model: M,
  flat: Numbers,
): E.Either<FgnError, M> {
  return guard("withParameters", { model, flat }, () => replaceParameters(model, flat));
}

/** The model with other parameters. */
function replaceParameters<M extends Model>(model: M, flat: Numbers): E.Either<FgnError, M> {
  const whole = checkModel(model);
  if (whole._tag === "Left") return whole;
  const values = readNumbers("parameters", flat, parameterCount(model));
  if (values._tag === "Left") return values;
  let at = 0;
  return E.right(withArrays(model, arraysOf(model).map(({ length }) => values.right.slice(at, at += length))));
}

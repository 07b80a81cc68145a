/**
 * Running moments from inputs that are only looked at.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import { checkOptions } from "../check/rule.ts";
import { guard } from "../check/total.ts";
import { featureRows } from "../data/select.ts";
import type { Features } from "../data/sparse.ts";
import { f32 } from "../kernel/arena.ts";
import type { Model } from "../network/model.ts";
import { checkFeatures, KERNEL, type KernelOption, openBatch } from "../problem/session.ts";
import { metricsOf } from "../row_system/metric.ts";
import { forward, up4 } from "../tape/tape.ts";
import { centredWidths, checkRange, checkWidths, hasMoments, poolMoments } from "./moments.ts";
import { checkOnlineState, online, type OnlineState } from "./online.ts";

/** Examples of one pass: bounds memory, whatever their number. */
const ROWS = 256;

/** Pools the moments of a few rows into the state. */
function poolRows(
  params: Model,
  { steps, examples, layers }: OnlineState,
  features: Features,
  option: KernelOption,
): E.Either<FgnError, OnlineState> {
  const { rows } = features;
  const part = { features, labels: new Uint32Array(rows), targets: null, weights: null };
  const opened = openBatch(
    params,
    part,
    { metric: true },
    option,
  );
  if (opened._tag === "Left") return opened;
  const { kernel, tape, at } = opened.right.ws;
  forward(tape, { vector: tape.theta, trial: false });
  f32(kernel, at.shares, up4(rows)).fill(0).fill(1 / rows, 0, rows);
  const total = examples + rows;
  const pooled = metricsOf(tape).filter(hasMoments)
    .map((layer, i) => poolMoments(layer, layers[i], at.shares, rows / total));
  return E.map((inRange: OnlineState["layers"]) => ({ steps, examples: total, layers: inRange }))(checkRange(pooled));
}

/**
 * The state of {@link online} with the moments of more inputs: a forward pass over the known features, or a few hundred
 * of them, without an update. What is known this way is what later steps disturb least. Where no layer
 * has moments (a single layer of sparse features, models of your own) there is nothing to see, and the state is the one
 * given. Errors:
 * `InvalidState` (one that no update gives), `ShapeMismatch` (a state of another network), `Overflow`; as `logits`.
 *
 * @param state of the optimizer so far, or null: none yet
 * @param features B × D, one example a row
 * @example
 * ```ts
 * import { getOrThrow, matrix, observe, zeroHead } from "fgn";
 *
 * const head = getOrThrow(zeroHead({ features: 2, classes: 3 }));
 * const state = getOrThrow(observe(head, null, getOrThrow(matrix(2, 2, [1, 2, 3, 4]))));
 * console.log(state.layers[0]?.mean); // [2, 3]
 * ```
 */
export function observe(
  params: Model,
  state: OnlineState | null,
  features: Features,
  option: KernelOption = {},
): E.Either<FgnError, OnlineState> {
  return guard("observe", { params, state, features, option }, () => pool(params, state, features, option));
}

/** The state with the moments of more inputs. */
function pool(
  params: Model,
  state: OnlineState | null,
  given: Features,
  option: KernelOption,
): E.Either<FgnError, OnlineState> {
  const options = checkOptions(option, KERNEL);
  if (options._tag === "Left") return options;
  const checked = checkFeatures(params, given);
  if (checked._tag === "Left") return checked;
  const features = checked.right;
  const before = checkOnlineState(state ?? online<Model>().init(params));
  if (before._tag === "Left") return before;
  let current = before.right;
  const widths = centredWidths(params, features);
  if (widths.length === 0) return E.right(current);
  const fits = checkWidths(current.layers, widths);
  if (fits._tag === "Left") return fits;
  for (let first = 0; first < features.rows; first += ROWS) {
    const part = featureRows(features, first, Math.min(first + ROWS, features.rows));
    const pooled = poolRows(params, current, part, options.right);
    if (pooled._tag === "Left") return pooled;
    current = pooled.right;
  }
  return E.right(current);
}

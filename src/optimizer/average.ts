/**
 * Running averages of parameters, kept from step to step.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { checkAttached, isDetached } from "../check/detached.ts";
import type { FgnError } from "../check/error.ts";
import { checkKind, isFloats } from "../check/kind.ts";
import { typedName } from "../check/show.ts";
import { orElse } from "../check/total.ts";
import { checkLength } from "../check/size.ts";
import type { Batch } from "../data/batch.ts";
import type { Matrix } from "../data/matrix.ts";
import { isSparse } from "../data/sparse.ts";
import { takeArrays } from "../network/donate.ts";
import { arraysOf } from "../network/flat.ts";
import { type Model, withArrays } from "../network/model.ts";
import type { StepOptions } from "../step/options.ts";
import { areFinite, type AverageRoom, mix, openAverage } from "./average_room.ts";
import { closeRows, type OpenRows, openRows, type RowAverage, rowsRead, settleRows, tableOf } from "./row_average.ts";
import { checkEntries, invalidState } from "./state.ts";
import { warmDecay } from "./warm_decay.ts";

/** The running average of parameters, as a state has it. */
export interface Averages {
  /** The average, array by array in order. Of a table whose rows are averaged one by one: as of the steps in `averagedAt`. */
  readonly average: readonly Float32Array[];
  /**
   * For a network whose first layer is an embedding that trains, the step at which each row of its table was last averaged.
   * The row's average since then follows from it and from the row itself, which no step changed: such a state belongs to
   * the parameters that it was given along with, and `result` brings all rows up to date. Absent elsewhere, and where
   * something else than a step changes the rows: then the average is as of the last step.
   */
  readonly averagedAt?: Uint32Array;
}

/** Averages, and the updates that led to them. */
type CountedAverages = Averages & { readonly steps: number };

/** The row average of a state; null where there is none. */
function rowsOf(params: Model, { average, averagedAt }: Averages): RowAverage | null {
  const table = averagedAt === undefined ? null : tableOf(params);
  return table && { table, average: average[0] as Float32Array, averagedAt: averagedAt as Uint32Array };
}

/** Checks the steps of rows but for their values. Errors: `WrongKind`, `ShapeMismatch`. */
function checkAveragedAt(averagedAt: Uint32Array | undefined, params: Model): E.Either<FgnError, unknown> {
  if (averagedAt === undefined) return E.right(undefined);
  const what = "the state's averagedAt", isRight = typedName(averagedAt) === "Uint32Array";
  const kind = checkKind(what, averagedAt, isRight, "a Uint32Array, or none");
  if (kind._tag === "Left") return kind;
  const still = checkAttached(what, averagedAt);
  return still._tag === "Left" ? still : checkLength(what, averagedAt.length, tableOf(params)?.rows ?? 0);
}

/**
 * Checks that an average is one of a model that was checked, and still there. Errors: `WrongKind`, `DonatedParameters`,
 * `ShapeMismatch`.
 */
export function checkAverage({ average, averagedAt }: Averages, params: Model): E.Either<FgnError, unknown> {
  const isRight = Array.isArray(average) && average.every(isFloats);
  const kind = checkKind("the state's average", average, isRight, "a list of Float32Arrays");
  if (kind._tag === "Left") return kind;
  const arrays = arraysOf(params), count = checkLength("the state's average", average.length, arrays.length);
  if (count._tag === "Left") return count;
  for (const [index, array] of average.entries()) {
    const what = `the state's average[${index}]`, still = checkAttached(what, array);
    if (still._tag === "Left") return still;
    const length = checkLength(what, array.length, (arrays[index] as Float32Array).length);
    if (length._tag === "Left") return length;
  }
  return checkAveragedAt(averagedAt, params);
}

/** Averages of tables and the steps of their rows that an update here gave: their values are looked at where they are read. */
const ours = new WeakSet<Float32Array | Uint32Array>();

/** Checks the values of a state: all but those of rows that an update here gave. Errors: `InvalidState`. */
function checkValues(room: AverageRoom, { average, averagedAt, steps }: CountedAverages): E.Either<FgnError, unknown> {
  const known = averagedAt !== undefined && ours.has(averagedAt) && ours.has(average[0] as Float32Array);
  const index = average.findIndex((values, index) => !(known && index === 0) && !areFinite(room, values));
  if (index >= 0) return checkEntries(`average[${index}]`, average[index] as Float32Array);
  return known || averagedAt === undefined ? E.right(undefined) : checkSteps(averagedAt, steps);
}

/** Checks that no row was averaged at a later step. Errors: `InvalidState`. */
function checkSteps(averagedAt: Uint32Array, steps: number): E.Either<FgnError, unknown> {
  const row = averagedAt.findIndex((at) => at > steps);
  return row < 0 ? E.right(undefined) : invalidState(`averagedAt[${row}]`, averagedAt[row]);
}

/** The rows of a table that a step on a batch may change: those that it reads, and all where they are in the objective. */
function rowsToChange({ rows }: Matrix, batch: Batch, { l2 = 0, momentum }: StepOptions): Uint32Array {
  if (l2 > 0 || momentum !== undefined) return Uint32Array.from({ length: rows }, (_, row) => row);
  // The step refuses features that are not sparse, or broken.
  const none = new Uint32Array(0);
  return orElse(() => isSparse(batch.features) ? rowsRead(batch.features.indices, rows) : none, none);
}

/** The rows that a step may change, as they are before it; null where the table is averaged whole. Errors: `InvalidState`. */
function beginRows(
  params: Model,
  state: CountedAverages,
  batch: Batch,
  options: StepOptions,
): E.Either<FgnError, OpenRows | null> {
  const rows = rowsOf(params, state);
  if (rows === null) return E.right(null);
  const open = openRows(rows, rowsToChange(rows.table, batch, options), state.steps);
  return typeof open !== "number" ? E.right(open) : invalidState(`averagedAt[${open}]`, rows.averagedAt[open]);
}

/**
 * Whether the average lies in the memory of the parameters, as where a `result` is trained further: giving one up would
 * empty the other.
 * @internal
 */
export function shareMemory(params: Model, average: readonly Float32Array[]): boolean {
  const buffers = new Set(arraysOf(params).map(({ buffer }) => buffer));
  return average.some(({ buffer }) => buffers.has(buffer));
}

/** Arrays of an average to be written to: in the memory of those before, if that is given up, else copies. */
function ownAverages({ average, averagedAt }: Averages, donate: boolean): Averages {
  const bits = averagedAt && new Float32Array(averagedAt.buffer, averagedAt.byteOffset, averagedAt.length);
  const all = bits === undefined ? average : [...average, bits];
  const own = donate ? takeArrays(all) : all.map((array) => array.slice());
  if (bits === undefined) return { average: own };
  const { buffer, byteOffset, length } = own.at(-1) as Float32Array;
  return { average: own.slice(0, -1), averagedAt: new Uint32Array(buffer, byteOffset, length) };
}

/** An average that waits for the step under way. */
export interface BegunAverage {
  /** Whether the average lies in the memory of the parameters: these cannot be given up then. */
  readonly shares: boolean;
  /** The average after the step, in the memory of the one before if that is given up. Nothing in it fails. */
  readonly after: (next: Model, step: number) => Averages;
}

/**
 * Begins an update of the average in a state, before the step of a model that was checked on a batch. Errors: `WrongKind`, `InvalidState`,
 * `DonatedParameters`, `ShapeMismatch`; those of the kernel.
 *
 * @param most the most that the decay grows to
 * @internal
 */
export function beginAverage(
  params: Model,
  state: CountedAverages,
  batch: Batch,
  options: StepOptions,
  most: number,
): E.Either<FgnError, BegunAverage> {
  const fits = checkAverage(state, params);
  if (fits._tag === "Left") return fits;
  const room = openAverage(options);
  if (room._tag === "Left") return room;
  const finite = checkValues(room.right, state);
  if (finite._tag === "Left") return finite;
  const open = beginRows(params, state, batch, options);
  if (open._tag === "Left") return open;
  const after = (next: Model, step: number): Averages => {
    const own = ownAverages(state, options.donate === true), decay = warmDecay(step, most);
    const rows = open.right === null ? null : rowsOf(next, own);
    arraysOf(next).forEach((array, index) => {
      const average = own.average[index] as Float32Array;
      if (rows === null || index > 0) mix(room.right, decay, array, average);
    });
    if (rows === null || open.right === null) return own;
    closeRows(rows, open.right, step, most);
    ours.add(rows.average).add(rows.averagedAt);
    return own;
  };
  return E.right({ shares: shareMemory(params, state.average), after });
}

/**
 * The parameters that a state's average says to keep.
 * @internal
 */
export const averageOf = <M extends Model>(params: M, state: CountedAverages, most: number): M =>
  orElse(() => {
    const rows = rowsOf(params, state), whole = rows !== null && rows.average.length === rows.table.data.length;
    const arrays = whole ? [settleRows(rows, state.steps, most), ...state.average.slice(1)] : state.average;
    return withArrays(params, arrays);
  }, params);

/**
 * A copy of the trainable arrays; empty ones of those that were given up, and none of what is no model, which the update
 * refuses.
 * @internal
 */
export const copyArrays = (params: Model): readonly Float32Array[] =>
  orElse(() => arraysOf(params).map((array) => isDetached(array) ? new Float32Array(0) : array.slice()), []);

/**
 * The average before the first update: the parameters themselves.
 *
 * @param byRow whether no row of a table changes but by steps on batches that read it
 * @internal
 */
export function startAverage(params: Model, byRow: boolean): Averages {
  const average = copyArrays(params), table = byRow ? orElse(() => tableOf(params), null) : null;
  return table === null ? { average } : { average, averagedAt: new Uint32Array(table.rows) };
}

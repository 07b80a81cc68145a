// What the final runs of a method say: means and standard deviations over the seeds.

import type { Kind, Method } from "./methods.ts";
import type { Entry, FinalRun } from "./results.ts";
import type { Score } from "./training.ts";

/** A mean with its standard deviation (of the sample). */
export interface Spread {
  readonly mean: number;
  readonly deviation: number;
}

/** A method on a task, scored one way. */
export interface Row {
  readonly method: Method;
  readonly kind: Kind;
  /** The value chosen; null where nothing is chosen. */
  readonly value: number | null;
  readonly runs: readonly FinalRun[];
}

export function spreadOf(values: readonly number[]): Spread {
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  const square = values.reduce((sum, v) => sum + (v - mean) ** 2, 0);
  return { mean, deviation: values.length > 1 ? Math.sqrt(square / (values.length - 1)) : 0 };
}

/** The final runs of a method with the value chosen for a kind of score. */
export function rowOf(method: Method, kind: Kind, { chosen, runs }: Entry): Row {
  const value = chosen === null ? null : chosen[kind];
  return { method, kind, value, runs: runs.filter((run) => run.value === value) };
}

/** The scores of a row at the end of an epoch, one a seed; null where a seed's run has none. */
export function scoresAt({ runs, kind }: Row, epoch: number): readonly Score[] | null {
  const scores = runs.flatMap(({ points }) => {
    const score = points.find((point) => point.epoch === epoch)?.[kind];
    return score === undefined || score === null ? [] : [score];
  });
  return scores.length === runs.length && runs.length > 0 ? scores : null;
}

/** Mean and deviation of a measure at the end of an epoch; null where a seed's run has none. */
export function spreadAt(row: Row, epoch: number, what: keyof Score): Spread | null {
  const values = scoresAt(row, epoch)?.map((score) => score[what]).filter((value) => value !== undefined) ?? [];
  return values.length === row.runs.length && values.length > 0 ? spreadOf(values) : null;
}

// Rows of the tables: what there is of a task's methods, how it is written, and which is best.

import { type Kind, kindsOf, type Method, methodsOf } from "./methods.ts";
import type { Entry, Results } from "./results.ts";
import { type Row, rowOf, type Spread, spreadAt } from "./statistics.ts";
import type { Task } from "./tasks.ts";
import type { Times } from "./timing.ts";
import type { Score } from "./training.ts";

/** What there is to report on. */
export interface Report {
  readonly tasks: readonly Task[];
  readonly methods: readonly Method[];
  readonly results: Results;
  /** Times of steps by task, as far as they were taken. */
  readonly times: Readonly<Record<string, Times>>;
  /** What they were taken on; empty before. */
  readonly machine: string;
}

/** .9123, 1.204, 4.65e+7. */
export const short = (value: number, digits: number): string =>
  value < 1_000 ? value.toFixed(digits).replace(/^0\./, ".") : value.toExponential(2);

export const shown = ({ mean, deviation }: Spread, digits: number): string =>
  `${short(mean, digits)} ± ${short(deviation, digits)}`;

/** The parameters that a method gives by itself go by its title alone. */
export function named({ method: { title, through }, kind }: Row): string {
  return (through === "train") === (kind === "averaged") ? title : `${title}, averaged`;
}

export function entryOf({ results }: Report, task: Task, method: Method): Entry | undefined {
  return results[task.id]?.[method.id];
}

/** The rows of a task that have runs. */
export function rowsOf(report: Report, task: Task): Row[] {
  return methodsOf(task).flatMap((method) => {
    const entry = entryOf(report, task, method);
    return entry === undefined ? [] : kindsOf(method).map((kind) => rowOf(method, kind, entry));
  }).filter(({ runs }) => runs.length > 0);
}

/** The row of a method and kind among others. */
export const rowNamed = (rows: readonly Row[], id: string, kind: Kind): Row | undefined =>
  rows.find((row) => row.method.id === id && row.kind === kind);

/** 1 where more is better, else −1. */
export const signOf = (what: keyof Score): 1 | -1 => what === "accuracy" ? 1 : -1;

/** The row with the best mean; undefined where none has one. */
export function bestRow(rows: readonly Row[], epoch: number, what: keyof Score): Row | undefined {
  const value = (row: Row): number => {
    const spread = spreadAt(row, epoch, what);
    return spread === null || !Number.isFinite(spread.mean) ? -Infinity : signOf(what) * spread.mean;
  };
  const best = [...rows].sort((a, b) => value(b) - value(a))[0];
  return best === undefined || value(best) === -Infinity ? undefined : best;
}

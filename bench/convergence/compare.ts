// The comparison on one task: chooses every method's number on validation examples, then trains on the whole training
// set with every seed and scores on the test set.

import { type Method, withAverage } from "./methods.ts";
import type { Entry, FinalRun, Store, Trial } from "./results.ts";
import { select } from "./selection.ts";
import { type Data, holdOut, type Task } from "./tasks.ts";
import { type Schedule, trainRun } from "./training.ts";

/** How the comparison is run. */
export interface Settings {
  readonly methods: readonly Method[];
  readonly schedule: Schedule;
  /** The seeds of the final runs; the first one is that of the selection. */
  readonly seeds: readonly number[];
  readonly note: (line: string) => void;
}

const percent = (accuracy: number | undefined): string => accuracy === undefined ? "failed" : accuracy.toFixed(4);

/** A value of the grid, scored at the end of a run on the validation examples. */
function attempt(task: Task, data: Data, method: Method, place: number, value: number, settings: Settings): Trial {
  const { schedule: { epochs }, seeds: [seed = 1], note } = settings;
  const run = trainRun(task, data, withAverage(method, value), seed, { epochs, averaged: [epochs], last: [epochs] });
  const { last = null, averaged = null } = run.points.at(-1) ?? {};
  note(`${task.id} ${method.id} ${value}: ${percent(last?.accuracy)}, averaged ${percent(averaged?.accuracy)}`);
  return { place, value, last, averaged };
}

/** The values that final runs are made with. */
function valuesOf({ chosen }: Entry): readonly (number | null)[] {
  return chosen === null ? [null] : [...new Set([chosen.last, chosen.averaged])];
}

/** The final runs of a method that are not there yet. */
function finish(task: Task, data: Data, method: Method, store: Store, { seeds, schedule, note }: Settings): void {
  for (const value of valuesOf(store.entry(task.id, method.id))) {
    for (const seed of seeds) {
      const entry = store.entry(task.id, method.id);
      if (entry.runs.some((run) => run.value === value && run.seed === seed)) continue;
      const run: FinalRun = { value, seed, ...trainRun(task, data, withAverage(method, value ?? 1), seed, schedule) };
      store.put(task.id, method.id, { ...entry, runs: [...entry.runs, run] });
      const told = run.points.map(({ epoch, averaged }) => `${epoch}: ${percent(averaged.accuracy)}`);
      note(`${task.id} ${method.id} ${value ?? ""} seed ${seed}: ${run.failed ?? told.join("  ")}`);
    }
  }
}

/** Does what is left to do on a task. */
export function compare(task: Task, data: Data, store: Store, settings: Settings): void {
  const { methods } = settings, part = holdOut(data);
  select(task.id, methods, {
    entryOf: (method) => store.entry(task.id, method.id),
    put: (method, entry) => store.put(task.id, method.id, entry),
    attempt: (method, place, value) => attempt(task, part, method, place, value, settings),
  });
  for (const method of methods) finish(task, data, method, store, settings);
}

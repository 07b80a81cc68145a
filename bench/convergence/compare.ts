// The comparison on one task: chooses every method's number on validation examples, then trains on the whole training
// set with every seed and scores on the test set.

import { kindsOf, type Method, methodsOf } from "./methods.ts";
import type { Entry, FinalRun, Store, Trial, Validated } from "./results.ts";
import { select } from "./selection.ts";
import { type Data, holdOut, type Task } from "./tasks.ts";
import { type Point, type Schedule, type Score, trainRun } from "./training.ts";

/** How the comparison is run. */
export interface Settings {
  /** The methods that are run, of those that are compared on the task. */
  readonly asked: (method: Method) => boolean;
  readonly note: (line: string) => void;
}

/** When final runs are scored: where they train for few epochs, between those of the tables, too. */
function scheduleOf({ epochs }: Task): Schedule {
  const last = epochs.at(-1) ?? 1;
  return { epochs: last, averaged: last === 5 ? [0.25, 0.5, 1, 2, 3, 4, 5] : epochs, last: epochs };
}

const percent = (accuracy: number | undefined): string => accuracy === undefined ? "failed" : accuracy.toFixed(4);

/** The means of scores; null where a run has none. */
function meanOf(scores: readonly (Score | null)[]): Validated | null {
  const known = scores.filter((score) => score !== null);
  if (known.length < scores.length) return null;
  const mean = (what: keyof Validated): number => known.reduce((sum, score) => sum + score[what], 0) / known.length;
  return { accuracy: mean("accuracy"), loss: mean("loss") };
}

/** A value of the grid, scored at the end of a run on each draw of validation examples. */
async function attempt(
  task: Task,
  parts: readonly Data[],
  method: Method,
  place: number,
  value: number,
  { note }: Settings,
): Promise<Trial> {
  const { epochs, seeds: [seed = 1] } = task, end = epochs.at(-1) ?? 1;
  const schedule = { epochs: end, averaged: [end], last: [end] };
  const points: (Point | undefined)[] = [];
  for (const part of parts) points.push((await trainRun(task, part, method, value, seed, schedule)).points.at(-1));
  const trial = {
    place,
    value,
    last: meanOf(points.map((point) => point?.last ?? null)),
    averaged: meanOf(points.map((point) => point?.averaged ?? null)),
  };
  const told = kindsOf(method).map((kind) => `${kind} ${percent(trial[kind]?.accuracy)}`);
  note(`${task.id} ${method.id} ${value}: ${told.join(", ")}`);
  return trial;
}

/** The values that final runs are made with. */
function valuesOf({ chosen }: Entry): readonly (number | null)[] {
  return chosen === null ? [null] : [...new Set([chosen.last, chosen.averaged])];
}

/** The final runs of a method that are not there yet. */
async function finish(task: Task, data: Data, method: Method, store: Store, { note }: Settings): Promise<void> {
  for (const value of valuesOf(store.entry(task.id, method.id))) {
    for (const seed of task.seeds) {
      const entry = store.entry(task.id, method.id);
      if (entry.runs.some((run) => run.value === value && run.seed === seed)) continue;
      const trained = await trainRun(task, data, method, value, seed, scheduleOf(task));
      const run: FinalRun = { value, seed, ...trained };
      store.put(task.id, method.id, { ...entry, runs: [...entry.runs, run] });
      const told = run.points.map(({ epoch, averaged }) => `${epoch}: ${percent(averaged.accuracy)}`);
      note(`${task.id} ${method.id} ${value ?? ""} seed ${seed}: ${run.failed ?? told.join("  ")}`);
    }
  }
}

/** Does what is left to do on a task. */
export async function compare(task: Task, data: Data, store: Store, settings: Settings): Promise<void> {
  const methods = methodsOf(task), asked = methods.filter(settings.asked);
  const parts = task.draws.map((seed) => holdOut(data, seed));
  // All grids grow alike, so that all are looked at where any is.
  if (asked.some(({ knob }) => knob !== null)) {
    await select(task.id, methods, {
      entryOf: (method) => store.entry(task.id, method.id),
      put: (method, entry) => store.put(task.id, method.id, entry),
      attempt: (method, place, value) => attempt(task, parts, method, place, value, settings),
    });
  }
  for (const method of asked) await finish(task, data, method, store, settings);
}

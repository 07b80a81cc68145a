// Choosing each method's number on validation examples: the same number of values for every method.

import { type Kind, kindsOf, type Method, valueAt } from "./methods.ts";
import type { Entry, Trial, Validated } from "./results.ts";

/** Places of the first grid, and how often it may grow. */
const FIRST = [-2, -1, 0, 1, 2], GROWTHS = 2;

/** The higher accuracy, then the lower loss; a run that failed is the worst. */
const better = (a: Validated | null, b: Validated | null): boolean =>
  a !== null && (b === null || a.accuracy > b.accuracy || (a.accuracy === b.accuracy && a.loss < b.loss));

/** The best trial by the scores of a kind. */
export const bestOf = (trials: readonly Trial[], kind: Kind): Trial =>
  trials.reduce((best, trial) => (better(trial[kind], best[kind]) ? trial : best));

/**
 * Two more places: beyond the edge that the best value lies at, for the parameters or for their average; where none does,
 * or one at each end, a place at each end.
 */
export function grow(
  trials: readonly Trial[],
  kinds: readonly Kind[],
): { readonly places: readonly number[]; readonly atEdge: boolean } {
  const places = trials.map(({ place }) => place), low = Math.min(...places), high = Math.max(...places);
  const best = kinds.map((kind) => bestOf(trials, kind).place);
  const below = best.includes(low), above = best.includes(high);
  const more = below === above ? [low - 1, high + 1] : below ? [low - 1, low - 2] : [high + 1, high + 2];
  return { places: more, atEdge: below || above };
}

/** What a selection needs of its surroundings. */
export interface Bench {
  readonly entryOf: (method: Method) => Entry;
  readonly put: (method: Method, entry: Entry) => void;
  /** Trains by a value of the grid and scores on the validation examples. */
  readonly attempt: (method: Method, place: number, value: number) => Promise<Trial>;
}

/** Tries the places that have not been tried yet. */
async function attemptAll(task: string, method: Method, places: readonly number[], bench: Bench): Promise<void> {
  for (const place of places) {
    const entry = bench.entryOf(method);
    if (entry.trials.some((trial) => trial.place === place)) continue;
    const trial = await bench.attempt(method, place, valueAt(method, task, place));
    bench.put(method, { ...entry, trials: [...entry.trials, trial] });
  }
}

/**
 * Tries the grid of every method, and grows all grids alike, up to twice, while the best value of any lies at an edge.
 * Leaves the values chosen in the entries.
 */
export async function select(task: string, methods: readonly Method[], bench: Bench): Promise<void> {
  const tuned = methods.filter(({ knob }) => knob !== null);
  for (const method of tuned) await attemptAll(task, method, FIRST, bench);
  for (let size = FIRST.length, growth = 0; growth < GROWTHS; growth++, size += 2) {
    // An interrupted comparison may have grown some grids already: all go by the first places alone.
    const grown = tuned.map((method) => ({
      method,
      ...grow(bench.entryOf(method).trials.slice(0, size), kindsOf(method)),
    }));
    if (!grown.some(({ atEdge }) => atEdge)) break;
    for (const { method, places } of grown) await attemptAll(task, method, places, bench);
  }
  for (const method of tuned) {
    const entry = bench.entryOf(method), kinds = kindsOf(method);
    const value = (kind: Kind): number => bestOf(entry.trials, kinds.includes(kind) ? kind : "averaged").value;
    bench.put(method, { ...entry, chosen: { last: value("last"), averaged: value("averaged") } });
  }
}

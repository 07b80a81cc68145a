// Ratios against those of the baseline.

/** How much worse than the baseline a ratio may be: what is between runs and machines stays below, see bench/watch/main.ts. */
export const TOLERANCE = 0.25;

/** Ratios of times by what they are of. */
export type Ratios = Readonly<Record<string, number>>;

/** A ratio that is worse than it may be, or cannot be judged. */
export interface Fault {
  readonly name: string;
  readonly message: string;
}

/** What is slower than the baseline allows, or is not in it. */
export function faults(measured: Ratios, baseline: Ratios): Fault[] {
  return Object.entries(measured).flatMap(([name, ratio]) => {
    const before = baseline[name];
    if (before === undefined) return [{ name, message: `${name} has no baseline: npm run watch:speed -- --write` }];
    const change = ratio / before - 1;
    if (change <= TOLERANCE) return [];
    const told = `${ratio.toFixed(3)} of the reference, ${before.toFixed(3)} in the baseline`;
    return [{ name, message: `${name} is ${(100 * change).toFixed(0)} % slower: ${told}` }];
  });
}

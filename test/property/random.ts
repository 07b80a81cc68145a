// Seeded choices: a run is known by its seed, a call by its number.

/** Draws choices, the same for the same seed. */
export interface Chance {
  /** A whole number from 0 to below `count`. */
  readonly below: (count: number) => number;
  /** One of a list that is not empty. */
  readonly of: <A>(list: readonly A[]) => A;
}

/** Choices from a seed (mulberry32, which is not the generator of the library). */
export function chanceOf(seed: number): Chance {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 15), z | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return ((z ^ (z >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (count: number): number => Math.floor(next() * count);
  return { below, of: (list) => list[below(list.length)] as (typeof list)[number] };
}

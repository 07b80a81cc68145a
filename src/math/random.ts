/**
 * Seeded pseudo-random numbers from integer arithmetic alone: the same in every runtime. The generator is
 * xoshiro128** (Blackman and Vigna 2018), seeded by splitmix32; its state is a plain value.
 *
 * @module
 */

/** The state of the generator: four unsigned 32-bit words, not all zero. */
export type Random = readonly [number, number, number, number];

/** The generator of a seed: any number, of which the low 32 bits count. What is no number counts as 0. */
export function seedRandom(seed: number): Random {
  let state = typeof seed === "number" ? seed >>> 0 : 0;
  const word = (): number => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
  return [word(), word(), word(), word()];
}

/**
 * A running generator: draws words from a copy of a state and hands back the state it reached.
 * @internal
 */
export interface Source {
  /** The next unsigned 32-bit word. */
  next(): number;
  /** The state after the words drawn. */
  state(): Random;
}

/** Starts drawing from a state, which is not changed. */
export function drawFrom(random: Random): Source {
  let [a, b, c, d] = random;
  const next = (): number => {
    const five = Math.imul(b, 5);
    const result = Math.imul((five << 7) | (five >>> 25), 9) >>> 0;
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = (d << 11) | (d >>> 21);
    return result;
  };
  return { next, state: () => [a >>> 0, b >>> 0, c >>> 0, d >>> 0] };
}

/** A permutation, and the state of the generator after it. */
export interface Permutation {
  /** The numbers 0 … length − 1, in random order. */
  readonly order: Uint32Array;
  /** The next state. */
  readonly random: Random;
}

/**
 * A random permutation of 0 … length − 1 (Fisher–Yates) and the next state. Indices come from the high part
 * of a 32 × 32-bit product, whose bias is below length/2³².
 * @internal
 */
export function permute(length: number, random: Random): Permutation {
  const source = drawFrom(random);
  const order = Uint32Array.from({ length }, (_, i) => i);
  for (let i = length - 1; i > 0; i--) {
    const j = Math.floor((source.next() / 2 ** 32) * (i + 1));
    const swapped = order[i] as number;
    order[i] = order[j] as number;
    order[j] = swapped;
  }
  return { order, random: source.state() };
}

/**
 * The decay of a running average that starts at once: min(most, n/(n + 9)) at its n-th update.
 *
 * @module
 */

/**
 * The decay of the n-th update, n from 1: what came before the average had n terms does not weigh on it.
 * @internal
 */
export const warmDecay = (n: number, most: number): number => Math.min(most, n / (n + 9));

/** A power of a number to a whole exponent of at least 0, by squaring. */
function power(base: number, exponent: number): number {
  let product = 1;
  for (let square = base, rest = exponent; rest > 0; rest = Math.floor(rest / 2), square *= square) {
    if (rest % 2 === 1) product *= square;
  }
  return product;
}

/**
 * The product of the decays of the updates m + 1 to n: a closed form, since Π k/(k + 9) telescopes to the nine factors
 * (m + j)/(n + j), and the decay is `most` from there on. 1 for m ≥ n.
 * @internal
 */
export function decayBetween(m: number, n: number, most: number): number {
  if (m >= n) return 1;
  const warm = Math.min(n, Math.floor(9 * most / (1 - most)));
  let above = 1, below = 1;
  for (let j = 1; m < warm && j <= 9; j++) {
    above *= m + j;
    below *= warm + j;
  }
  return above / below * power(most, n - Math.max(m, warm));
}

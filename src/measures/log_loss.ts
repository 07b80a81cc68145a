/**
 * The log loss of a probability.
 *
 * @module
 */

import { logarithm } from "../math/logarithm.ts";

/** 2⁻¹⁴⁹, the least number above zero of float32: what a label's probability of zero counts as. */
const LEAST = 1.401298464324817e-45;

/**
 * −ln p; 103.28 for p = 0.
 * @internal
 */
export const logLoss = (p: number): number => -logarithm(p > LEAST ? p : LEAST);

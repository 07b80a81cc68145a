/**
 * Checks of a model's functions: vjp is the transpose of jvp, and jvp the derivative of forward.
 *
 * @module
 */

import { random } from "@jax-js/jax";
import type { Features, ModelFunctions } from "../../mod.ts";

/** How far the functions of a model are from agreeing: relative errors, 0 in exact arithmetic. */
export interface Disagreement {
  /** |⟨Jv, u⟩ − ⟨v, Jᵀu⟩| / ‖Jv‖‖u‖ */
  readonly transpose: number;
  /** ‖(f(θ + εv) − f(θ − εv)) / 2ε − Jv‖ / ‖Jv‖ */
  readonly differences: number;
}

/** The inner product ⟨a, b⟩; NaN when the lengths differ. */
function inner(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < Math.max(a.length, b.length); i++) sum += (a[i] ?? NaN) * (b[i] ?? NaN);
  return sum;
}

const norm = (values: ArrayLike<number>): number => Math.sqrt(inner(values, values));

/** a + scale · b, entry by entry. */
const shifted = (a: ArrayLike<number>, b: ArrayLike<number>, scale: number): Float32Array =>
  Float32Array.from(a, (value, i) => value + scale * (b[i] ?? NaN));

/** A random direction: a vector of length 1. */
function direction(count: number, seed: number): Float32Array {
  const values: ArrayLike<number> = random.normal(random.key(seed), [count]).dataSync();
  const length = norm(values);
  return Float32Array.from(values, (value) => value / length);
}

/**
 * Compares the functions of a model along a random v and u of length 1. The differences err by about ε² from
 * what they leave out and by 1e-6/ε from rounding.
 */
export function disagreement(
  { forward, jvp, vjp }: ModelFunctions,
  parameters: Float32Array,
  features: Features,
  { seed = 1, epsilon = 0.01 }: { readonly seed?: number; readonly epsilon?: number } = {},
): Disagreement {
  const v = direction(parameters.length, seed);
  const ahead = forward(shifted(parameters, v, epsilon), features);
  const behind = forward(shifted(parameters, v, -epsilon), features);
  const slope = shifted(ahead, behind, -1).map((change) => change / (2 * epsilon));
  const product = jvp(parameters, features, v);
  const u = direction(product.length, seed + 1);
  const pulled = vjp(parameters, features, u);
  return {
    transpose: Math.abs(inner(product, u) - inner(v, pulled)) / norm(product),
    differences: norm(shifted(slope, product, -1)) / norm(product),
  };
}

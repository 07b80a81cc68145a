/**
 * Conjugate gradient for symmetric positive definite systems, over vectors in the kernel's memory.
 *
 * @module
 */

import { f64 } from "../kernel/arena.ts";
import type { LoadedKernel } from "../kernel/kernel.ts";
import type { Pieces } from "../kernel/pieces.ts";

/** Vector operations; vectors are named by numbers, such as their addresses. */
export interface Space {
  readonly dot: (x: number, y: number) => number;
  /** y += a x. */
  readonly axpy: (a: number, x: number, y: number) => void;
  /** y = x + b y. */
  readonly scaleAdd: (b: number, x: number, y: number) => void;
  readonly copy: (x: number, y: number) => void;
  readonly clear: (x: number) => void;
  /** ‖x‖, without overflow or underflow. */
  readonly norm: (x: number) => number;
  /** x ← a x. */
  readonly scale: (a: number, x: number) => void;
}

/** Vectors of `length` float64 numbers: one number an example. */
export function rowSpace(kernel: LoadedKernel, length: number): Space {
  const { exports } = kernel;
  const view = (x: number): Float64Array => f64(kernel, x, length);
  return {
    dot: (x, y) => exports.dot64(length, x, y),
    axpy: (a, x, y) => exports.axpy64(length, a, x, y),
    scaleAdd: (b, x, y) => exports.scaleAdd64(length, b, x, y),
    copy: (x, y) => view(y).set(view(x)),
    clear: (x) => view(x).fill(0),
    norm: (x) => {
      const most = view(x).reduce((top, v) => Math.max(top, Math.abs(v)), 0);
      return most === 0 ? 0 : most * Math.sqrt(view(x).reduce((sum, v) => sum + (v / most) ** 2, 0));
    },
    scale: (a, x) => view(x).forEach((v, i, all) => all[i] = a * v),
  };
}

/**
 * A computation that leaves products with a matrix to whoever runs it: it yields x and out, and goes on when out ← S x is
 * done, here or on a device.
 */
export type Products<A> = Generator<readonly [x: number, out: number], A, void>;

/** Runs it with products that are made at once. */
export function drive<A>(steps: Products<A>, multiply: (x: number, out: number) => void): A {
  let next = steps.next();
  while (next.done !== true) next = steps.next(multiply(...next.value));
  return next.value;
}

/** Runs it with products that are made at once, and may rest after each of them. */
export function* driveInPieces<A>(steps: Products<A>, multiply: (x: number, out: number) => void): Pieces<A> {
  let next = steps.next();
  while (next.done !== true) {
    multiply(...next.value);
    yield;
    next = steps.next();
  }
  return next.value;
}

/** A x = b with its preconditioner M⁻¹. */
export interface LinearSystem {
  /** Completes the product that was yielded, at out, to A x (or makes all of it); returns xᵀA x. */
  readonly apply: (x: number, out: number) => number;
  /** out ← M⁻¹ x. */
  readonly precondition: (x: number, out: number) => void;
  /** The size of a residual (default: its norm). */
  readonly size?: (x: number) => number;
}

/** Limits of a run. */
export interface Limits {
  /** Stops when the size of b − A x is at most `tolerance` times that of b. */
  readonly tolerance: number;
  /** Stops after this many iterations. */
  readonly maxIterations: number;
  /** Whether x holds a start (default: it starts from zero). */
  readonly warm?: boolean;
}

/** Why conjugate gradient stopped. */
export type IterativeStop = "converged" | "iterationCap" | "breakdown";

/** How a run ended. */
export interface Run {
  readonly iterations: number;
  readonly stop: IterativeStop;
}

/**
 * Solves A x = b to x. `work` holds four vectors. Scale-free: b is divided by its norm first, and nothing is
 * compared with an absolute constant.
 */
export function* conjugateGradient(
  space: Space,
  system: LinearSystem,
  b: number,
  x: number,
  work: readonly [number, number, number, number],
  { tolerance, maxIterations, warm }: Limits,
): Products<Run> {
  const [r, z, p, ap] = work;
  const unit = space.norm(b);
  if (!warm || !(unit > 0)) space.clear(x);
  if (!(unit > 0 && unit < Infinity)) return { iterations: 0, stop: unit === 0 ? "converged" : "breakdown" };
  space.copy(b, r);
  space.scale(1 / unit, r);
  const size = system.size ?? space.norm, enough = tolerance * size(r);
  if (warm) {
    space.scale(1 / unit, x);
    yield [x, ap];
    system.apply(x, ap);
    space.axpy(-1, ap, r);
  }
  let stop: IterativeStop = "iterationCap", iterations = 0, rz = 0;
  if (warm && size(r) <= enough) stop = "converged";
  while (stop === "iterationCap" && iterations < maxIterations) {
    const before = rz;
    system.precondition(r, z);
    rz = space.dot(r, z);
    if (iterations === 0) space.copy(z, p);
    else space.scaleAdd(rz / before, z, p);
    yield [p, ap];
    const curvature = system.apply(p, ap);
    if (!(curvature > 0 && rz > 0)) stop = "breakdown";
    else {
      space.axpy(rz / curvature, p, x);
      space.axpy(-rz / curvature, ap, r);
      iterations++;
      if (size(r) <= enough) stop = "converged";
    }
  }
  space.scale(unit, x);
  return { iterations, stop };
}

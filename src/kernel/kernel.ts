/**
 * The kernel: one WebAssembly instance, made on first use and kept.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import { CLASS_LIMITS, type ClassLimits } from "./class_limits.ts";
import { simd } from "./simd.generated.ts";
import { compile } from "./compile.ts";
import { type KernelCode, refusalOf } from "./source.ts";

/** A WebAssembly memory. */
export interface KernelMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

/** The exports of assembly/index.ts; all arguments are numbers and byte addresses. */
export interface KernelExports {
  readonly memory: KernelMemory;
  heapBase(): number;
  packRows(x: number, k: number, n: number, out: number): void;
  packTransposed(x: number, n: number, k: number, out: number): void;
  unpackTransposed(panels: number, k: number, n: number, scale: number, out: number): void;
  unpackRows(panels: number, k: number, n: number, out: number): void;
  transposePanels(x: number, k: number, n: number, out: number): void;
  fillPanels(values: number, k: number, n: number, out: number): void;
  product(
    from: number,
    to: number,
    n: number,
    k: number,
    a: number,
    lda: number,
    b: number,
    c: number,
    ldc: number,
  ): void;
  productPanels(
    from: number,
    to: number,
    m: number,
    n: number,
    k: number,
    a: number,
    lda: number,
    b: number,
    c: number,
  ): void;
  productTransposedPanels(
    from: number,
    to: number,
    m: number,
    n: number,
    k: number,
    a: number,
    lda: number,
    b: number,
    c: number,
  ): void;
  gramPanel(j: number, n: number, k: number, panels: number, out: number): void;
  mirror(n: number, matrix: number): void;
  whiten(n: number, k: number, sum: number, w: number, s: number, ld: number, diagonal: number, work: number): void;
  competitors(
    from: number,
    to: number,
    n: number,
    classes: number,
    f: number,
    e: number,
    y: number,
    trueLogit: number,
    peak: number,
    sum: number,
  ): void;
  margins(
    n: number,
    trueLogit: number,
    peak: number,
    sum: number,
    alpha: number,
    margin: number,
    slope: number,
    weight: number,
    rhs: number,
  ): number;
  addClasses(
    from: number,
    to: number,
    n: number,
    first: number,
    classes: number,
    f: number,
    y: number,
    trueLogit: number,
    peak: number,
    sum: number,
  ): void;
  exponentiate(
    from: number,
    to: number,
    n: number,
    first: number,
    classes: number,
    f: number,
    y: number,
    peak: number,
    sum: number,
  ): void;
  ranks(n: number, classes: number, f: number, y: number, rank: number): void;
  curvatureProduct(
    classes: number,
    n: number,
    e: number,
    labels: number,
    sum: number,
    kept: number,
    dropped: number,
    t: number,
  ): void;
  vexp(n: number, x: number, out: number): void;
  vlog(n: number, x: number, out: number): void;
  activate(kind: number, n: number, slope: number, z: number, out: number, derivative: number): void;
  vtanh(n: number, x: number, out: number): void;
  verf(n: number, x: number, out: number): void;
  vsigmoid(n: number, x: number, out: number): void;
  normalise(
    features: number,
    n: number,
    epsilon: number,
    gain: number,
    shift: number,
    x: number,
    out: number,
    normalised: number,
    inverse: number,
  ): void;
  normaliseTangent(
    features: number,
    n: number,
    gain: number,
    normalised: number,
    inverse: number,
    tangent: number,
    dGain: number,
    dShift: number,
    out: number,
  ): void;
  normaliseBackward(
    features: number,
    n: number,
    gain: number,
    normalised: number,
    inverse: number,
    signal: number,
    out: number,
  ): void;
  cholesky(n: number, s: number, l: number, ld: number, lambda: number): number;
  choleskySolve(n: number, l: number, ld: number, r: number, u: number): void;
  multiply64(n: number, s: number, ld: number, x: number, y: number): void;
  dot64(n: number, x: number, y: number): number;
  dot(n: number, x: number, y: number): number;
  norm(n: number, x: number): number;
  average(n: number, decay: number, x: number, y: number): void;
  axpy(n: number, a: number, x: number, y: number): void;
  scale(n: number, a: number, x: number): void;
  scaleAdd(n: number, beta: number, x: number, y: number): void;
  multiplyAdd(n: number, x: number, y: number, out: number): void;
  axpy64(n: number, a: number, x: number, y: number): void;
  scaleAdd64(n: number, beta: number, x: number, y: number): void;
  allFinite(n: number, x: number): number;
  coefficients(n: number, a: number, sum: number, out: number): void;
  scaleColumns(
    from: number,
    to: number,
    classes: number,
    n: number,
    e: number,
    coefficient: number,
    out: number,
  ): void;
  centre(k: number, n: number, x: number, mean: number, scale: number, out: number): void;
  centredSquares(k: number, n: number, coefficient: number, x: number, mean: number, out: number): void;
  finishLayer(
    rows: number,
    cols: number,
    w: number,
    rowScale: number,
    colScale: number,
    mean: number,
    beta: number,
    bias: number,
  ): void;
  power(x: number, y: number): number;
  triangularInverse(n: number, f: number, ld: number, scale: number, x: number, out: number): void;
  addInputGram(
    from: number,
    to: number,
    n: number,
    k: number,
    panels: number,
    h: number,
    width: number,
    constant: number,
    x: number,
    ld: number,
    s: number,
  ): void;
  reduceInputs(
    from: number,
    to: number,
    n: number,
    k: number,
    panels: number,
    scale: number,
    width: number,
    constant: number,
    f: number,
    ld: number,
    x: number,
    out: number,
  ): void;
  complement(n: number, x: number, ld: number, u: number): void;
  writeStage(
    n: number,
    u: number,
    ld: number,
    lambda: number,
    h: number,
    work: number,
    hidden: number,
    signals: number,
    gram: number,
    mixing: number,
  ): void;
  addScaledColumns(k: number, n: number, coefficient: number, x: number, out: number): void;
  addRowSums(rows: number, n: number, x: number, out: number): void;
  columnDots(k: number, n: number, x: number, y: number, out: number): void;
  weightedRowSums(rows: number, n: number, coefficient: number, x: number, y: number, out: number): void;
  csrProduct(
    rows: number,
    offsets: number,
    indices: number,
    values: number,
    width: number,
    w: number,
    out: number,
  ): void;
  csrUpdate(rows: number, offsets: number, indices: number, values: number, width: number, x: number, w: number): void;
  csrSquares(rows: number, offsets: number, values: number, out: number): void;
  csrGram(
    rows: number,
    cols: number,
    offsets: number,
    indices: number,
    values: number,
    out: number,
    work: number,
  ): void;
}

/** A compiled kernel, to be passed in options. Its memory grows with the largest problem solved and is reused. */
export interface Kernel {
  /** The build: results of `simd128` are the same bytes in every runtime, of `relaxed-simd` they are not. */
  readonly name: "simd128" | "relaxed-simd";
}

/**
 * A kernel with its raw exports.
 * @internal
 */
export interface LoadedKernel extends Kernel {
  readonly exports: KernelExports;
  /** Hash of the kernel's bytes; checkpoints name it. */
  readonly hash: string;
  /** Memory that the classes of a problem may take. */
  readonly classes: ClassLimits;
  /** Whether a function of a custom model is running: its own calls must not touch this kernel's memory. */
  busy: boolean;
  /** How often memory was laid out: what lay there before is given up. */
  layouts: number;
}

/**
 * Instantiates a kernel. Errors: `UnsupportedRuntime`, `CompilationForbidden`.
 * @internal
 */
export function instantiate(code: KernelCode): E.Either<FgnError, LoadedKernel> {
  const module = compile(code);
  if (module._tag === "Left") return module;
  try {
    const exports = new WebAssembly.Instance(module.right).exports as unknown as KernelExports;
    return E.right({ name: code.name, exports, hash: code.hash, classes: CLASS_LIMITS, busy: false, layouts: 0 });
  } catch (cause) {
    return refusalOf(cause);
  }
}

/** Kernels of the default build; one, unless custom models call this library within their functions. */
let pool: LoadedKernel[] = [];

/**
 * The default kernel (simd128), compiled on the first call; another one while it is busy. Errors:
 * `UnsupportedRuntime`, `CompilationForbidden`.
 */
export function defaultKernel(): E.Either<FgnError, LoadedKernel> {
  const free = pool.find((kernel) => !kernel.busy);
  if (free !== undefined) return E.right(free);
  const kernel = instantiate(simd);
  if (kernel._tag === "Right") pool.push(kernel.right);
  return kernel;
}

/**
 * Drops the default kernel, so that its memory can be collected; the next call makes a new one. Worth it
 * after a problem much larger than those to come: WebAssembly memory never shrinks.
 */
export function releaseKernel(): void {
  pool = [];
}

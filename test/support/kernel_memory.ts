// What the kernel tests share: buffers in the kernel's memory, panels, seeded inputs, comparisons.
//
// Every layout is first filled with 0xff bytes, which are NaN as float32 and as float64: a kernel that reads
// what it should not, or leaves unwritten what it should write, shows up as NaN.

import { instantiateSync } from "@assemblyscript/loader";
import { f32, f64, place, u32 } from "../../src/kernel/arena.ts";
import { CLASS_LIMITS } from "../../src/kernel/class_limits.ts";
import type { KernelExports, LoadedKernel } from "../../src/kernel/kernel.ts";
import { simd } from "../../src/kernel/simd.generated.ts";
import { decode } from "../../src/kernel/compile.ts";

/** A list of numbers, of whatever kind. */
export type Numbers = ArrayLike<number>;

/** Vector lanes. */
export const LANES = 4;
/** Columns of a full panel. */
export const PANEL = 16;

let loaded: LoadedKernel | undefined;

/** The kernel of the default build, loaded by AssemblyScript's own loader: what is tested is the module alone. */
export function kernel(): LoadedKernel {
  if (loaded === undefined) {
    const { name, hash, code } = simd;
    if (typeof code !== "string") throw new Error("the kernel is not inlined");
    const { exports } = instantiateSync(decode(code), {});
    loaded = {
      name,
      hash,
      exports: exports as unknown as KernelExports,
      classes: CLASS_LIMITS,
      busy: false,
      layouts: 0,
    };
  }
  return loaded;
}

/** Its exports. */
export function exports(): KernelExports {
  return kernel().exports;
}

/** Addresses of buffers of the given sizes in bytes, all bytes 0xff. */
export function layout<Name extends string>(sizes: Readonly<Record<Name, number>>): Readonly<Record<Name, number>> {
  const placed = place(kernel(), sizes);
  if (placed._tag === "Left") throw new Error(placed.left.message);
  for (const name of Object.keys(sizes) as Name[]) {
    new Uint8Array(exports().memory.buffer, placed.right[name], Math.ceil(sizes[name] / 64) * 64).fill(255);
  }
  return placed.right;
}

/** Writes float32 values. */
export function putF32(address: number, values: Numbers): void {
  f32(kernel(), address, values.length).set(values);
}

/** Writes float64 values. */
export function putF64(address: number, values: Numbers): void {
  f64(kernel(), address, values.length).set(values);
}

/** Writes unsigned integers. */
export function putU32(address: number, values: Numbers): void {
  u32(kernel(), address, values.length).set(values);
}

/** A copy of float32 values. */
export function getF32(address: number, length: number): Float32Array {
  return f32(kernel(), address, length).slice();
}

/** A copy of float64 values. */
export function getF64(address: number, length: number): Float64Array {
  return f64(kernel(), address, length).slice();
}

/** A copy of unsigned integers: float32 values bit by bit. */
export function getU32(address: number, length: number): Uint32Array {
  return u32(kernel(), address, length).slice();
}

/** What a vector function of the kernel gives for x. */
export function applied(name: "vexp" | "vlog" | "vtanh" | "verf" | "vsigmoid", x: Numbers): Float32Array {
  const bytes = Math.ceil(x.length / LANES) * 16;
  const m = layout({ x: bytes, out: bytes });
  putF32(m.x, x);
  exports()[name](x.length, m.x, m.out);
  return getF32(m.out, x.length);
}

/** The i-th number. */
export function at(values: Numbers, i: number): number {
  return values[i] as number;
}

/** A linear congruential generator (Numerical Recipes): the same float32 numbers in [−1, 1) for the same seed. */
export function random(seed: number): () => number {
  let state = (seed * 2654435761) >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) / 2 ** 23 - 1;
  };
}

/** `length` random float32 numbers in [−scale, scale). */
export function randomF32(length: number, seed: number, scale = 1): Float32Array {
  const next = random(seed);
  return Float32Array.from({ length }, () => next() * scale);
}

/** `length` random numbers in [−1, 1), as float64. */
export function randomF64(length: number, seed: number): Float64Array {
  const next = random(seed);
  return Float64Array.from({ length }, () => next() + next() * 2 ** -24);
}

/** n rounded up to a multiple of four. */
export function ceil4(n: number): number {
  return (n + LANES - 1) & -LANES;
}

/** Where entry (i, j) of a `rows` × n matrix lies in its panels. */
export function panelIndex(rows: number, n: number, i: number, j: number): number {
  const first = j - (j % PANEL);
  return first * rows + i * ceil4(Math.min(PANEL, n - first)) + (j - first);
}

/** A row-major `rows` × n matrix in panels, unused lanes set to `unused`. */
export function toPanels(rows: number, n: number, x: Numbers, unused = 0): Float32Array {
  const out = new Float32Array(rows * ceil4(n)).fill(unused);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < n; j++) out[panelIndex(rows, n, i, j)] = at(x, i * n + j);
  }
  return out;
}

/** The transpose of a row-major `rows` × n matrix. */
export function transpose(rows: number, n: number, x: Numbers): Float32Array {
  return Float32Array.from({ length: rows * n }, (_, t) => at(x, (t % rows) * n + Math.floor(t / rows)));
}

/** ‖x‖₂ of the `length` numbers from `start` on, `step` apart. */
export function norm2(x: Numbers, start: number, length: number, step = 1): number {
  let total = 0;
  for (let i = 0; i < length; i++) total += at(x, start + i * step) ** 2;
  return Math.sqrt(total);
}

/** Σ_i x[i] y[i] in float64. */
export function inner(x: Numbers, y: Numbers): number {
  let total = 0;
  for (let i = 0; i < x.length; i++) total += at(x, i) * at(y, i);
  return total;
}

/** The indices 0…length−1 at which `holds` is false, as text, at most five: [] when all is well. */
export function violations(label: string, length: number, holds: (i: number) => boolean): string[] {
  const out: string[] = [];
  for (let i = 0; i < length && out.length < 5; i++) {
    if (!holds(i)) out.push(`${label} at ${i}`);
  }
  return out;
}

/** True when |a − b| ≤ bound; false for NaN. */
export function near(a: number, b: number, bound: number): boolean {
  return Math.abs(a - b) <= bound;
}

/** True for the bits that `layout` leaves: nothing was written here. */
export function untouched(address: number, floats: number): boolean {
  return getU32(address, floats).every((bits) => bits === 0xffffffff);
}

const SIZES = [1, 2, 3, 4, 5, 7, 10, 15, 16, 17, 31, 33, 100];
const DEPTHS = [...SIZES, 257, 600];

/** Sizes of a product of m × k and k × n. */
export type Shape = { readonly m: number; readonly n: number; readonly k: number };

/** 65 shapes: every n with five different m and k; every depth at least four times. */
export const SHAPES: readonly Shape[] = Array.from({ length: 65 }, (_, i) => ({
  m: at(SIZES, (i * 5 + Math.floor(i / 13) * 3) % 13),
  n: at(SIZES, i % 13),
  k: at(DEPTHS, (i * 7 + Math.floor(i / 13)) % 15),
}));

// What `npm run watch:speed` watches, and the loops of the reference (assembly/bench/reference.ts) that each is divided by:
// float32 products by a product, the solver by a float64 loop, the margin pass by one of exponentials.

import { fgnStep, getOrThrow, relative } from "../../mod.ts";
import { f32, f64, place, u32 } from "../../src/kernel/arena.ts";
import { instantiate, type KernelExports, type LoadedKernel } from "../../src/kernel/kernel.ts";
import { simd } from "../../src/kernel/simd.generated.ts";
import { problem, uniform } from "../../test/support/reference.ts";
import { loadModule } from "../support/assembly.ts";
import type { Contender } from "../support/race.ts";

/** The loops of the reference. */
export type ReferenceName = "reference product" | "reference pairs" | "reference exponentials";

/** A kernel and what its time is divided by. */
export interface Watched extends Contender {
  readonly by: ReferenceName;
}

interface ReferenceExports {
  readonly memory: WebAssembly.Memory;
  heapBase(): number;
  product(m: number, k: number, n: number, a: number, b: number, c: number): void;
  pairs(n: number, k: number, x: number, out: number): void;
  exponentials(n: number, x: number, out: number): void;
}

/** The reference: its loops, and the hash of its code. */
export function reference(): { readonly loops: readonly Contender[]; readonly hash: string } {
  const { exports, hash } = loadModule<ReferenceExports>("reference"), { memory } = exports;
  const size = 128, floats = size * size, at = Math.ceil(exports.heapBase() / 64) * 64, b = at + 4 * floats;
  memory.grow(16);
  new Float32Array(memory.buffer, at, floats).set(uniform(floats, 1));
  new Float32Array(memory.buffer, b, floats).set(uniform(floats, 2));
  const c = b + 4 * floats, pairsAt = c + 4 * floats, pairsOut = pairsAt + 8 * 64 * 64;
  new Float64Array(memory.buffer, pairsAt, 64 * 64).set(uniform(64 * 64, 3));
  return {
    hash,
    loops: [
      {
        name: "reference product",
        prepare: () => new Float32Array(memory.buffer, c, floats).fill(0),
        run: () => exports.product(size, size, size, at, b, c),
      },
      { name: "reference pairs", run: () => exports.pairs(64, 64, pairsAt, pairsOut) },
      { name: "reference exponentials", run: () => exports.exponentials(floats, at, c) },
    ],
  };
}

/** A kernel with memory of its own. */
function open<Name extends string>(sizes: Readonly<Record<Name, number>>): {
  readonly kernel: LoadedKernel;
  readonly exports: KernelExports;
  readonly at: Readonly<Record<Name, number>>;
} {
  const kernel = getOrThrow(instantiate(simd));
  return { kernel, exports: kernel.exports, at: getOrThrow(place(kernel, sizes)) };
}

/** An m × k × n product, with the packing of its right operand; `again` is the share of its rows that it computes twice. */
export function product(name: string, m: number, k: number, n: number, again = 0): Watched {
  const { kernel, exports, at } = open({ a: 4 * m * k, b: 4 * k * n, packed: 4 * k * (n + 4), c: 4 * m * n });
  f32(kernel, at.a, m * k).set(uniform(m * k, 1));
  f32(kernel, at.b, k * n).set(uniform(k * n, 2));
  const rows = (from: number, to: number): void => exports.product(from, to, n, k, at.a, k, at.packed, at.c, n);
  return {
    name,
    by: "reference product",
    prepare: () => f32(kernel, at.c, m * n).fill(0),
    run: () => {
      exports.packRows(at.b, k, n, at.packed);
      rows(0, m);
      if (again > 0) rows(0, Math.round(again * m));
    },
  };
}

function transposedProduct(name: string, m: number, k: number, n: number): Watched {
  const { kernel, exports, at } = open({ a: 4 * m * k, b: 4 * k * n, packed: 4 * k * n, c: 4 * m * n });
  f32(kernel, at.a, m * k).set(uniform(m * k, 1));
  f32(kernel, at.b, k * n).set(uniform(k * n, 2));
  exports.packRows(at.b, k, n, at.packed);
  return {
    name,
    by: "reference product",
    prepare: () => f32(kernel, at.c, m * n).fill(0),
    run: () => exports.productTransposedPanels(0, m, m, n, k, at.a, m, at.packed, at.c),
  };
}

function gram(name: string, n: number, k: number): Watched {
  const { kernel, exports, at } = open({ panels: 4 * k * n, out: 4 * n * n });
  f32(kernel, at.panels, k * n).set(uniform(k * n, 1));
  return {
    name,
    by: "reference product",
    prepare: () => f32(kernel, at.out, n * n).fill(0),
    run: () => {
      for (let j = 0; j < n; j += 16) exports.gramPanel(j, n, k, at.panels, at.out);
    },
  };
}

function marginPass(name: string, n: number, classes: number): Watched {
  const { kernel, exports, at } = open({
    f: 4 * n * classes,
    e: 4 * n * classes,
    y: 4 * n,
    t: 4 * n,
    p: 4 * n,
    s: 4 * n,
  });
  f32(kernel, at.f, n * classes).set(uniform(n * classes, 1));
  u32(kernel, at.y, n).forEach((_, i, y) => y[i] = i % classes);
  return {
    name,
    by: "reference exponentials",
    run: () => exports.competitors(0, n, n, classes, at.f, at.e, at.y, at.t, at.p, at.s),
  };
}

function cholesky(name: string, n: number): Watched {
  const ld = n + 8, { kernel, exports, at } = open({ s: 8 * n * ld, l: 8 * n * ld });
  const s = f64(kernel, at.s, n * ld), values = uniform(n * n, 1);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) s[i * ld + j] = s[j * ld + i] = (values[i * n + j] as number) + (i === j ? n : 0);
  }
  return { name, by: "reference pairs", run: () => exports.cholesky(n, at.s, at.l, ld, 1) };
}

function step(B: number, D: number, C: number): Watched {
  const { head, data } = problem(B, D, C, { spread: 0.05 });
  return {
    name: `fgnStep ${B}×${D}×${C}`,
    by: "reference product",
    run: () => getOrThrow(fgnStep(head, data, relative(1), { lossAfter: false })),
  };
}

/** Everything that is watched. */
export const watched = (): readonly Watched[] => [
  product("product 256×256×256", 256, 256, 256),
  product("ragged product 130×390×27", 130, 390, 27),
  product("narrow product 128×784×10", 128, 784, 10),
  transposedProduct("transposed product 256×256×128", 256, 256, 128),
  gram("Gram matrix 128×384", 128, 384),
  marginPass("margin pass 128×100", 128, 100),
  cholesky("Cholesky 128", 128),
  step(128, 384, 100),
  step(32, 384, 10),
];

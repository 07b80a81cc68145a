// The margin pass over blocks of classes, against that over all of them at once.
//
// Tolerances: true logits and peaks are the same numbers; sums are added in another order and moved to a new peak by
// a rounded factor, 2e-6 relative; the exponentials of a block are the same bytes.

import { describe, expect, it } from "vitest";
import {
  at,
  ceil4,
  exports,
  getF32,
  layout,
  panelIndex,
  putF32,
  putU32,
  randomF32,
  toPanels,
} from "../support/kernel_memory.ts";

interface Passed {
  readonly e: Float32Array;
  readonly trueLogit: Float32Array;
  readonly peak: Float32Array;
  readonly sum: Float32Array;
}

function place(n: number, C: number, y: readonly number[]) {
  const row = 4 * ceil4(n), panels = row * C;
  const m = layout({ f: panels, e: panels, y: row, trueLogit: row, peak: row, sum: row });
  putU32(m.y, [...y, ...new Array<number>(ceil4(n) - n).fill(0)]);
  return m;
}

/** All classes at once. */
function whole(n: number, C: number, f: Float32Array, y: readonly number[]): Passed {
  const m = place(n, C, y), length = C * ceil4(n);
  putF32(m.f, toPanels(C, n, f));
  exports().competitors(0, ceil4(n), n, C, m.f, m.e, m.y, m.trueLogit, m.peak, m.sum);
  const [trueLogit, peak, sum] = [m.trueLogit, m.peak, m.sum].map((address) => getF32(address, n));
  const e = getF32(m.e, length);
  return { e, trueLogit, peak, sum } as Passed;
}

/** Blocks of `size` classes, the columns in two calls where there are more than four; e is put together again. */
function inBlocks(n: number, C: number, f: Float32Array, y: readonly number[], size: number): Passed {
  const m = place(n, C, y), n4 = ceil4(n), middle = Math.min(4, n4);
  const eachBlock = (visit: (from: number, count: number) => void): void => {
    for (let from = 0; from < C; from += size) {
      const count = Math.min(size, C - from);
      putF32(m.f, toPanels(count, n, f.subarray(from * n, (from + count) * n)));
      visit(from, count);
    }
  };
  putF32(m.peak, new Float32Array(n4).fill(-Infinity));
  putF32(m.sum, new Float32Array(n4));
  const columns = [[0, middle], [middle, n4]] as const;
  eachBlock((from, count) => {
    for (const [first, last] of columns) {
      exports().addClasses(first, last, n, from, count, m.f, m.y, m.trueLogit, m.peak, m.sum);
    }
  });
  const [trueLogit, peak, sum] = [m.trueLogit, m.peak, m.sum].map((address) => getF32(address, n));
  const e = new Float32Array(C * n4);
  eachBlock((from, count) => {
    for (const [first, last] of columns) {
      exports().exponentiate(first, last, n, from, count, m.f, m.y, m.peak, m.sum);
    }
    const block = getF32(m.f, count * n4);
    for (let k = 0; k < count; k++) {
      for (let i = 0; i < n; i++) e[panelIndex(C, n, from + k, i)] = at(block, panelIndex(count, n, k, i));
    }
  });
  return { e, trueLogit, peak, sum } as Passed;
}

function compare(n: number, C: number, f: Float32Array, y: readonly number[], size: number): void {
  const a = whole(n, C, f, y), b = inBlocks(n, C, f, y, size);
  expect([...b.trueLogit]).toEqual([...a.trueLogit]);
  expect([...b.peak]).toEqual([...a.peak]);
  for (let i = 0; i < n; i++) {
    expect(Math.abs(at(b.sum, i) / at(a.sum, i) - 1)).toBeLessThan(2e-6);
    for (let k = 0; k < C; k++) {
      const place = panelIndex(C, n, k, i);
      expect(at(b.e, place)).toBe(k === y[i] ? -at(b.sum, i) : at(a.e, place));
    }
  }
}

const labels = (n: number, C: number): number[] => Array.from({ length: n }, (_, i) => (7 * i + C - 1) % C);

describe("blocks of classes", () => {
  it.each([
    [1, 2, 2],
    [5, 3, 2],
    [4, 65, 64],
    [17, 130, 33],
    [35, 300, 7],
    [64, 257, 256],
    [7, 9, 100],
  ])("give what all classes at once give: %i examples, %i classes, %i a block", (n, C, size) => {
    for (const scale of [1, 20, 1e4]) compare(n, C, randomF32(n * C, C, scale), labels(n, C), size);
  });

  it("give it where the peak comes first, last, and everywhere", () => {
    const n = 6, C = 40;
    const rising = Float32Array.from({ length: n * C }, (_, at) => Math.floor(at / n));
    compare(n, C, rising, labels(n, C), 4);
    compare(n, C, rising.map((v) => -v), labels(n, C), 4);
    compare(n, C, rising.map((v) => -1000 * v), labels(n, C), 4);
    compare(n, C, rising.fill(3), labels(n, C), 4);
  });

  it("are the same bytes where there is one", () => {
    const n = 19, C = 77, f = randomF32(n * C, 3, 10), y = labels(n, C);
    expect([...inBlocks(n, C, f, y, C).sum]).toEqual([...whole(n, C, f, y).sum]);
  });

  it("tell of a logit that is no number by the peak", () => {
    const n = 4, C = 10, f = randomF32(n * C, 5);
    f[3 * n + 1] = NaN;
    const { peak } = inBlocks(n, C, f, [0, 0, 0, 0], 4);
    expect([...peak].map(Number.isNaN)).toEqual([false, true, false, false]);
  });
});

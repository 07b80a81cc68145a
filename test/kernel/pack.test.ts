// Packing and its inverses: every value moved exactly, unused lanes zero, nothing written beyond the operand.

import { describe, expect, it } from "vitest";
import {
  at,
  ceil4,
  exports,
  getF32,
  layout,
  panelIndex,
  putF32,
  randomF32,
  SHAPES,
  toPanels,
  transpose,
  untouched,
  violations,
} from "../support/kernel_memory.ts";

describe("packing", () => {
  it("packRows lays out panels of 16 columns with zeros in unused lanes", () => {
    const wrong = SHAPES.flatMap(({ n, k }, i) => {
      const x = randomF32(k * n, i + 1);
      const m = layout({ x: 4 * k * n, out: 4 * k * ceil4(n), guard: 64 });
      putF32(m.x, x);
      exports().packRows(m.x, k, n, m.out);
      const expected = toPanels(k, n, x), out = getF32(m.out, expected.length);
      return [
        ...violations(`${k}×${n}`, expected.length, (e) => at(out, e) === at(expected, e)),
        ...violations(`${k}×${n} guard`, 1, () => untouched(m.guard, 16)),
      ];
    });
    expect(wrong).toEqual([]);
  });

  it("packTransposed lays out the panels of the transpose", () => {
    const wrong = SHAPES.flatMap(({ n, k }, i) => {
      const x = randomF32(k * n, i + 1);
      const m = layout({ x: 4 * k * n, out: 4 * k * ceil4(n), guard: 64 });
      putF32(m.x, transpose(k, n, x));
      exports().packTransposed(m.x, n, k, m.out);
      const expected = toPanels(k, n, x), out = getF32(m.out, expected.length);
      return [
        ...violations(`${k}×${n}`, expected.length, (e) => at(out, e) === at(expected, e)),
        ...violations(`${k}×${n} guard`, 1, () => untouched(m.guard, 16)),
      ];
    });
    expect(wrong).toEqual([]);
  });

  it("unpackRows undoes packRows exactly, unused lanes as zeros", () => {
    const wrong = SHAPES.flatMap(({ n, k }, i) => {
      const x = randomF32(k * n, i + 1), row = ceil4(n);
      const m = layout({ panels: 4 * k * row, out: 4 * k * row, guard: 64 });
      putF32(m.panels, toPanels(k, n, x));
      exports().unpackRows(m.panels, k, n, m.out);
      const out = getF32(m.out, k * row);
      return [
        ...violations(`${k}×${n}`, k * row, (e) => {
          const r = Math.floor(e / row), c = e % row;
          return at(out, e) === (c < n ? at(x, r * n + c) : 0);
        }),
        ...violations(`${k}×${n} guard`, 1, () => untouched(m.guard, 16)),
      ];
    });
    expect(wrong).toEqual([]);
  });

  it("unpackTransposed undoes packTransposed exactly", () => {
    const wrong = SHAPES.flatMap(({ n, k }, i) => {
      const x = randomF32(n * k, i + 1);
      const m = layout({ x: 4 * n * k, panels: 4 * k * ceil4(n), out: 4 * n * k, guard: 64 });
      putF32(m.x, x);
      exports().packTransposed(m.x, n, k, m.panels);
      exports().unpackTransposed(m.panels, k, n, 0, m.out);
      const out = getF32(m.out, n * k);
      return [
        ...violations(`${n}×${k}`, n * k, (e) => at(out, e) === at(x, e)),
        ...violations(`${n}×${k} guard`, 1, () => untouched(m.guard, 16)),
      ];
    });
    expect(wrong).toEqual([]);
  });

  it("unpackTransposed scales column j by scale[j]", () => {
    const wrong = SHAPES.flatMap(({ n, k }, i) => {
      const x = randomF32(n * k, i + 1), scale = randomF32(n, i + 2);
      const m = layout({ panels: 4 * k * ceil4(n), scale: 4 * n, out: 4 * n * k });
      putF32(m.panels, toPanels(k, n, transpose(n, k, x), NaN));
      putF32(m.scale, scale);
      exports().unpackTransposed(m.panels, k, n, m.scale, m.out);
      const out = getF32(m.out, n * k);
      const expected = (e: number) => Math.fround(at(x, e) * at(scale, Math.floor(e / k)));
      return violations(`${n}×${k}`, n * k, (e) => at(out, e) === expected(e));
    });
    expect(wrong).toEqual([]);
  });

  it("fillPanels puts one value per row in every column, or zeros, and nothing after", () => {
    const wrong = SHAPES.flatMap(({ n, k }, i) => {
      const values = randomF32(k, i + 1);
      const m = layout({ values: 4 * k, out: 4 * k * ceil4(n), guard: 64, zeros: 4 * k * ceil4(n), end: 64 });
      putF32(m.values, values);
      exports().fillPanels(m.values, k, n, m.out);
      exports().fillPanels(0, k, n, m.zeros);
      const out = getF32(m.out, k * ceil4(n)), zeros = getF32(m.zeros, k * ceil4(n));
      const entry = (e: number) => at(out, panelIndex(k, n, Math.floor(e / n), e % n));
      return [
        ...violations(`${k}×${n}`, k * n, (e) => entry(e) === at(values, Math.floor(e / n))),
        ...violations(`${k}×${n} zeros`, zeros.length, (e) => at(zeros, e) === 0),
        ...violations(`${k}×${n} guard`, 1, () => untouched(m.guard, 16) && untouched(m.end, 16)),
      ];
    });
    expect(wrong).toEqual([]);
  });
});

describe("transposePanels", () => {
  it("packs the transpose of a packed operand exactly, with zeros in unused lanes whatever lay in those of its input", () => {
    const wrong = SHAPES.flatMap(({ n, k }, i) => {
      const x = randomF32(k * n, i + 1);
      const m = layout({ x: 4 * k * ceil4(n), out: 4 * n * ceil4(k), guard: 64 });
      putF32(m.x, toPanels(k, n, x, 5));
      exports().transposePanels(m.x, k, n, m.out);
      const expected = toPanels(n, k, transpose(k, n, x)), out = getF32(m.out, expected.length);
      return [
        ...violations(`${k}×${n}`, expected.length, (e) => at(out, e) === at(expected, e)),
        ...violations(`${k}×${n} guard`, 1, () => untouched(m.guard, 16)),
      ];
    });
    expect(wrong).toEqual([]);
  });

  it("undoes itself", () => {
    const wrong = SHAPES.flatMap(({ n, k }, i) => {
      const x = toPanels(k, n, randomF32(k * n, i + 1));
      const m = layout({ x: 4 * k * ceil4(n), once: 4 * n * ceil4(k), twice: 4 * k * ceil4(n) });
      putF32(m.x, x);
      exports().transposePanels(m.x, k, n, m.once);
      exports().transposePanels(m.once, n, k, m.twice);
      const out = getF32(m.twice, x.length);
      return violations(`${k}×${n}`, x.length, (e) => at(out, e) === at(x, e));
    });
    expect(wrong).toEqual([]);
  });
});

import { describe, expect, it } from "vitest";
import { batch, columnScales, getOrThrow, matrix, standardise } from "../../mod.ts";

describe("columnScales() and standardise()", () => {
  const data = getOrThrow(batch({ features: getOrThrow(matrix([[1, 20], [3, 40], [2, 10]])), labels: [0, 1, 0] }));
  const scales = getOrThrow(columnScales(data));

  it("refuse features without columns that say more rows than there are labels", () => {
    const wrong = { ...data, features: { rows: 2 ** 20, cols: 0, data: new Float32Array(0) } };
    expect(columnScales(wrong)).toMatchObject({ left: { _tag: "ShapeMismatch" } });
    expect(standardise(wrong, scales)).toMatchObject({ left: { _tag: "ShapeMismatch" } });
  });

  it("read a batch once: rows that grow between reads count as they were", () => {
    let reads = 0;
    const { cols, data: values } = data.features;
    const growing = {
      ...data,
      features: {
        cols,
        data: values,
        get rows() {
          return reads++ === 0 ? 3 : 2 ** 20;
        },
      },
    };
    expect(columnScales(growing)).toEqual(columnScales(data));
    reads = 0;
    expect(standardise(growing, scales)).toEqual(standardise(data, scales));
  });
});

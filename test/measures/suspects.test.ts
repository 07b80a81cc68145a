import { describe, expect, it } from "vitest";
import { getOrThrow, matrix, suspects } from "../../mod.ts";
import { four, SCIKIT_LEARN, tableOf } from "./cases.ts";

describe("suspects()", () => {
  for (const given of SCIKIT_LEARN.cases) {
    if (given.weights !== null) continue;
    it(`ranks ${given.name} as numpy does, by margin and by self-confidence`, () => {
      for (const by of ["margin", "selfConfidence"] as const) {
        const got = getOrThrow(suspects(tableOf(given), given.labels, { by, most: 1000 }));
        expect(got.map(({ row }) => row)).toEqual(given.suspects[by]);
        for (const { row, label, suggested, selfConfidence, margin } of got) {
          expect([label, suggested]).toEqual([given.labels[row], given.suspects.suggested[row]]);
          const p = tableOf(given).data, at = row * given.classes;
          expect([selfConfidence, margin])
            .toEqual([p[at + label], (p[at + label] as number) - (p[at + suggested] as number)]);
        }
        if (given.classes > 100) break;
      }
    });
  }

  it("finds labels that were exchanged before all others", () => {
    expect(getOrThrow(suspects(four, [0, 1, 0, 0]))[0]).toMatchObject({ row: 3, label: 0, suggested: 2 });
  });

  it("keeps equal rows in their order, leaves out ignored ones, and lists a hundred or `most`", () => {
    const p = getOrThrow(matrix(Array.from({ length: 120 }, () => [0.5, 0.25, 0.25])));
    const labels = Array.from({ length: 120 }, (_, i) => i < 3 ? 9 : 1), options = { ignoredLabel: 9 };
    const rows = (most?: number) =>
      getOrThrow(suspects(p, labels, most === undefined ? options : { ...options, most })).map(({ row }) => row);
    expect(rows()).toEqual(Array.from({ length: 100 }, (_, i) => i + 3));
    expect(rows(2)).toEqual([3, 4]);
    expect(rows(1000)).toHaveLength(117);
  });
});

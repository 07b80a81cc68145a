// Tables and recipes: what becomes of columns, what is refused with which place, and what unseen values count as.

import { describe, expect, it } from "vitest";
import {
  type Cell,
  type ColumnsRecipe,
  type FeatureRecipe,
  fromRows,
  getOrThrow,
  inferRecipe,
  makeFeatures,
  matrix,
  type Rows,
  type Table,
  table,
  widthOf,
} from "../../mod.ts";
import { left } from "../support/reference.ts";

const people = getOrThrow(table({
  age: [30, 41.5, 54],
  town: ["Ulm", "Graz", "Ulm"],
  face: [[1, 2], Float32Array.of(3, 4), [5, 6]],
  note: ["likes fgn", "", "no"],
  pays: ["yes", "no", "yes"],
}));

/** The table as a file of that name, whose rows lie on these lines. */
const inFile = (one: Table, lines: readonly number[], unit: "line" | "row" = "line"): Table => ({
  ...one,
  source: { name: "people.csv", lines: Uint32Array.from(lines), unit },
});

describe("table", () => {
  it("makes numbers of what are numbers alone, and keeps other cells", () => {
    const { columns, rows } = getOrThrow(
      table({ a: [1, null, 3], b: ["x", 2, undefined], c: [null, null, null], d: Float64Array.of(1, 2, 3) }),
    );
    expect(rows).toBe(3);
    expect(columns.map(({ cells }) => Array.from<unknown>(cells))).toEqual([
      [1, NaN, 3],
      ["x", 2, null],
      [null, null, null],
      [1, 2, 3],
    ]);
    expect(columns.map(({ cells }) => cells instanceof Float64Array)).toEqual([true, false, false, true]);
  });

  it("refuses what is no table", () => {
    expect(left(table({ a: [1, 2], b: [1] }))).toMatchObject({ _tag: "ShapeMismatch" });
    expect(left(table({ a: [1, true] }))).toMatchObject({ _tag: "InvalidTable", column: "a", row: 1 });
    expect(left(table({ a: [new Date()] }))).toMatchObject({ _tag: "InvalidTable", column: "a", row: 0 });
    expect(left(table({ a: new Array(3) }))).toMatchObject({ _tag: "InvalidTable", column: "a", row: 0 });
    expect(left(table([] as never))).toMatchObject({ _tag: "WrongKind" });
    const twice = { ...people, columns: [...people.columns, people.columns[0]] } as Table;
    expect(left(inferRecipe(twice))).toMatchObject({ _tag: "InvalidTable", column: "age" });
  });
});

describe("inferRecipe", () => {
  const recipe = getOrThrow(inferRecipe(people, { label: "pays", text: ["note"] })) as ColumnsRecipe;

  it("tells numbers, texts of a few values, vectors, and texts to read", () => {
    expect(recipe).toEqual({
      kind: "columns",
      columns: [
        { kind: "number", name: "age", missing: null },
        { kind: "category", name: "town", values: ["Graz", "Ulm"], missing: "refuse" },
        { kind: "vector", name: "face", length: 2 },
        { kind: "text", name: "note", buckets: 2048, longest: 3, lowerCase: true },
      ],
    });
    expect(widthOf(recipe)).toBe(1 + 2 + 2 + 2048);
  });

  it("tells rows, matrices and texts", () => {
    const cases: readonly (readonly [Rows, FeatureRecipe])[] = [
      [[[1, 2, 3]], { kind: "vector", length: 3 }],
      [[Float32Array.of(1, 2)], { kind: "vector", length: 2 }],
      [getOrThrow(matrix([[1, 2]])), { kind: "vector", length: 2 }],
      [getOrThrow(fromRows(9, [[[3, 1]]])), { kind: "sparse", length: 9 }],
      [["a text"], { kind: "text", buckets: 2048, longest: 3, lowerCase: true }],
    ];
    for (const [rows, expected] of cases) expect(getOrThrow(inferRecipe(rows))).toEqual(expected);
    for (const rows of [[], [[]], [null], 3, null, [1, 2]]) {
      expect(left(inferRecipe(rows as never))._tag).toBe("WrongKind");
    }
  });

  it("takes the columns that are named, in that order, never the label", () => {
    const { columns } = getOrThrow(
      inferRecipe(people, { columns: ["town", "pays", "age"], label: "pays" }),
    ) as ColumnsRecipe;
    expect(columns.map(({ name }) => name)).toEqual(["town", "age"]);
    expect(left(inferRecipe(people, { columns: ["aeg"] }))).toMatchObject({ _tag: "InvalidTable", column: "aeg" });
    expect(left(inferRecipe(people, { text: ["notes"] })).remedy).toContain('"note"');
    expect(left(inferRecipe(people, { colums: ["age"] } as never))._tag).toBe("InvalidOption");
  });

  it("refuses a column of more texts than get a feature each, and says what to do", () => {
    const many = getOrThrow(table({ id: Array.from({ length: 51 }, (_, i) => `id ${i}`) }));
    expect(left(inferRecipe(many))).toMatchObject({ _tag: "InvalidTable", column: "id" });
    expect(left(inferRecipe(many)).remedy).toContain('text: ["id"]');
    expect(widthOf(getOrThrow(inferRecipe(many, { maxValues: 51 })))).toBe(51);
  });

  it("refuses what is missing, with file, line and column, or imputes it where that is asked for", () => {
    const holes = getOrThrow(table({ age: [1, NaN, 6, 2], town: ["Ulm", "Ulm", null, "Graz"] }));
    expect(left(inferRecipe(holes))).toMatchObject({ _tag: "InvalidTable", column: "age", row: 1 });
    expect(left(inferRecipe(holes)).message).toBe("row 1 of age is missing");
    expect(left(inferRecipe(inFile(holes, [2, 3, 5, 6]))).message).toBe("people.csv:3:1 (age) is missing");
    expect(left(inferRecipe(inFile(holes, [2, 3, 5, 6]), { columns: ["town"] })).message)
      .toBe("people.csv:5:2 (town) is missing");
    expect(left(inferRecipe(inFile(holes, [1, 2, 3, 4], "row"))).message).toBe(
      "people.csv, row 2, column 1 (age) is missing",
    );
    const recipe = getOrThrow(inferRecipe(holes, { missing: "impute" }));
    expect(recipe).toEqual({
      kind: "columns",
      columns: [
        { kind: "number", name: "age", missing: 3 },
        { kind: "category", name: "town", values: ["Graz", "Ulm"], missing: "zeros" },
      ],
    });
    expect([...getOrThrow(makeFeatures(recipe, holes)).data]).toEqual([1, 0, 1, 3, 0, 1, 6, 0, 0, 2, 1, 0]);
  });

  it("refuses columns without values, of mixed kinds, and tables without rows or columns", () => {
    const cases: readonly Readonly<Record<string, readonly Cell[]>>[] = [
      { a: [null, null] },
      { a: ["x", [1, 2]] as unknown as Cell[] },
      {},
    ];
    for (const columns of cases) {
      expect(left(inferRecipe(getOrThrow(table(columns))))._tag).toMatch(/InvalidTable|EmptyBatch/);
    }
  });
});

describe("makeFeatures of a table", () => {
  const recipe = getOrThrow(inferRecipe(people, { label: "pays", columns: ["age", "town", "face"] }));
  const of = (columns: Readonly<Record<string, ArrayLike<unknown>>>) =>
    makeFeatures(recipe, getOrThrow(table(columns)));

  it("finds columns by name, whatever their order, and looks at no others", () => {
    const { data } = getOrThrow(of({ extra: [null], face: [[7, 8]], town: ["Graz"], age: [3] }));
    expect([...data]).toEqual([3, 1, 0, 7, 8]);
  });

  it("gives a value that was not seen zeros; case and space count", () => {
    for (const town of ["Wien", "graz", "Graz ", ""]) {
      expect([...getOrThrow(of({ face: [[7, 8]], town: [town], age: [3] })).data]).toEqual([3, 0, 0, 7, 8]);
    }
  });

  it("reads a number in a column of texts as its text", () => {
    const codes = getOrThrow(inferRecipe(getOrThrow(table({ code: ["7", "x", 8] }))));
    expect([...getOrThrow(makeFeatures(codes, getOrThrow(table({ code: [7, 8] })))).data]).toEqual([1, 0, 0, 0, 1, 0]);
  });

  it("refuses what is missing or of another kind, with its place", () => {
    const good = { age: [3, 4], town: ["Ulm", "Ulm"], face: [[1, 2], [3, 4]] };
    const wrong: readonly (readonly [string, readonly unknown[]])[] = [
      ["age", [3, null]],
      ["age", [3, "4"]],
      ["age", [3, Infinity]],
      ["age", [3, 1e39]],
      ["town", ["Ulm", null]],
      ["town", ["Ulm", [1]]],
      ["face", [[1, 2], [3]]],
      ["face", [[1, 2], [3, NaN]]],
      ["face", [[1, 2], "3, 4"]],
    ];
    for (const [name, cells] of wrong) {
      expect(left(of({ ...good, [name]: cells }))).toMatchObject({ _tag: "InvalidTable", column: name, row: 1 });
    }
    expect(left(of({ age: [3], town: ["Ulm"] }))).toMatchObject({ _tag: "InvalidTable", column: "face", row: null });
    expect(left(makeFeatures(recipe, [[1, 2]]))).toMatchObject({ _tag: "WrongKind" });
    expect(left(makeFeatures(recipe, { rows: 0, columns: [], source: null }))).toMatchObject({ _tag: "EmptyBatch" });
  });

  it("is sparse beyond 4,096 features, with the same values", () => {
    const columns = [{ kind: "number", name: "age", missing: null }, {
      kind: "text",
      name: "note",
      buckets: 4096,
      longest: 2,
      lowerCase: true,
    }] as const;
    const wide = getOrThrow(makeFeatures({ kind: "columns", columns }, people));
    const narrow = getOrThrow(makeFeatures({ kind: "columns", columns: [columns[1]] }, people));
    if (!("offsets" in wide) || "offsets" in narrow) throw new Error("of the other kind");
    const rows = Array.from({ length: 3 }, (_, row) => {
      const values = new Float32Array(4097);
      for (let i = wide.offsets[row] as number; i < (wide.offsets[row + 1] as number); i++) {
        values[wide.indices[i] as number] = wide.data[i] as number;
      }
      return values;
    });
    rows.forEach((values, row) => {
      expect(values[0]).toBe([30, 41.5, 54][row]);
      expect(values.subarray(1)).toEqual(narrow.data.subarray(row * 4096, (row + 1) * 4096));
    });
  });
});

describe("makeFeatures of rows", () => {
  const vector: FeatureRecipe = { kind: "vector", length: 2 };

  it("takes rows, matrices and sparse matrices of the recipe's width alone", () => {
    expect([...getOrThrow(makeFeatures(vector, [[1, 2], [3, 4]])).data]).toEqual([1, 2, 3, 4]);
    expect(left(makeFeatures(vector, [[1, 2, 3]]))).toMatchObject({ _tag: "FeatureMismatch", expected: 2, actual: 3 });
    expect(left(makeFeatures(vector, [[1, 2], [3]]))).toMatchObject({ _tag: "ShapeMismatch" });
    expect(left(makeFeatures(vector, [[1, null as never]]))).toMatchObject({ _tag: "WrongKind" });
    expect(left(makeFeatures(vector, [[1, NaN]]))).toMatchObject({ _tag: "NotFinite" });
    expect(left(makeFeatures(vector, { rows: 1, cols: 2, data: Float32Array.of(1, NaN) })))
      .toMatchObject({ _tag: "NotFinite" });
    expect(left(makeFeatures(vector, ["a text"]))).toMatchObject({ _tag: "WrongKind" });
    expect(left(makeFeatures(vector, people))).toMatchObject({ _tag: "WrongKind" });
    const sparse = getOrThrow(fromRows(2, [[[1, 5]]]));
    expect(left(makeFeatures(vector, sparse))).toMatchObject({ _tag: "WrongKind" });
    expect(getOrThrow(makeFeatures({ kind: "sparse", length: 2 }, sparse))).toBe(sparse);
    expect(left(makeFeatures({ kind: "sparse", length: 2 }, [[1, 2]]))).toMatchObject({ _tag: "WrongKind" });
  });

  it("refuses recipes that are none", () => {
    const text = { kind: "text", buckets: 9, longest: 3, lowerCase: true };
    const wrong: readonly unknown[] = [
      null,
      {},
      { kind: "vectors", length: 2 },
      { kind: "vector", length: 0 },
      { kind: "vector", length: "2" },
      { kind: "vector", length: 1.5 },
      { ...text, buckets: 0 },
      { ...text, longest: 17 },
      { ...text, lowerCase: 1 },
      { kind: "columns", columns: [] },
      { kind: "columns", columns: [{ kind: "number", name: "a", missing: NaN }] },
      { kind: "columns", columns: [{ kind: "number", name: 1, missing: null }] },
      { kind: "columns", columns: [{ kind: "category", name: "a", values: ["x", "x"], missing: "zeros" }] },
      { kind: "columns", columns: [{ kind: "category", name: "a", values: [], missing: "zeros" }] },
      { kind: "columns", columns: [{ kind: "category", name: "a", values: ["x"], missing: null }] },
      {
        kind: "columns",
        columns: [{ kind: "number", name: "a", missing: 0 }, { kind: "vector", name: "a", length: 2 }],
      },
    ];
    for (const recipe of wrong) {
      expect(left(makeFeatures(recipe as never, [[1, 2]]))._tag).toBe("InvalidOption");
      expect(widthOf(recipe as never)).toBe(0);
    }
  });
});

// The reader of numbers: everything public that takes numbers × everything that is none, and every kind of array that
// holds some. Nothing counts as 0 or 1, no example is dropped, and bigints give what their numbers give.

import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import {
  batch,
  customModel,
  type Either,
  evaluate,
  type FgnError,
  fgnStep,
  fit,
  freeze,
  fromRows,
  getOrThrow,
  ggnProduct,
  jvp,
  linearHead,
  logits,
  lossAndGradient,
  matrix,
  mlp,
  type Numbers,
  probabilities,
  randomHead,
  sparse,
  withAdapters,
  withParameters,
  zeroHead,
} from "../../mod.ts";
import { show } from "../../src/check/show.ts";
import { left } from "../support/reference.ts";

const features = getOrThrow(matrix(2, 2, [1, 0, 0, 1]));
const data = getOrThrow(batch({ features, labels: [0, 1] }));
const head = getOrThrow(linearHead({ features: 2, classes: 2 }, [1, 0, 2, 0], null));
const ownModel = (forward: () => Numbers) =>
  getOrThrow(customModel({
    parameters: [1],
    classes: 2,
    forward: forward as () => ArrayLike<number>,
    jvp: (_, x) => new Float32Array(2 * x.rows),
    vjp: () => [0],
  }));

/** What takes numbers: right ones, and a call whose Right holds what became of them. */
interface Taker {
  readonly name: string;
  /** The name in errors. */
  readonly what: string;
  readonly numbers: readonly number[];
  readonly take: (numbers: Numbers) => Either<FgnError, unknown>;
}

const TAKERS: readonly Taker[] = [
  { name: "matrix", what: "matrix", numbers: [1, 0, 0, 1], take: (v) => matrix(2, 2, v) },
  { name: "matrix of rows", what: "matrix", numbers: [1, 3, 2], take: (v) => matrix([[4, 5, 6], v]) },
  { name: "sparse offsets", what: "sparse offsets", numbers: [0, 1, 1], take: (v) => sparse(2, 2, v, [0], [1]) },
  { name: "sparse indices", what: "sparse indices", numbers: [0, 1], take: (v) => sparse(1, 3, [0, 2], v, [1, 1]) },
  { name: "sparse values", what: "sparse values", numbers: [1, 2], take: (v) => sparse(1, 3, [0, 2], [0, 1], v) },
  {
    name: "fromRows entries",
    what: "row 0",
    numbers: [1, 2],
    take: (v) => fromRows(3, [[[0, 1], v as unknown as [number, number]]]),
  },
  { name: "labels", what: "labels", numbers: [0, 1], take: (labels) => batch({ features, labels }) },
  {
    name: "labels beside an ignored one",
    what: "labels",
    numbers: [7, 1],
    take: (labels) => batch({ features, labels, ignoredLabel: 7 }),
  },
  {
    name: "weights",
    what: "weights",
    numbers: [2, 3],
    take: (weights) => batch({ features, labels: [0, 1], weights }),
  },
  {
    name: "weights of a head",
    what: "weight parameters",
    numbers: [1, 2, 3, 4],
    take: (v) => linearHead({ features: 2, classes: 2 }, v, null),
  },
  {
    name: "biases of a head",
    what: "bias parameters",
    numbers: [1, 2],
    take: (v) => linearHead({ features: 1, classes: 2 }, [0, 0], v),
  },
  { name: "withParameters", what: "parameters", numbers: [1, 2, 3, 4], take: (v) => withParameters(head, v) },
  {
    name: "customModel",
    what: "parameters",
    numbers: [1, 2],
    take: (parameters) => customModel({ parameters, classes: 2, forward: () => [], jvp: () => [], vjp: () => [] }),
  },
  {
    name: "class weights",
    what: "classWeights",
    numbers: [1, 2],
    take: (classWeights) => lossAndGradient(head, data, { classWeights }),
  },
  {
    name: "momentum",
    what: "momentum",
    numbers: [1, 2, 3, 4],
    take: (v) => fgnStep(head, data, 1, { momentum: { decay: 0.5, previous: v as ArrayLike<number> } }),
  },
  {
    name: "warmStart",
    what: "warmStart",
    numbers: [1, 2],
    take: (v) => fgnStep(head, data, 1, { solver: "cg", warmStart: v as Float64Array }),
  },
  { name: "jvp", what: "direction", numbers: [1, 2, 3, 4], take: (v) => jvp(head, features, v) },
  { name: "ggnProduct", what: "direction", numbers: [1, 2, 3, 4], take: (v) => ggnProduct(head, data, v) },
  {
    name: "what a model of one's own returns",
    what: "forward",
    numbers: [1, 2, 3, 4],
    take: (v) => lossAndGradient(ownModel(() => v), data),
  },
];

/** Values that are no numbers, each of which some conversion would take for one. */
const NO_NUMBERS: readonly unknown[] = [
  null,
  undefined,
  "",
  "1",
  "one",
  true,
  false,
  new Date(1),
  {},
  { valueOf: () => 1 },
  Object(1),
  [],
  [1],
  Float32Array.of(1),
  2n ** 53n,
  -(2n ** 64n),
  Symbol("1"),
  () => 1,
  Promise.resolve(1),
  matrix(1, 1, [1]),
];

/** The kinds of array that hold numbers. */
const ARRAYS: readonly (readonly [name: string, make: (numbers: readonly number[]) => Numbers])[] = [
  ...[Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array]
    .map((Kind) => [Kind.name, (numbers: readonly number[]) => Kind.from(numbers)] as const),
  ["Float64Array", (numbers) => Float64Array.from(numbers)],
  ["BigInt64Array", (numbers) => BigInt64Array.from(numbers, BigInt)],
  ["BigUint64Array", (numbers) => BigUint64Array.from(numbers, BigInt)],
  ["array of bigints", (numbers) => numbers.map(BigInt)],
  ["array and bigints", (numbers) => numbers.map((v, i) => i % 2 === 0 ? v : BigInt(v))],
  ["array-like", (numbers) => ({ ...numbers, length: numbers.length })],
  ...["Float32Array", "Float64Array", "Uint32Array", "BigInt64Array", "Array"].map((kind) =>
    [
      `${kind} of another realm`,
      (numbers: readonly number[]): Numbers =>
        runInNewContext(`${kind}.from([${numbers}].map(${kind.startsWith("Big") ? "BigInt" : "Number"}))`),
    ] as const
  ),
];

const TAGS = ["WrongKind", "LabelOutOfRange", "InvalidSparse", "ModelFailure"];

/** Plain data of a result, whatever realm its arrays are of. */
const plain = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (_, v) => ArrayBuffer.isView(v) ? [...v as Float32Array] : v));

describe.each(TAKERS)("$name", ({ what, numbers, take }) => {
  const expected = plain(getOrThrow(take(numbers)));

  it.each(ARRAYS)("takes what a %s holds", (_, make) => {
    expect(plain(getOrThrow(take(make(numbers))))).toEqual(expected);
  });

  it.each(NO_NUMBERS.map((value) => ({ value, words: show(value) })))(
    "refuses $words among them",
    ({ value, words }) => {
      for (let index = 0; index < numbers.length; index++) {
        const wrong = [...numbers] as unknown[];
        wrong[index] = value;
        const error = left(take(wrong as number[]));
        expect(TAGS).toContain(error._tag);
        expect(error.message).toContain(words);
      }
    },
  );

  it("refuses holes", () => {
    for (let index = 0; index < numbers.length; index++) {
      const wrong = [...numbers];
      delete wrong[index];
      const error = left(take(wrong));
      expect(TAGS).toContain(error._tag);
      expect(error.message).toContain("undefined");
    }
    expect(TAGS).toContain(left(take({ length: numbers.length }))._tag);
  });

  it("refuses what is no array of numbers", () => {
    const none: readonly unknown[] = [
      "1".repeat(numbers.length),
      new Set(numbers),
      new DataView(new ArrayBuffer(16)),
      1,
      true,
    ];
    for (const value of none) {
      const error = left(take(value as Numbers));
      expect(["WrongKind", "ModelFailure"]).toContain(error._tag);
      expect(error.message).toContain(show(value));
    }
  });

  it("refuses what throws when it is read", () => {
    const thrower = (key: string): Numbers =>
      new Proxy([...numbers], {
        get: (array, name) => {
          if (name === key) throw new Error("no");
          return Reflect.get(array, name);
        },
      });
    for (const key of ["0", String(numbers.length - 1), "length"]) {
      expect(TAGS).toContain(left(take(thrower(key)))._tag);
    }
    const revoked = Proxy.revocable([...numbers], {});
    revoked.revoke();
    expect(TAGS).toContain(left(take(revoked.proxy))._tag);
  });

  it("leaves what it is given alone", () => {
    const given = Float64Array.from(numbers);
    take(given);
    expect([...given]).toEqual(numbers);
  });

  it("names itself", () => {
    const error = left(take("text" as unknown as Numbers));
    expect(error.message).toContain(what);
  });
});

describe("labels", () => {
  const three = getOrThrow(matrix(3, 1, [1, 2, 3]));
  const wrong = (labels: unknown) => left(batch({ features: three, labels: labels as Numbers }));

  it("that are missing drop no example", () => {
    const names: Record<string, number> = { east: 0, north: 1 };
    expect(wrong(["east", "nroth", "north"].map((name) => names[name]))).toMatchObject({
      _tag: "LabelOutOfRange",
      index: 1,
      label: NaN,
      message: "example 1 has label undefined",
    });
    expect(wrong([0, null, 1]).message).toBe("example 1 has label null");
  });

  it("that are text, or rows, say how to make numbers of them", () => {
    expect(wrong(["bug", "praise", "bug"])).toMatchObject({ index: 0, message: 'example 0 has label "bug"' });
    expect(wrong(["bug", "praise", "bug"]).remedy).toContain("names.indexOf(label)");
    expect(wrong([[1, 0], [0, 1], [1, 0]]).remedy).toContain("targets");
  });

  it("of 64 bits beyond the classes are named as they are", () => {
    expect(wrong(BigInt64Array.of(0n, -1n, 1n))).toMatchObject({
      index: 1,
      label: -1,
      message: "example 1 has label -1n",
    });
    expect(wrong(BigInt64Array.of(0n, 2n ** 62n, 1n)).message).toBe("example 1 has label 4611686018427387904n");
    const labels = BigInt64Array.of(0n, -1n, 1n);
    const kept = getOrThrow(batch({ features: three, labels, ignoredLabel: -1 }));
    expect([...kept.labels]).toEqual([0, 0, 1]);
    expect([...kept.weights ?? []]).toEqual([1, 0, 1]);
  });
});

describe("matrix of rows", () => {
  it("is that of their values, row after row", () => {
    const rows = [[1, 2, 3], Float64Array.of(4, 5, 6), BigInt64Array.of(7n, 8n, 9n)];
    expect(getOrThrow(matrix(rows))).toEqual(getOrThrow(matrix(3, 3, [1, 2, 3, 4, 5, 6, 7, 8, 9])));
  });

  it("keeps no array that it is given", () => {
    const row = Float32Array.of(1, 2), made = getOrThrow(matrix([row]));
    row.fill(9);
    expect([...made.data]).toEqual([1, 2]);
  });

  it("names the row that is ragged, and the place of what is no finite number", () => {
    expect(left(matrix([[1, 2], [3, 4], [5]]))).toMatchObject({
      _tag: "ShapeMismatch",
      what: "matrix row 2",
      expected: 2,
      actual: 1,
      message: "row 2 of the matrix has 1 values, row 0 has 2",
    });
    expect(left(matrix([[1, 2], [3, NaN]]))).toMatchObject({ _tag: "NotFinite", index: 3 });
    expect(left(matrix([[1, 2], [3, 1e39]])).message).toBe("matrix holds 1e+39 at row 1, column 1");
    expect(left(matrix([[1, 2], [null as unknown as number, 4]])).message).toBe("matrix holds null at row 1, column 0");
  });

  it("says what it wants when it gets something else", () => {
    expect(left(matrix([1, 0] as unknown as number[][]))).toMatchObject({
      _tag: "WrongKind",
      message: "row 0 of the matrix is 1",
    });
    expect(left(matrix([1, 0] as unknown as number[][])).remedy).toContain("matrix(rows, columns, values)");
    expect(left(matrix([[1], matrix([[1]]) as unknown as number[]])).message).toBe("row 1 of the matrix is an Either");
    expect(left(matrix([]))).toMatchObject({ _tag: "InvalidSize", what: "matrix rows" });
    expect(left(matrix([[]]))).toMatchObject({ _tag: "InvalidSize", what: "matrix columns" });
    expect(left(matrix({} as number[][]))._tag).toBe("WrongKind");
    expect(left(matrix(2, 2, [[1, 0], [0, 1]] as unknown as number[])).remedy).toContain("Check the sizes");
    expect(left(matrix(2, 1, [[1, 0], [0, 1]] as unknown as number[])).remedy).toContain("matrix(rows)");
    const untyped = matrix as unknown as (...given: unknown[]) => ReturnType<typeof matrix>;
    for (const given of [[[1, 0, 0, 1], 2, 2], [null], ["2", 2, [1, 0, 0, 1]], [2n, 2, [1, 0, 0, 1]]]) {
      expect(left(untyped(...given))).toMatchObject({ _tag: "InvalidSize", what: "matrix rows" });
    }
  });
});

describe("fromRows", () => {
  it("refers dense rows to matrix", () => {
    const dense = [[1, 0], [0, 1]] as unknown as Parameters<typeof fromRows>[1];
    expect(left(fromRows(2, dense))).toMatchObject({
      _tag: "WrongKind",
      message: "row 0 holds 1 in the place of an entry [column, value]",
      remedy: "For rows with a number in every column use matrix(rows)",
    });
  });

  it("refuses entries of more or less than two", () => {
    for (const entry of [[1], [1, 2, 3], "12", null, { 0: 1, 1: 2 }]) {
      expect(left(fromRows(4, [[entry as unknown as [number, number]]]))).toMatchObject({
        _tag: "WrongKind",
        what: "rows",
      });
    }
  });
});

describe("messages about numbers", () => {
  it("name the example whose label is wrong", () => {
    const model = getOrThrow(zeroHead({ features: 2, classes: 3 }));
    const six = getOrThrow(batch({ features, labels: [0, 5] }));
    expect(left(fgnStep(model, six)).message).toBe("example 1 has label 5, but the model has 3 classes (0 to 2)");
  });

  it("advise to mend the features of a model that predicts, and the model before it is trained", () => {
    const model = getOrThrow(zeroHead({ features: 3, classes: 2 }));
    for (const result of [probabilities(model, features), logits(model, features), evaluate(model, data)]) {
      expect(left(result)).toMatchObject({
        _tag: "FeatureMismatch",
        message: "the features have 2 columns, the model takes 3",
        remedy: "Give features of 3 columns, made as those that the model was trained on",
      });
    }
    expect(left(fgnStep(model, data)).remedy).toBe("Make the model with as many features as the examples have");
  });

  it("say that an Either is to be opened, a task to be called and a promise to be awaited", async () => {
    const model = getOrThrow(zeroHead({ features: 2, classes: 2 })), task = fit(model, data, { epochs: 1 });
    const given: readonly (readonly [unknown, string, string])[] = [
      [zeroHead({ features: 2, classes: 2 }), "an Either", "Check its _tag"],
      [task, "a function that was not called", "Call it"],
      [task(), "a Promise", "Await it"],
    ];
    for (const [value, words, remedy] of given) {
      const error = left(probabilities(value as typeof model, features));
      expect(error).toMatchObject({ _tag: "WrongKind", what: "the model" });
      expect(error.message).toBe(`the model: ${words} is given, in the place of a network or what customModel made`);
      expect(error.remedy).toContain(remedy);
    }
    await task();
  });

  it("of seeds and sizes of a wrong type show them", () => {
    const seed = 1n as unknown as number;
    for (
      const result of [mlp({ inputs: 1, hidden: [2], classes: 2, seed }), randomHead({ features: 1, classes: 2 }, seed)]
    ) {
      expect(left(result)).toMatchObject({ _tag: "InvalidOption", option: "seed", message: "seed is 1n" });
    }
    const base = getOrThrow(mlp({ inputs: 1, hidden: [2], classes: 2 }));
    expect(left(withAdapters(base, { rank: 1, seed }))).toMatchObject({ _tag: "InvalidOption", option: "seed" });
    expect(left(zeroHead({ features: "2" as unknown as number, classes: 2 })).message).toBe('features is "2"');
  });

  it("of lists of sizes and places leave nothing out", () => {
    // deno-lint-ignore no-sparse-arrays
    expect(left(mlp({ inputs: 2, hidden: [4, , 4] as number[], classes: 2 })).message).toContain("undefined");
    expect(left(mlp({ inputs: 2, hidden: 4 as unknown as number[], classes: 2 }))).toMatchObject({
      _tag: "WrongKind",
      what: "hidden",
    });
    const net = getOrThrow(mlp({ inputs: 2, hidden: [4], classes: 2 }));
    for (const wrong of [undefined, null, "0", 0n]) {
      expect(left(freeze(net, [0, wrong as unknown as number])).message).toContain(`layers[${show(wrong)}]`);
    }
    expect(left(freeze(net, "0" as unknown as number[]))).toMatchObject({ _tag: "WrongKind", what: "layers" });
  });

  it("of sizes that nothing holds do not ask for more", () => {
    for (const size of [{ features: 1e9, classes: 1e9 }, { features: 2, classes: 1e300 }]) {
      const error = left(zeroHead(size));
      expect(error._tag).toBe("InvalidSize");
      expect(error.remedy).toBe("Give a smaller number");
    }
  });
});

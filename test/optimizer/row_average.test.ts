// Averages of a table row by row against those of the whole table, and against float64.
//
// Tolerances: 1e-11 (relative) on products of up to 1e5 decays, whose squarings carry a rounding of 2^-53 on; 5e-6 on
// averages against float64, of values below 1: a sum of float32 roundings (3e-8 each) over the 50 updates that a decay of
// .98 remembers, twice over. Between the averages of rows and those of the whole table, which are rounded at every step,
// the same.

import { pipe } from "fp-ts/lib/function.js";
import { describe, expect, it } from "vitest";
import {
  averaged,
  type Averages,
  type Batch,
  batch,
  clipGlobalNorm,
  decodePlain,
  dense,
  embedding,
  encodePlain,
  fgn,
  fromRows,
  getOrThrow,
  initialise,
  l2Penalty,
  mlp,
  type Model,
  momentum,
  type Network,
  online,
  type Optimizer,
  relu,
  robust,
  type RobustState,
  scaled,
  trustRegion,
  type UpdateOptions,
  weightDecay,
} from "../../mod.ts";
import { closeRows, openRows, type RowAverage, rowsRead, settleRows } from "../../src/optimizer/row_average.ts";
import { decayBetween, warmDecay } from "../../src/optimizer/warm_decay.ts";
import { flat, left, uniform } from "../support/reference.ts";

const ROWS = 40, COLS = 6, CLASSES = 3, B = 5;

/** A network over sparse features, of an even or odd width. */
const network = (cols = COLS, frozen = false): Network =>
  getOrThrow(initialise({ inputs: ROWS, layers: [embedding(cols, { frozen }), relu(), dense(CLASSES)], seed: 3 }));

/** A batch that reads row 0 always, rows from 30 on never, and the others now and then. */
function batchOf(n: number): Batch {
  const entries = Array.from({ length: B }, (_, i): [number, number][] => [
    [0, 1],
    [1 + (n * 7 + i * 5) % 29, 0.5 + i / 10],
    [1 + (n * n + i * 11) % 29, -0.7],
  ]);
  return getOrThrow(
    batch({ features: getOrThrow(fromRows(ROWS, entries)), labels: entries.map((_, i) => (i + n) % 3) }),
  );
}

/** A state whose table is averaged whole. */
function whole({ averagedAt: _, ...state }: Averages): Averages {
  return state;
}

interface Course<S> {
  readonly params: Network;
  readonly state: S;
}

/** Updates from `from` on, each on a batch of its own. */
function run<S>(
  optimizer: Optimizer<Network, S>,
  steps: number,
  options: UpdateOptions = {},
  { params, state }: Course<S> = start(optimizer),
  from = 0,
): Course<S> {
  for (let n = from; n < from + steps; n++) {
    ({ params, state } = getOrThrow(optimizer.update(params, state, batchOf(n), options)));
  }
  return { params, state };
}

const start = <S>(optimizer: Optimizer<Network, S>, params = network()): Course<S> => ({
  params: structuredClone(params),
  state: optimizer.init(structuredClone(params)),
});

/** The largest difference of two lists. */
const distance = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((most, v, i) => Math.max(most, Math.abs(v - (b[i] as number))), 0);

const resultOf = <S>(optimizer: Optimizer<Network, S>, { params, state }: Course<S>): number[] =>
  flat(optimizer.result(params, state));

describe("the product of the decays between two steps", () => {
  it("is the product", () => {
    for (const most of [0, 0.3, 0.5, 0.9, 0.98, 0.999, 1 - 1e-6]) {
      for (
        const [m, n] of [[0, 0], [0, 1], [0, 9], [3, 4], [3, 700], [440, 441], [440, 442], [441, 5000], [99_000, 1e5]]
      ) {
        let product = 1;
        for (let k = (m as number) + 1; k <= (n as number); k++) product *= warmDecay(k, most);
        const closed = decayBetween(m as number, n as number, most);
        expect(Math.abs(closed - product), `${most}: ${m} to ${n}`).toBeLessThanOrEqual(1e-11 * product);
      }
    }
  });

  it("is 1 from a step on that is not before the other, and never leaves [0, 1]", () => {
    expect(decayBetween(7, 7, 0.98)).toBe(1);
    expect(decayBetween(9, 7, 0.98)).toBe(1);
    for (const n of [1, 1e5, 2 ** 32, 2 ** 53 - 1]) {
      for (const most of [0, 0.98, 1 - 2 ** -53]) {
        const product = decayBetween(0, n, most);
        expect(product >= 0 && product <= 1, `${n}, ${most}`).toBe(true);
      }
    }
  });
});

describe("the average of a table, row by row", () => {
  /** Steps of random walks of rows from the step `first` on, as rows, as a whole in float32, and in float64. */
  function walk(steps: number, first: number, cols: number) {
    const size = ROWS * cols, moves = uniform(size, 5), data = uniform(size, 4).slice();
    const average = data.slice(), averagedAt = new Uint32Array(ROWS).fill(first);
    const rows: RowAverage = { table: { rows: ROWS, cols, data }, average, averagedAt };
    const float32 = average.slice(), float64 = Float64Array.from(average);
    for (let n = first; n < first + steps; n++) {
      const active = Uint32Array.from(n % 500 === 499 ? [0, 1 + n % 19, 21] : [0, 1 + n % 19]);
      const open = openRows(rows, active, n);
      if (typeof open === "number") throw new Error(`row ${open}`);
      for (const row of active) {
        for (let k = row * cols; k < (row + 1) * cols; k++) {
          data[k] = (data[k] as number) * 0.9 + 0.1 * (moves[(k * 31 + n) % size] as number);
        }
      }
      closeRows(rows, open, n + 1, 0.98);
      const decay = warmDecay(n + 1, 0.98);
      for (let k = 0; k < size; k++) {
        float32[k] = decay * (float32[k] as number) + (1 - decay) * (data[k] as number);
        float64[k] = decay * (float64[k] as number) + (1 - decay) * (data[k] as number);
      }
    }
    return { rows, float32, float64, settled: settleRows(rows, first + steps, 0.98) };
  }

  for (const [steps, first, cols] of [[5000, 0, 4], [3000, 97_000, 3]] as const) {
    it(`is that of the whole, over ${steps} steps from ${first} on`, () => {
      const { rows, float32, float64, settled } = walk(steps, first, cols);
      expect(distance(Array.from(settled), Array.from(float64))).toBeLessThan(5e-6);
      expect(distance(Array.from(settled), Array.from(float32))).toBeLessThan(5e-6);
      // What changes at every step is averaged as a whole would be, and what never does is what it was.
      expect(settled.subarray(0, cols)).toEqual(float32.subarray(0, cols));
      expect(settled.subarray(22 * cols)).toEqual(rows.table.data.subarray(22 * cols));
    });
  }

  it("is itself where every row is up to date", () => {
    const { rows } = walk(3, 0, 4);
    rows.averagedAt.fill(3);
    expect(settleRows(rows, 3, 0.98)).toBe(rows.average);
  });

  it("reads each row that indices name once, in ascending order, and none beyond the table", () => {
    for (const count of [1, 31, 32, 33, 64, 1000]) {
      const indices = Uint32Array.from(uniform(300, count), (v) => Math.floor((v + 1) * 600));
      const wanted = [...new Set(indices)].filter((row) => row < count).sort((a, b) => a - b);
      expect(Array.from(rowsRead(indices, count))).toEqual(wanted);
      expect(rowsRead(Uint32Array.from({ length: count }, (_, i) => count - 1 - i), count).length).toBe(count);
    }
  });

  it("names a row of a later step", () => {
    const { rows } = walk(3, 0, 4);
    rows.averagedAt[8] = 9;
    expect(openRows(rows, Uint32Array.of(1, 8), 3)).toBe(8);
  });
});

/** An optimizer by the part of its state that is looked at here. */
const withAverages = <S extends Averages>(optimizer: Optimizer<Network, S>) =>
  optimizer as unknown as Optimizer<Network, Averages>;

const OPTIMIZERS: readonly (readonly [string, Optimizer<Network, Averages>])[] = [
  ["robust()", withAverages(robust())],
  ["averaged(fgn())", withAverages(averaged(0.9)(fgn<Network>()))],
  ["averaged(trustRegion(robust()))", withAverages(averaged(0.5)(trustRegion(0.1)(robust<Network>())))],
];

for (const [name, optimizer] of OPTIMIZERS) {
  describe(`${name} over sparse features`, () => {
    it("steps as with an average of the whole table, and averages as it", () => {
      const rows = run(optimizer, 120), first = start(optimizer);
      const all = run(optimizer, 120, {}, { params: first.params, state: whole(first.state) });
      expect(all.state.averagedAt).toBeUndefined();
      expect(flat(rows.params)).toEqual(flat(all.params));
      expect(distance(resultOf(optimizer, rows), resultOf(optimizer, all))).toBeLessThan(5e-6);
      expect(distance(resultOf(optimizer, rows), flat(rows.params))).toBeGreaterThan(1e-3);
      // A row that no batch reads, one that each does.
      expect(rows.state.averagedAt?.[35]).toBe(0);
      expect(rows.state.averagedAt?.[0]).toBe(120);
    });

    it("gives the same bytes in donated memory, and where the average is read on the way", () => {
      const { params, state } = run(optimizer, 60);
      for (const donate of [false, true]) {
        let course = start(optimizer);
        for (let n = 0; n < 60; n++) {
          const { params: before, state: old } = course, text = donate ? "" : JSON.stringify([before, old]);
          const read = resultOf(optimizer, course);
          course = run(optimizer, 1, { donate }, course, n);
          if (donate) expect(old.averagedAt?.length).toBe(0);
          else {
            expect(JSON.stringify([before, old])).toBe(text);
            expect(resultOf(optimizer, { params: before, state: old })).toEqual(read);
          }
        }
        expect(course).toEqual({ params, state });
        expect(resultOf(optimizer, course)).toEqual(resultOf(optimizer, { params, state }));
      }
    });

    it("goes on from a file to the same bytes", () => {
      const wanted = run(optimizer, 30), half = run(optimizer, 17);
      const bytes = getOrThrow(encodePlain("course", 1, half));
      const read = getOrThrow(decodePlain("course", 1, bytes)) as Course<Averages>;
      expect(run(optimizer, 13, { donate: true }, read, 17)).toEqual(wanted);
    });

    it("has the rows up to date that a penalty changes: all", () => {
      const { params, state } = run(optimizer, 20, { l2: 0.01 });
      expect(new Set(state.averagedAt)).toEqual(new Set([20]));
      expect(flat(optimizer.result(params, state))).toEqual(state.average.flatMap((array) => Array.from(array)));
    });

    it("leaves donated arrays as they are when the step fails", () => {
      const { params, state } = run(optimizer, 5), before = JSON.stringify([params, state]);
      const { features } = batchOf(5), wrong = { ...batchOf(5), labels: new Uint32Array(B).fill(7) };
      expect(left(optimizer.update(params, state, wrong, { donate: true }))._tag).toBe("LabelOutOfRange");
      for (const indices of [new Uint32Array(15).fill(99), Uint32Array.of(1)]) {
        const bad = { ...batchOf(5), features: { ...features, indices } };
        expect(optimizer.update(params, state, bad, { donate: true })._tag).toBe("Left");
      }
      expect(JSON.stringify([params, state])).toBe(before);
    });
  });
}

describe("averages whose rows belong together", () => {
  const hasRows = <S>(optimizer: Optimizer<Network, S>, model = network()): boolean =>
    (optimizer.init(model) as Partial<Averages>).averagedAt !== undefined;

  it("are kept row by row where a step alone changes them", () => {
    for (const rows of [hasRows(averaged()(fgn<Network>())), hasRows(averaged()(online<Network>()))]) {
      expect(rows).toBe(true);
    }
    for (const change of [l2Penalty(0.1), clipGlobalNorm(1)]) {
      expect(hasRows(averaged()(change(fgn<Network>())))).toBe(false);
    }
    expect(hasRows(averaged()(momentum()(fgn<Network>())))).toBe(false);
    expect(hasRows(averaged()({ ...fgn<Network>() }))).toBe(false);
  });

  it("are kept whole of other networks", () => {
    expect(hasRows(robust<Network>(), network(COLS, true))).toBe(false);
    expect(hasRows(robust<Network>(), getOrThrow(mlp({ inputs: ROWS, hidden: [4], classes: 3 })))).toBe(false);
    expect(Object.keys(robust().init(network(COLS, true)))).toEqual(["steps", "meanSlope", "layers", "average"]);
  });

  it("are kept whole where weights decay, whatever lies between", () => {
    const inner = <S>(state: S): unknown => (state as { inner: unknown }).inner;
    const plain = weightDecay(0.01)(robust<Network>()).init(network());
    expect(plain.inner.averagedAt).toBeUndefined();
    const deep = pipe(robust<Network>(), averaged(), trustRegion(0.3), clipGlobalNorm(9), scaled(0.5)).init(network());
    expect(Object.keys(deep.inner)).toEqual(["inner", "steps", "average"]);
    expect(Object.keys(inner(deep.inner) as object)).toEqual(["steps", "meanSlope", "layers", "average"]);
  });

  it("are the exact ones where weights decay", () => {
    const optimizer = pipe(fgn<Network>(), averaged(0.9), weightDecay(0.05));
    let course = start(optimizer), exact = flat(course.params);
    for (let n = 0; n < 50; n++) {
      // The average inside sees the parameters before they decay.
      const stepped = getOrThrow(fgn<Network>().update(course.params, fgn().init(course.params), batchOf(n)));
      course = run(optimizer, 1, {}, course, n);
      const now = flat(stepped.params), decay = warmDecay(n + 1, 0.9);
      exact = exact.map((v, i) => decay * v + (1 - decay) * (now[i] as number));
    }
    expect(distance(resultOf(optimizer, course), exact)).toBeLessThan(5e-6);
  });
});

describe("a state that no update gives", () => {
  const optimizer = robust<Model>(), { params, state } = run(robust<Network>(), 9);
  const refused = (changed: Partial<RobustState>) =>
    left(optimizer.update(params, { ...state, ...changed }, batchOf(3)));
  const averageWith = (index: number, value: number): readonly Float32Array[] => {
    const [table, ...rest] = state.average.map((array) => array.slice());
    (table as Float32Array)[index] = value;
    return [table as Float32Array, ...rest];
  };

  it("is refused for values of the average, in rows that no batch reads, too", () => {
    for (const index of [0, 35 * COLS]) {
      for (const value of [NaN, Infinity]) {
        expect(refused({ average: averageWith(index, value) })).toMatchObject({
          _tag: "InvalidState",
          path: `average[0][${index}]`,
        });
      }
    }
  });

  it("is refused for rows that were averaged later than it", () => {
    for (const row of [0, 35]) {
      const averagedAt = Uint32Array.from(state.averagedAt as Uint32Array);
      averagedAt[row] = 10;
      expect(refused({ averagedAt })).toMatchObject({ _tag: "InvalidState", path: `averagedAt[${row}]`, value: 10 });
    }
    expect(refused({ steps: 8 })).toMatchObject({ _tag: "InvalidState", path: "averagedAt[0]" });
  });

  it("is refused for rows of another table, or none", () => {
    expect(refused({ averagedAt: new Uint32Array(ROWS + 1) })).toMatchObject({ _tag: "ShapeMismatch", expected: ROWS });
    for (const averagedAt of [null, [1, 2], new Float32Array(ROWS), "x"]) {
      expect(refused({ averagedAt: averagedAt as unknown as Uint32Array })).toMatchObject({ _tag: "WrongKind" });
    }
    const plain = getOrThrow(mlp({ inputs: ROWS, hidden: [3], classes: 3 }));
    const wrong = { ...robust().init(plain), averagedAt: new Uint32Array(3) };
    expect(left(optimizer.update(plain, wrong, batchOf(0)))).toMatchObject({ _tag: "ShapeMismatch", expected: 0 });
  });

  it("has what it can give as a result, without throwing", () => {
    for (const averagedAt of [null, new Uint32Array(3), Uint32Array.of(), new Uint32Array(ROWS).fill(99)]) {
      expect(optimizer.result(params, { ...state, averagedAt: averagedAt as Uint32Array })._tag).toBe("network");
    }
  });
});

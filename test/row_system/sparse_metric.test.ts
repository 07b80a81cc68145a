// The metric of a layer over sparse features, against the same step over the same features in a dense matrix, whose metric
// has golden vectors, and networks over sparse features that learn what those over dense ones do. Tolerance 1e-4, that of
// golden vectors: the mean is taken out of X Xᵀ in float32, out of dense features before their products.

import { describe, expect, it } from "vitest";
import {
  type Batch,
  batch,
  constant,
  dense,
  embedding,
  evaluate,
  fgnStep,
  fit,
  fromRows,
  getOrThrow,
  initialise,
  matrix,
  mlp,
  type Network,
  relu,
  robust,
  type StepOptions,
} from "../../mod.ts";
import { drawFrom, seedRandom } from "../../src/math/random.ts";
import { difference, relativeError } from "../support/reference.ts";

interface Both {
  readonly sparse: Batch;
  readonly dense: Batch;
}

/**
 * Rows of unit length with 12 entries: a third in columns that all rows share, a third in those of their class, the others
 * anywhere; column 0 is in no row.
 */
function counts(rows: number, columns: number, classes: number, weights?: readonly number[]): Both {
  const source = drawFrom(seedRandom(5)), below = (n: number): number => Math.floor(source.next() / 2 ** 32 * n);
  const labels = Array.from({ length: rows }, (_, i) => i % classes);
  const data = new Float32Array(rows * columns);
  labels.forEach((label, i) => {
    for (let k = 0; k < 12; k++) {
      const at = k < 4 ? 1 + k : k < 8 ? 5 + (label * 7 + below(6)) % (columns - 5) : 1 + below(columns - 1);
      data[i * columns + at] = 1 / Math.sqrt(12);
    }
  });
  const entries = labels.map((_, i) =>
    Array.from(data.subarray(i * columns, (i + 1) * columns), (v, j) => [j, v] as const).filter(([, v]) => v !== 0)
  );
  const given = { labels, ...(weights && { weights }) };
  return {
    sparse: getOrThrow(batch({ features: getOrThrow(fromRows(columns, entries)), ...given })),
    dense: getOrThrow(batch({ features: getOrThrow(matrix(rows, columns, data)), ...given })),
  };
}

const step = (model: Network, data: Batch, options: StepOptions) =>
  getOrThrow(fgnStep(model, data, constant(0.01), options));

describe("the centred metric over sparse features", () => {
  const weights = Array.from({ length: 37 }, (_, i) => i % 4);
  const cases: readonly (readonly [string, Both])[] = [
    ["37 rows", counts(37, 40, 5)],
    ["weights, some of them 0", counts(37, 40, 5, weights)],
    ["more columns than rows", counts(16, 300, 5)],
  ];
  for (const [title, data] of cases) {
    for (const solver of ["cholesky", "cg"] as const) {
      for (const hidden of [[], [9]]) {
        it(`has the step over dense features: ${title}, ${solver}, ${hidden.length} hidden`, () => {
          const inputs = data.dense.features.cols, model = getOrThrow(mlp({ inputs, hidden, classes: 5, seed: 1 }));
          const options = { metric: "centred", solver } as const;
          const wanted = step(model, data.dense, options), actual = step(model, data.sparse, options);
          const euclidean = step(model, data.sparse, { solver });
          const moved = difference(wanted.params, model);
          expect(relativeError(difference(actual.params, model), moved)).toBeLessThan(1e-4);
          expect(relativeError(difference(euclidean.params, model), moved)).toBeGreaterThan(1e-2);
          for (const name of ["lossAfter", "gradientNorm", "predictedReduction"] as const) {
            const value = wanted.report[name] as number;
            expect(Math.abs((actual.report[name] as number) - value)).toBeLessThan(1e-4 * Math.abs(value));
          }
        });
      }
    }
  }

  it("leaves the rows of other columns as they are, to the byte", () => {
    const { sparse } = counts(37, 40, 5);
    const model = getOrThrow(initialise({ inputs: 40, layers: [embedding(6), relu(), dense(5)], seed: 1 }));
    const table = ({ layers: [first] }: Network): Float32Array =>
      first?._tag === "embedding" ? first.weight.data : new Float32Array(0);
    const after = table(step(model, sparse, { metric: "centred" }).params);
    expect(after.subarray(0, 6)).toEqual(table(model).subarray(0, 6));
    expect(after.subarray(6, 12)).not.toEqual(table(model).subarray(6, 12));
  });

  it("is the Euclidean one for one example and for equal rows", () => {
    const row = [[3, 0.6], [7, 0.8]] as const;
    const equal = getOrThrow(fromRows(40, Array.from({ length: 5 }, () => row)));
    const model = getOrThrow(mlp({ inputs: 40, hidden: [], classes: 2, seed: 1 }));
    for (const data of [counts(1, 40, 2).sparse, getOrThrow(batch({ features: equal, labels: [0, 1, 0, 1, 1] }))]) {
      const wanted = difference(step(model, data, {}).params, model);
      // The sums of a step that is formed as a vector have another order, and those of equal rows cancel.
      expect(relativeError(difference(step(model, data, { metric: "centred" }).params, model), wanted)).toBeLessThan(
        1e-4,
      );
    }
  });
});

describe("robust() over sparse features", () => {
  it("learns what it learns over dense ones: networks of 40 classes", async () => {
    const data = counts(1200, 300, 40);
    const nets = {
      dense: getOrThrow(mlp({ inputs: 300, hidden: [32], classes: 40, seed: 1 })),
      embedding: getOrThrow(initialise({ inputs: 300, layers: [embedding(32), relu(), dense(40)], seed: 1 })),
    };
    const accuracyOf = async (model: Network, examples: Batch): Promise<number> => {
      const { params } = getOrThrow(await fit(model, examples, { epochs: 6 })());
      return getOrThrow(evaluate(params, examples)).accuracy;
    };
    const wanted = await accuracyOf(nets.dense, data.dense);
    for (const model of [nets.dense, nets.embedding]) {
      expect(await accuracyOf(model, data.sparse)).toBeGreaterThan(wanted - 0.03);
    }
  });

  it("learns from single examples and from rows without entries", () => {
    const optimizer = robust();
    const empty = getOrThrow(batch({ features: getOrThrow(fromRows(9, [[], []])), labels: [0, 0] }));
    for (const data of [counts(1, 9, 2).sparse, empty]) {
      let model: Network = getOrThrow(mlp({ inputs: 9, hidden: [4], classes: 2, seed: 1 })),
        state = optimizer.init(model);
      const losses: number[] = [];
      for (let n = 0; n < 20; n++) {
        const update = getOrThrow(optimizer.update(model, state, data));
        losses.push(update.report.lossBefore);
        [model, state] = [update.params, update.state];
      }
      expect(losses.at(-1)).toBeLessThan(0.5 * (losses[0] as number));
    }
  });
});

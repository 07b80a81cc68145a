// Inputs that do not vary: what can be learnt is the share of each class, which maximum likelihood gives in closed form.
//
// Tolerances on a probability: .03 after 200 steps on the whole data (the last are within .001; fgn's damping leaves .005
// where there is one example), .1 for single examples, of which the last fifty decide. Networks have rows of about unit
// size: of large ones the initial weights make logits in the thousands, which is another matter.

import * as E from "fp-ts/lib/Either.js";
import { describe, expect, it } from "vitest";
import {
  type Batch,
  batch,
  dense,
  evaluate,
  type Features,
  fgn,
  fit,
  fromRows,
  getOrThrow,
  initialise,
  matrix,
  mlp,
  type Network,
  online,
  type Optimizer,
  probabilities,
  relu,
  robust,
  zeroHead,
} from "../../mod.ts";
import { difference, flat, problem, relativeError, uniform } from "../support/reference.ts";

const equal = (row: readonly number[], B = 10): Features =>
  getOrThrow(matrix(B, row.length, Array(B).fill(row).flat()));

const NINE_TO_ONE = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0], SEVEN_TWO_ONE = [0, 0, 1, 0, 0, 2, 0, 1, 0, 0];

type Make = () => Optimizer<Network, unknown>;

/** The probabilities of the first row after steps over the batches, in turn. */
function learn(model: Network, batches: readonly Batch[], make: Make = robust as Make, steps = 200): number[] {
  const optimizer = make();
  let params = model, state = optimizer.init(model);
  for (let n = 0; n < steps; n++) {
    ({ params, state } = getOrThrow(optimizer.update(params, state, batches[n % batches.length] as Batch)));
  }
  const { features } = batches[0] as Batch;
  return [...getOrThrow(probabilities(optimizer.result(params, state), features)).data.slice(0, model.outputs)];
}

const near = (p: readonly number[], want: readonly number[], tolerance = 0.03): void =>
  want.forEach((share, k) => expect(Math.abs((p[k] as number) - share)).toBeLessThan(tolerance));

const head = (features: number, classes = 2): Network => getOrThrow(zeroHead({ features, classes }));
const net = (inputs: number, classes = 2): Network => getOrThrow(mlp({ inputs, hidden: [8], classes, seed: 1 }));

const OPTIMIZERS: Readonly<Record<string, Make>> = {
  robust: () => robust(),
  "robust, steady": () => robust({ rule: "steady" }),
  fgn: () => fgn(),
  "fgn, centred": () => fgn({ metric: "centred" }),
  "fgn, factored": () => fgn({ metric: "factored" }),
  online: () => online(),
} as Readonly<Record<string, Make>>;

const ROWS = [[0, 0, 0], [1, -2, 0.5], [1 / 3, 0.1, 0.7], [1e4, -1e4, 5e3]];

for (const [name, make] of Object.entries(OPTIMIZERS)) {
  describe(`${name} on inputs that do not vary`, () => {
    it("learns that nine of ten are of a class", () => {
      for (const row of ROWS) {
        const data = getOrThrow(batch({ features: equal(row), labels: NINE_TO_ONE }));
        near(learn(head(3), [data], make), [0.9, 0.1]);
        if (Math.abs(row[0] as number) < 10) near(learn(net(3), [data], make), [0.9, 0.1]);
      }
    });

    it("learns the class of one example", () => {
      for (const row of [[1, 0], [0, 0]]) {
        const data = getOrThrow(batch({ features: equal(row, 1), labels: [1] }));
        for (const model of [head(2), net(2, 3)]) {
          expect(learn(model, [data], make)[1]).toBeGreaterThan(0.8);
        }
      }
    });

    it("learns nine to one from single examples that arrive in turn", () => {
      for (const row of [[0, 0], [5, -3]]) {
        const singles = NINE_TO_ONE.map((label) => getOrThrow(batch({ features: equal(row, 1), labels: [label] })));
        near(learn(head(2), singles, make, 500), [0.9, 0.1], 0.1);
      }
    });
  });
}

describe("robust on inputs that do not vary", () => {
  it("learns three shares", () => {
    for (const row of [[0, 0], [3, 4], [0.1, -7]]) {
      const data = getOrThrow(batch({ features: equal(row), labels: SEVEN_TWO_ONE }));
      for (const model of [head(2, 3), net(2, 3)]) near(learn(model, [data]), [0.7, 0.2, 0.1]);
    }
  });

  it("counts weights", () => {
    const data = getOrThrow(batch({ features: equal([2, 1], 3), labels: [0, 1, 1], weights: [9, 1, 0] }));
    for (const model of [head(2), net(2)]) near(learn(model, [data]), [0.9, 0.1]);
  });

  it("takes rows of sparse features that hold nothing", () => {
    const data = getOrThrow(batch({ features: getOrThrow(fromRows(5, Array(10).fill([]))), labels: NINE_TO_ONE }));
    near(learn(head(5), [data]), [0.9, 0.1]);
  });

  it("learns behind hidden units that are dead, or that see the same row", () => {
    const { data } = problem(10, 4, 2), labels = Uint32Array.from(NINE_TO_ONE);
    const [first, ...rest] = net(4).layers;
    if (first?._tag !== "dense") throw new Error("a dense layer is first");
    const dead = { ...net(4), layers: [{ ...first, bias: new Float32Array(8).fill(-100) }, ...rest] };
    near(learn(dead, [{ ...data, labels }]), [0.9, 0.1]);
    const deep = getOrThrow(initialise({ inputs: 4, layers: [dense(6), relu(), dense(6), relu(), dense(2)], seed: 1 }));
    near(learn(deep, [{ ...data, features: equal([1, 2, 3, 4]), labels }]), [0.9, 0.1]);
  });

  it("leaves weights where they are and moves biases, whatever the size of the row", () => {
    const { head: model } = problem(1, 6, 4), optimizer = robust();
    const row = problem(1, 6, 4).data.features.data as Float32Array;
    const steps = [1, 1e-6, 1e-3, 1e3, 1e6].map((scale) => {
      const features = equal([...row].map((v) => v * scale));
      const zero = getOrThrow(zeroHead({ features: 6, classes: 4 }));
      const data = getOrThrow(batch({ features, labels: NINE_TO_ONE }));
      const { params } = getOrThrow(optimizer.update(zero, optimizer.init(model), data));
      const step = difference(params, zero);
      expect(step.slice(0, 24).every((v) => v === 0)).toBe(true);
      return step.slice(24);
    });
    for (const step of steps.slice(1)) expect(relativeError(step, steps[0] as number[])).toBeLessThan(1e-4);
  });

  it("goes on with inputs that vary, and back", () => {
    const { head: model, data } = problem(20, 6, 4), optimizer = robust();
    const still = getOrThrow(batch({ features: equal([1, 2, 3, 4, 5, 6]), labels: NINE_TO_ONE }));
    const one = getOrThrow(batch({ features: equal([1, 2, 3, 4, 5, 6], 1), labels: [2] }));
    for (const order of [[still, data, still, data], [one, data, one, still, data], [data, one, still, data]]) {
      let params = model, state = optimizer.init(model);
      for (const part of order) {
        const next = getOrThrow(optimizer.update(params, state, part));
        const length = Math.hypot(...difference(next.params, params));
        expect(length).toBeGreaterThan(0);
        expect(length).toBeLessThan(20);
        ({ params, state } = next);
      }
      expect(flat(params).every(Number.isFinite)).toBe(true);
    }
  });

  it("gives a step or an Overflow at the ends of float32", () => {
    for (const size of [1e-45, 1e-38, 1e-30, 1e-22, 1e-18, 1e17, 1e19, 1e38]) {
      for (const model of [head(3), net(3)]) {
        for (const B of [1, 10]) {
          const data = getOrThrow(batch({ features: equal([size, -size, 0], B), labels: NINE_TO_ONE.slice(0, B) }));
          const step = robust().update(model, robust().init(model), data);
          if (E.isLeft(step)) expect(step.left._tag).toBe("Overflow");
          else expect(flat(step.right.params).every(Number.isFinite)).toBe(true);
        }
      }
    }
  });

  it("learns from single examples of classes that overlap what it learns from batches", async () => {
    const noise = uniform(360, 5), labels = Uint32Array.from({ length: 90 }, (_, i) => i % 3);
    const x = noise.map((v, k) => {
      const i = k >> 2, along = ([-2.5, 0.4, 1.6][i % 3] as number) + 0.8 * (noise[4 * i] as number);
      return k % 4 === 1 ? v - along / 2 : along + 0.3 * v;
    });
    const data = getOrThrow(batch({ features: getOrThrow(matrix(90, 4, x)), labels }));
    // The last fifty examples weigh most: four of ninety, and a loss of .05, are theirs.
    for (const model of [head(4, 3), net(4, 3)]) {
      const [single, many] = await Promise.all([1, 30].map(async (batchSize) => {
        const { params } = getOrThrow(await fit(model, data, { epochs: 5, batchSize })());
        return getOrThrow(evaluate(params, data));
      }));
      expect(single?.accuracy).toBeGreaterThan((many?.accuracy as number) - 0.05);
      expect(single?.loss).toBeLessThan((many?.loss as number) + 0.05);
    }
  });

  it("treats one column that is constant as if it were not there, but for its share of the scales", async () => {
    const { data } = problem(60, 3, 2), x = data.features.data as Float32Array;
    const labels = Uint32Array.from({ length: 60 }, (_, i) => (x[3 * i] as number) > 0 ? 1 : 0);
    const wide = Float32Array.from({ length: 240 }, (_, k) => k % 4 === 3 ? 7 : x[3 * (k >> 2) + k % 4] as number);
    for (const [D, values] of [[3, x], [4, wide]] as const) {
      const whole = getOrThrow(batch({ features: getOrThrow(matrix(60, D, values)), labels }));
      const { params } = getOrThrow(await fit(head(D), whole, { epochs: 60, batchSize: 20 })());
      const p = getOrThrow(probabilities(params, whole.features)).data;
      labels.forEach((label, i) => expect(p[2 * i + label]).toBeGreaterThan(0.5));
    }
  });
});

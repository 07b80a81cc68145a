// The centred metric and the two-stage system beyond their golden vectors: against a float64 solve in parameter space,
// with example weights, and what they refuse. Tolerance 1e-4, as for the golden vectors.

import { describe, expect, it } from "vitest";
import {
  batch,
  customModel,
  type Dense,
  dense,
  type Embedding,
  embedding,
  fgnStep,
  freeze,
  fromRows,
  getOrThrow,
  initialise,
  type Layer,
  levenbergMarquardt,
  matrix,
  mlp,
  type Network,
  network,
  relative,
  robust,
  type StepOptions,
  tanh,
  withAdapters,
  zeroHead,
} from "../../mod.ts";
import { metricStep, type System } from "../support/metric_reference.ts";
import { difference, flat, left, problem, relativeError } from "../support/reference.ts";

const LAMBDA = 0.05, ETA = 0.3;

/** A network of one layer. */
const single = (layer: Dense): Network => getOrThrow(network(layer.weight.cols, [layer]));

describe("the metric and the two-stage system", () => {
  const weights = Array.from({ length: 24 }, (_, i) => i % 4);
  const systems: readonly System[] = (["euclidean", "centred", "factored"] as const).flatMap((metric) =>
    [0, ETA].flatMap((twoStage) => metric === "euclidean" && twoStage === 0 ? [] : [{ metric, twoStage }])
  );
  for (const system of systems) {
    for (const bias of [true, false]) {
      for (const B of [1, 5, 24]) {
        const title = `${system.metric}, η = ${system.twoStage}, ${bias ? "" : "no "}bias, ${B} examples`;
        it(`${title}: equals the solve over the parameters`, () => {
          const { head, data } = problem(B, 6, 4, { spread: 0.5, bias, ...(B === 24 ? { weights } : {}) });
          const { params } = getOrThrow(fgnStep(head, data, LAMBDA, system as StepOptions));
          const want = metricStep(head, data, system, LAMBDA);
          expect(relativeError(difference(params, head), want)).toBeLessThan(1e-4 + 1e-7 / Math.hypot(...want));
        });
      }
    }
    it(`${system.metric}, η = ${system.twoStage}: examples repeated, and one of them alone`, () => {
      const { head, data } = problem(3, 6, 4, { spread: 0.5 });
      for (const rows of [[0, 1, 2, 0, 0, 2], [1, 1, 1], new Array<number>(200).fill(2)]) {
        const features = getOrThrow(
          matrix(rows.length, 6, rows.flatMap((i) => [...data.features.data.slice(6 * i, 6 * i + 6)])),
        );
        const repeated = getOrThrow(batch({ features, labels: rows.map((_, i) => i % 4) }));
        const want = metricStep(head, repeated, system, LAMBDA);
        const step = difference(getOrThrow(fgnStep(head, repeated, LAMBDA, system as StepOptions)).params, head);
        expect(relativeError(step, want)).toBeLessThan(1e-4 + 1e-7 / Math.hypot(...want));
      }
    });
  }

  it("go with all competitors: the full Gauss-Newton matrix in that metric", () => {
    for (const metric of ["centred", "factored"] as const) {
      for (const B of [1, 5, 24]) {
        const { head, data } = problem(B, 6, 4, { spread: 0.5, ...(B === 24 ? { weights } : {}) });
        const step = difference(getOrThrow(fgnStep(head, data, LAMBDA, { metric, competitors: 2 })).params, head);
        expect(relativeError(step, metricStep(head, data, { metric, full: true }, LAMBDA))).toBeLessThan(1e-4);
      }
    }
  });

  it("factored is that of the first update of robust(), which limits how far the layers of a network move", () => {
    const { head, data } = problem(20, 12, 5);
    for (const model of [head, getOrThrow(mlp({ inputs: 12, hidden: [9], classes: 5, seed: 1 }))]) {
      const optimizer = robust(), update = getOrThrow(optimizer.update(model, optimizer.init(model), data));
      const options = { metric: "factored", twoStage: 0.1, curvature: "majorized" } as const;
      const { params } = getOrThrow(fgnStep(model, data, update.report.lambda, options));
      if (model === head) expect(flat(params)).toEqual(flat(update.params));
      model.layers.forEach((layer, l) => {
        const [given, own, robusts] = [layer, params.layers[l], update.params.layers[l]];
        if (given._tag !== "dense" || own?._tag !== "dense" || robusts?._tag !== "dense") return;
        const step = (after: Dense): number[] => difference(single(after), single(given));
        const [d, limited] = [step(own), step(robusts)], share = Math.hypot(...limited) / Math.hypot(...d);
        expect(share).toBeLessThan(1.0001);
        expect(relativeError(limited.map((v) => v / share), d)).toBeLessThan(1e-4);
      });
    }
  });

  it("tries again with more damping, and gives the loss that the next step sees", () => {
    const { data } = problem(40, 12, 5);
    const start = getOrThrow(mlp({ inputs: 12, hidden: [9], classes: 5, seed: 1 }));
    for (const metric of ["centred", "factored"] as const) {
      const options = { metric, twoStage: ETA } as const;
      const { params, report } = getOrThrow(fgnStep(start, data, levenbergMarquardt({ lambda: 1e-6 }), options));
      expect(report.lossAfter).toBeLessThanOrEqual(report.lossBefore);
      const next = getOrThrow(fgnStep(params, data, relative(1), options)).report.lossBefore;
      expect(Math.abs(next - (report.lossAfter as number))).toBeLessThan(1e-5);
    }
  });

  it("are finite at extremes, and write to nothing they are given", () => {
    for (const scale of [0, 1e-40, 1e4]) {
      const { head, data } = problem(9, 3, 4, { spread: 3 });
      const features = getOrThrow(matrix(9, 3, data.features.data.map((v) => v * scale)));
      const before = flat(head);
      for (const metric of ["centred", "factored"] as const) {
        const { params } = getOrThrow(fgnStep(head, { ...data, features }, relative(1), { metric, twoStage: ETA }));
        expect(flat(params).every(Number.isFinite)).toBe(true);
        expect(flat(head)).toEqual(before);
      }
    }
  });

  it("of the layers after a frozen one that reads sparse features are those after the same dense layer", () => {
    const { data } = problem(20, 6, 4), values = data.features.data;
    const table = getOrThrow(initialise({ inputs: 6, layers: [embedding(5), tanh(), dense(4)], seed: 1 }));
    const [first, ...rest] = table.layers as [Embedding, ...Layer[]];
    const weight = Float32Array.from(
      { length: 30 },
      (_, k) => first.weight.data[(k % 6) * 5 + Math.floor(k / 6)] as number,
    );
    const same: Dense = { _tag: "dense", weight: { rows: 5, cols: 6, data: weight }, bias: first.bias, frozen: true };
    const entries = Array.from(
      { length: 20 },
      (_, i) => Array.from({ length: 6 }, (_, d): [number, number] => [d, values[6 * i + d] as number]),
    );
    const sparse = { ...data, features: getOrThrow(fromRows(6, entries)) },
      wide = getOrThrow(network(6, [same, ...rest]));
    for (const metric of ["centred", "factored"] as const) {
      const [thin, full] = [getOrThrow(freeze(table, [0])), wide].map((model, k) =>
        flat(getOrThrow(fgnStep(model, k === 0 ? sparse : data, LAMBDA, { metric, twoStage: ETA })).params)
      ) as [number[], number[]];
      expect(relativeError(thin, full)).toBeLessThan(1e-5); // sums in another order
      expect(thin).not.toEqual(flat(getOrThrow(fgnStep(getOrThrow(freeze(table, [0])), sparse, LAMBDA)).params));
    }
  });

  it("refuse what they do not go with", () => {
    const { head, data } = problem(8, 5, 4);
    const refused = (options: StepOptions, model = head, part = data): unknown =>
      left(fgnStep(model, part, 1, options));
    const invalid = (option: string) => ({ _tag: "InvalidOption", option });
    const centred = { metric: "centred" } as const;
    for (const metric of ["fisher", "toString", null]) {
      expect(refused({ metric } as unknown as StepOptions)).toMatchObject(invalid("metric"));
    }
    expect(refused({ metric: "factored", l2: 0.1 })).toMatchObject(invalid("metric"));
    for (const twoStage of [-1, NaN, Infinity]) expect(refused({ twoStage })).toMatchObject(invalid("twoStage"));
    expect(refused({ ...centred, refine: 1 })).toMatchObject(invalid("metric"));
    expect(refused({ ...centred, l2: 0.1 })).toMatchObject(invalid("metric"));
    expect(refused({ twoStage: 1, labelSmoothing: 0.1 })).toMatchObject(invalid("twoStage"));
    const sparse = getOrThrow(batch({ features: getOrThrow(fromRows(5, [[[0, 1]], [[2, 1]]])), labels: [0, 1] }));
    expect(refused({ twoStage: 1 }, getOrThrow(zeroHead({ features: 5, classes: 4 })), sparse)).toMatchObject(
      invalid("twoStage"),
    );
    const adapted = getOrThrow(withAdapters(getOrThrow(zeroHead({ features: 5, classes: 4 })), { rank: 2 }));
    expect(refused({ twoStage: 1 }, adapted)).toMatchObject(invalid("twoStage"));
    expect(refused({ twoStage: 1 }, getOrThrow(freeze(head)))).toMatchObject({ _tag: "InvalidLayer" });
    const own = getOrThrow(customModel({
      parameters: [1],
      classes: 4,
      forward: (_, x) => new Float32Array(4 * x.rows),
      jvp: (_, x) => new Float32Array(4 * x.rows),
      vjp: () => [0],
    }));
    expect(left(fgnStep(own, data, 1, centred))).toMatchObject(invalid("metric"));
  });
});

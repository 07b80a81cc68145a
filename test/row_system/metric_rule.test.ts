// Rules of metrics combined: a made-up rule that gives the first layer's inputs other scales, before that of robust(),
// against robust() on features that have those scales. Scales that are powers of two change no digit, so that steps are
// the same bytes; of other scales they are the same to 1e-4, as for golden vectors.

import * as E from "fp-ts/lib/Either.js";
import { describe, expect, it } from "vitest";
import {
  type Batch,
  batch,
  constant,
  type FgnError,
  fgnStep,
  getOrThrow,
  matrix,
  mlp,
  type Network,
  relative,
  robust,
  type StepOptions,
  zeroHead,
} from "../../mod.ts";
import { pooledMoments } from "../../src/optimizer/moments.ts";
import { type LayerMoments, runningMoments } from "../../src/optimizer/running_moments.ts";
import type { MetricView } from "../../src/row_system/metric.ts";
import { METRICS } from "../../src/row_system/metric_option.ts";
import { beginUpdate, combine, type MetricRule } from "../../src/row_system/metric_rule.ts";
import { allocation, type Step, stepInto } from "../../src/step/step.ts";
import type { LayerMetric } from "../../src/tape/tape.ts";
import { difference, flat, left, problem, relativeError } from "../support/reference.ts";

const times = (x: Float32Array, y: Float32Array): Float32Array => x.map((v, i) => v * (y[i] as number));
const over = (x: Float32Array, y: Float32Array): Float32Array => x.map((v, i) => v / (y[i] as number));

/** A layer whose inputs are x∘s to the rules that see it. */
const inUnits = (layer: LayerMetric, s: Float32Array): LayerMetric => ({
  ...layer,
  mean: (shares) => times(layer.mean(shares), s),
  setInputs: (mean, scale) => layer.setInputs(mean && over(mean, s), scale === null ? s : times(scale, s)),
});

/** The made-up rule: gives the inputs of the first layer their scales, and counts batches. It takes no layer. */
const scaleInputs = (s: Float32Array): MetricRule<{ readonly batches: number }> => ({
  name: "scales",
  init: { batches: 0 },
  set: ({ layers: [first, ...others] }, { batches }) => {
    first?.setInputs(null, s);
    const rest = first === undefined ? [] : [inUnits(first, s), ...others];
    return E.right({ state: { batches: batches + 1 }, rest });
  },
});

/** A step by a rule. */
function stepBy<S>(
  model: Network,
  data: Batch,
  rule: MetricRule<S>,
  state: S,
  { lambda, ...options }: StepOptions & { readonly lambda: number },
): E.Either<FgnError, { readonly step: Step<Network>; readonly state: S }> {
  const update = beginUpdate(rule, state);
  const step = stepInto(model, data, constant(lambda), options, { _tag: "fgn" }, allocation(options), update);
  return E.map((step: Step<Network>) => ({ step, state: update.state() }))(step);
}

/** The model whose first layer takes features times s, given one that takes them as they are, or back by 1/s. */
const rescaled = (model: Network, s: Float32Array): Network => {
  const [first, ...others] = model.layers;
  if (first?._tag !== "dense") throw new Error("not dense");
  const { rows, cols } = first.weight, data = first.weight.data.map((w, i) => w * (s[i % cols] as number));
  return { ...model, layers: [{ ...first, weight: { rows, cols, data } }, ...others] };
};

const D = 12;
const model = (hidden: readonly number[]): Network => getOrThrow(mlp({ inputs: D, hidden, classes: 5, seed: 1 }));
const { data } = problem(40, D, 5);
const scaledBatch = (s: Float32Array): Batch =>
  getOrThrow(batch({
    features: getOrThrow(matrix(40, D, (data.features.data as Float32Array).map((x, i) => x * (s[i % D] as number)))),
    labels: data.labels,
  }));

/**
 * The largest relative error of robust()'s rule after one that scales inputs by `told`, against robust() on inputs times s,
 * over three updates: of the step and of the moments.
 */
function compare(hidden: readonly number[], s: Float32Array, told = s): number {
  const optimizer = robust(), scaled = scaledBatch(s);
  const rules = (decay: number) => combine(scaleInputs(told), runningMoments(decay));
  const inverse = s.map((v) => 1 / v);
  let raw = model(hidden), plain = rescaled(raw, inverse);
  let state = optimizer.init(plain), pair = rules(0).init, error = 0;
  for (let n = 1; n <= 3; n++) {
    const update = getOrThrow(optimizer.update(plain, state, scaled, { trustRegion: 0 })), { lambda } = update.report;
    const options = { lambda, curvature: "majorized", twoStage: 0.1, lossAfter: false } as const;
    const result = getOrThrow(stepBy(raw, data, rules(1 - 1 / n), pair, options));
    const wanted = difference(rescaled(update.params, s), raw), actual = difference(result.step.params, raw);
    const moments = (layers: readonly LayerMoments[]): number[] =>
      layers.flatMap(({ mean, variance, signal }) => [...mean, ...variance, ...signal]);
    error = Math.max(
      error,
      relativeError(actual, wanted),
      relativeError(moments(result.state[1]), moments(update.state.layers)),
    );
    expect(result.state[0]).toEqual({ batches: n });
    [plain, state, raw, pair] = [update.params, update.state, result.step.params, structuredClone(result.state)];
  }
  return error;
}

describe("combined rules", () => {
  const powers = Float32Array.from({ length: D }, (_, i) => 2 ** ((i * 5) % 7 - 3));
  const scales = Float32Array.from({ length: D }, (_, i) => 0.3 + ((i * 5) % 7));
  for (const [title, hidden] of [["a head", []], ["two layers", [9]], ["three layers", [9, 7]]] as const) {
    it(`take the steps of the second one on features in the units of the first: ${title}`, () => {
      expect(compare(hidden, powers)).toBe(0);
      expect(compare(hidden, scales)).toBeLessThan(1e-4);
      expect(compare(hidden, scales, new Float32Array(D).fill(1))).toBeGreaterThan(0.1);
    });
  }

  it("leave a layer in the units of the first one where no other sets it", () => {
    const head = getOrThrow(zeroHead({ features: D, classes: 5 })), scaled = scaledBatch(powers);
    const { step } = getOrThrow(stepBy(head, data, scaleInputs(powers), { batches: 0 }, { lambda: 0.1 }));
    const plain = getOrThrow(fgnStep(head, scaled, constant(0.1)));
    expect(relativeError(flat(step.params), flat(rescaled(plain.params, powers)))).toBeLessThan(1e-5);
  });

  /** A layer that writes down who sets it. */
  const recorded = (name: string, hasBias: boolean, log: string[]): LayerMetric => ({
    inputs: 2,
    outputs: 3,
    hasBias,
    mean: () => Float32Array.of(1, 2),
    setInputs: () => void log.push(name),
    inputSquares: () => Float32Array.of(1, 1),
    inputNorm: () => 1,
    signalSquares: () => Float32Array.of(1, 1, 1),
    setOutputs: () => {},
    setConstant: () => {},
  });

  it("set each layer once: those with a bias by the first, the others by the second, in order", () => {
    const log: string[] = [];
    const layers = ["a", "b", "c", "d"].map((name, i) => recorded(name, i % 2 === 0, log));
    const view: MetricView = { layers, sparse: [], shares: 0, rows: 4, slopeSquares: 0 };
    const rule = combine(pooledMoments(1), combine(runningMoments(0), METRICS.factored));
    const { state: [pooled, [running, none]], rest } = getOrThrow(rule.set(view, rule.init));
    expect([pooled.length, running.length, none, rest]).toEqual([2, 2, null, []]);
    expect(new Set(log.slice(0, log.lastIndexOf("c") + 1))).toEqual(new Set(["a", "c"]));
    expect(new Set(log.slice(log.lastIndexOf("c") + 1))).toEqual(new Set(["b", "d"]));
    expect(getOrThrow(pooledMoments(1).set(view, [])).rest).toEqual([layers[1], layers[3]]);
  });

  it("pass on the first error, and a step takes none of them", () => {
    const rule = combine(scaleInputs(powers), pooledMoments(1)), params = model([9]), before = flat(params);
    const moments = { mean: new Float32Array(D), variance: new Float32Array(D) };
    const error = left(stepBy(params, data, rule, [{ batches: 0 }, [moments]], { lambda: 1 }));
    expect(error).toMatchObject({ _tag: "ShapeMismatch", what: "the state's layers" });
    expect(flat(params)).toEqual(before);
    const custom = left(stepBy(params, data, rule, rule.init, { lambda: 1, l2: 0.1 }));
    expect(custom).toMatchObject({ _tag: "InvalidOption", option: "optimizer", value: "scales, online" });
  });
});

describe("the rules of the option metric", () => {
  for (const metric of ["euclidean", "centred", "factored"] as const) {
    it(`${metric}: the option is its rule`, () => {
      const params = model([9]), step = getOrThrow(fgnStep(params, data, relative(0.1), { metric }));
      const { lambda } = step.report;
      const { step: byRule, state } = getOrThrow(
        stepBy(params, data, METRICS[metric], METRICS[metric].init, { lambda }),
      );
      expect(state).toBe(null);
      expect(relativeError(difference(byRule.params, params), difference(step.params, params))).toBeLessThan(1e-5);
    });
  }
});

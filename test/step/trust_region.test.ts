// The relative trust region of the step: what it does to each layer, and that the report speaks of the step taken.
//
// Tolerances (relative): 1e-5 between limited layers and shares of the same step without a limit, both float32; 1e-4 on
// the quadratic model of the step taken, against float64 (1e-3 with the full Gauss-Newton matrix).

import { describe, expect, it } from "vitest";
import {
  type Batch,
  dense,
  fgnStep,
  getOrThrow,
  initialise,
  type Layer,
  layerNorm,
  levenbergMarquardt,
  matrix,
  type Model,
  type Network,
  parameters,
  relative,
  relu,
  residual,
  type StepOptions,
  tanh,
  withAdapters,
  withParameters,
} from "../../mod.ts";
import { at, C, D, PAIRS } from "../support/custom_models.ts";
import { fgnCurvature, ggnCurvature, norm, penaltyOf, reduction, reference } from "../support/network_reference.ts";
import { difference, flat, left, problem, relativeError, uniform } from "../support/reference.ts";

const { data } = problem(14, D, C, { seed: 3 });
const soft: Batch = {
  ...data,
  targets: getOrThrow(matrix(14, C, Array.from(data.labels, (y) => [0, 1, 2].map((k) => k === y ? 0.6 : 0.2)).flat())),
};
const [, [, NETWORK, OWN]] = PAIRS as [(typeof PAIRS)[number], (typeof PAIRS)[number]];
const BOLD = relative(0.01);

/** What is limited as one: a weight, or gains, with what moves with it; and how many inputs it sums over. */
interface Part {
  readonly weight: Float32Array;
  readonly length: number;
  readonly fanIn: number;
}

function partsOf(layers: readonly Layer[]): Part[] {
  return layers.flatMap((layer): Part[] => {
    switch (layer._tag) {
      case "dense": {
        const { data, cols } = layer.weight;
        return [{ weight: data, length: data.length + (layer.bias?.length ?? 0), fanIn: cols }];
      }
      case "adapter":
        return [layer.down, layer.up].map(({ data, cols }) => ({ weight: data, length: data.length, fanIn: cols }));
      case "layerNorm":
        return [{ weight: layer.gain, length: 2 * layer.gain.length, fanIn: 1 }];
      case "residual":
        return partsOf(layer.layers);
      default:
        return [];
    }
  });
}

const rms = (values: readonly number[]): number => norm(values) / Math.sqrt(values.length);

describe("trustRegion", () => {
  const layers = [dense(6), relu(), residual([layerNorm(), dense(6), tanh()]), dense(C)];
  const mixed = getOrThrow(initialise({ inputs: D, layers, seed: 3 }));
  // Adapters start at zero, where half of their step is zero, too.
  const zero = getOrThrow(withAdapters(mixed, { rank: 2, layers: [0] })), count = parameters(zero).length;
  const adapted = getOrThrow(withParameters(zero, uniform(count, 5).map((v, i) => v / 9 + at(parameters(zero), i))));
  const MODELS: Readonly<Record<string, Network>> = { "a tanh network": NETWORK, "all kinds": mixed, adapted };

  for (const [name, model] of Object.entries(MODELS)) {
    it(`scales each layer by min(1, share · max(rms W, fan-in^−½)/rms dW): ${name}`, () => {
      const free = difference(getOrThrow(fgnStep(model, data, BOLD)).params, model);
      for (const share of [1e-3, 0.1, 0.5, 1, 3, 100]) {
        let first = 0, scaled = 0;
        const step = difference(getOrThrow(fgnStep(model, data, BOLD, { trustRegion: share })).params, model);
        const parts = partsOf(model.layers);
        for (const { weight, length, fanIn } of parts) {
          const was = free.slice(first, first + length), is = step.slice(first, first + length);
          const size = share * Math.max(rms(Array.from(weight)), 1 / Math.sqrt(fanIn));
          const factor = Math.min(1, size / rms(was.slice(0, weight.length)));
          if (factor < 1) scaled++;
          const rounding = 2 ** -23 * norm(flat(model)) / norm(was) / factor;
          expect(relativeError(is, was.map((v) => factor * v))).toBeLessThan(1e-5 + rounding);
          first += length;
        }
        if (share === 1e-3) expect(scaled).toBe(parts.length);
        if (share === 100) expect(scaled).toBe(0);
      }
    });
  }

  it("leaves models with one part alone", () => {
    const [[, head, ownHead]] = PAIRS as [(typeof PAIRS)[number]];
    for (const model of [head, ownHead, OWN]) {
      const free = getOrThrow(fgnStep(model, data, BOLD)),
        held = getOrThrow(fgnStep(model, data, BOLD, { trustRegion: 1e-3 }));
      expect(relativeError(difference(held.params, model), difference(free.params, model))).toBeLessThan(1e-6);
      expect(held.report.predictedReduction).toBe(free.report.predictedReduction);
    }
  });

  const CASES: Readonly<Record<string, readonly [Batch, StepOptions]>> = {
    "nothing more": [data, {}],
    "ℓ2": [data, { l2: 0.1 }],
    "soft targets and ℓ2": [soft, { l2: 0.02 }],
    "a matrix-free system": [data, { system: "matrixFree", tolerance: 1e-9 }],
    "the centred metric and a two-stage system": [data, { metric: "centred", twoStage: 0.1 }],
    momentum: [data, { momentum: { decay: 0.9, previous: uniform(parameters(NETWORK).length, 4) } }],
    refinement: [data, { refine: 3 }],
    "refinement with soft targets and ℓ2": [soft, { refine: 3, l2: 0.02 }],
  };

  for (const [name, [part, options]] of Object.entries(CASES)) {
    it(`reports the model of the step taken: ${name}`, () => {
      const { refine = 0 } = options, ref = reference(NETWORK, part, options);
      const H = refine > 0 ? ggnCurvature(ref) : fgnCurvature(ref);
      const free = getOrThrow(fgnStep(NETWORK, part, BOLD, options)).report;
      const trials = [BOLD, levenbergMarquardt({ lambda: free.lambda })].map((damping) =>
        getOrThrow(fgnStep(NETWORK, part, damping, { ...options, trustRegion: 0.1 }))
      );
      for (const { params, report } of trials) {
        expect(report.accepted).toBe(true);
        const d = difference(params, NETWORK), want = reduction(H, ref.gradient, d, penaltyOf(NETWORK, options));
        expect(relativeError([report.predictedReduction], [want])).toBeLessThan(refine > 0 ? 1e-3 : 1e-4);
        expect(report.gainRatio).toBe((report.actualReduction as number) / report.predictedReduction);
        expect(Math.abs(report.predictedReduction - free.predictedReduction)).toBeGreaterThan(0.1 * want);
      }
      const blind = getOrThrow(fgnStep(NETWORK, part, BOLD, { ...options, trustRegion: 0.1, lossAfter: false }));
      expect(flat(blind.params)).toEqual(flat(trials[0]?.params as Network));
      expect(blind.report.predictedReduction).toBeNaN();
      const wide = getOrThrow(fgnStep(NETWORK, part, BOLD, { ...options, trustRegion: 1e3, lossAfter: false }));
      expect(wide.report.predictedReduction).toBe(free.predictedReduction);
    });
  }

  it("is refused out of range", () => {
    for (const trustRegion of [-0.1, NaN, Infinity]) {
      const error = left(fgnStep<Model>(NETWORK, data, 1, { trustRegion }));
      expect(error).toMatchObject({ _tag: "InvalidOption", option: "trustRegion", value: trustRegion });
    }
  });
});

// Each transform against a chain of fgnStep computed by hand, on a head, a network of all kinds of layers and a model
// of one's own, over several batches; orders of chains; faults.
//
// Where a transform is arithmetic on parameters the numbers are those of the formula, rounded to float32 once: exactly.
// Tolerances: 1e-6 (relative) on lengths and on the average's closed form, for the rounding of parameters to float32.

import { pipe } from "fp-ts/lib/function.js";
import { describe, expect, it } from "vitest";
import {
  always,
  averaged,
  type Batch,
  clipGlobalNorm,
  cosineDecay,
  dense,
  fgn,
  fgnStep,
  getOrThrow,
  initialise,
  l2Penalty,
  type Layer,
  layerNorm,
  type Model,
  momentum,
  type Network,
  type Optimizer,
  relative,
  relu,
  residual,
  robust,
  scaled,
  type Schedule,
  type Step,
  type StepOptions,
  trustRegion,
  type UpdateOptions,
  warmUp,
  weightDecay,
  withAdapters,
  withParameters,
} from "../../mod.ts";
import { C, D, PAIRS } from "../support/custom_models.ts";
import { norm } from "../support/network_reference.ts";
import { difference, flat, left, problem, relativeError } from "../support/reference.ts";

const layers = [dense(6), relu(), residual([layerNorm(), dense(6)]), dense(5, { frozen: true }), relu(), dense(C)];
const MIXED = getOrThrow(
  withAdapters(getOrThrow(initialise({ inputs: D, layers, seed: 3 })), { rank: 2, layers: [0] }),
);
const [[, HEAD, OWN]] = PAIRS as [(typeof PAIRS)[number]];
const MODELS: readonly Model[] = [HEAD, MIXED, OWN];
const BATCHES = [1, 2, 3].map((seed) => problem(8 + seed, D, C, { seed }).data);
const batchOf = (n: number): Batch => BATCHES[n % BATCHES.length] as Batch;

/** Parameters, state and result after every update. */
function run<M extends Model, S>(optimizer: Optimizer<M, S>, model: M, count: number, options: UpdateOptions = {}) {
  let params = model, state = optimizer.init(model);
  return Array.from({ length: count }, (_, n) => {
    const done = getOrThrow(optimizer.update(params, state, batchOf(n), options));
    ({ params, state } = done);
    return { params: flat(params), result: flat(optimizer.result(params, state)), state, report: done.report };
  });
}

/** A chain of plain steps, `change` making the next parameters out of those before, those after, and the number. */
function chain(
  model: Model,
  count: number,
  change: (before: readonly number[], after: readonly number[], n: number) => readonly number[],
  optionsOf: (moved: Float32Array | null) => StepOptions = () => ({}),
): number[][] {
  let params = model, moved: Float32Array | null = null;
  return Array.from({ length: count }, (_, n) => {
    const step: Step<Model> = getOrThrow(fgnStep(params, batchOf(n), relative(1), optionsOf(moved)));
    const next = getOrThrow(withParameters(params, change(flat(params), flat(step.params), n)));
    moved = Float32Array.from(difference(next, params));
    params = next;
    return flat(params);
  });
}

const paramsOf = (seen: readonly { params: number[] }[]): number[][] => seen.map(({ params }) => params);

/** One flag a parameter, in order: whether it is a weight. */
function weights(layers: readonly Layer[]): boolean[] {
  const fill = (array: Float32Array | null, is: boolean): boolean[] => Array(array?.length ?? 0).fill(is);
  return layers.flatMap((layer) => {
    if (layer._tag === "residual") return weights(layer.layers);
    if (layer._tag === "activation" || layer.frozen) return [];
    if (layer._tag === "layerNorm") return [...fill(layer.gain, false), ...fill(layer.shift, false)];
    if (layer._tag === "adapter") return [...fill(layer.down.data, true), ...fill(layer.up.data, true)];
    return [...fill(layer.weight.data, true), ...fill(layer.bias, false)];
  });
}

/** All parameters of a model of one's own. */
const decays = (model: Model): boolean[] =>
  model._tag === "custom" ? flat(model).map(() => true) : weights(model.layers);

describe("weightDecay()", () => {
  it("takes a share of the weights before it off after the step, and of nothing else", () => {
    for (const model of MODELS) {
      const flags = decays(model);
      expect(new Set(flags).size).toBe(model._tag === "custom" ? 1 : 2);
      for (const rate of [0, 0.1, warmUp(4, 0.5)]) {
        const at = typeof rate === "number" ? always(rate).at : rate.at;
        const want = chain(
          model,
          5,
          (before, after, n) =>
            after.map((v, i) => flags[i] === true ? Math.fround(v - at(n) * (before[i] as number)) : v),
        );
        expect(paramsOf(run(weightDecay(rate)(fgn<Model>()), model, 5))).toEqual(want);
      }
    }
  });

  it("counts its steps and shares frozen arrays", () => {
    const optimizer = weightDecay(0.1)(fgn());
    expect(run(optimizer, MIXED, 4).map(({ state }) => state.steps)).toEqual([1, 2, 3, 4]);
    const { params } = getOrThrow(optimizer.update(MIXED, optimizer.init(MIXED), batchOf(0)));
    expect(params.layers[3]).toBe(MIXED.layers[3]);
  });
});

describe("clipGlobalNorm()", () => {
  it("scales longer steps down to the length given, and leaves shorter ones as they are", () => {
    for (const model of MODELS) {
      const free = getOrThrow(fgnStep(model, batchOf(0))), d = difference(free.params, model), length = norm(d);
      for (const most of [0.3 * length, 0.9 * length, 1.1 * length, Infinity]) {
        const [done] = run(clipGlobalNorm(most)(fgn<Model>()), model, 1);
        const step = (done?.params ?? []).map((v, i) => v - (flat(model)[i] as number));
        if (most > length) expect(done?.params).toEqual(flat(free.params));
        else {
          const want = d.map((v) => most / length * v);
          expect(Math.abs(norm(step) / most - 1)).toBeLessThan(1e-6);
          expect(relativeError(step, want)).toBeLessThan(2 ** -23 * norm(flat(model)) / most);
        }
      }
      const most = 0.1 * length;
      const want = chain(model, 4, (before, after) => {
        const far = norm(after.map((v, i) => v - (before[i] as number)));
        expect(far).toBeGreaterThan(most);
        return after.map((v, i) => (before[i] as number) + most / far * (v - (before[i] as number)));
      });
      const seen = paramsOf(run(clipGlobalNorm(most)(fgn<Model>()), model, 4));
      want.forEach((params, n) => expect(relativeError(seen[n] as number[], params)).toBeLessThan(1e-6));
    }
  });
});

describe("scaled()", () => {
  const share = (factor: Schedule) => (before: readonly number[], after: readonly number[], n: number) =>
    after.map((v, i) => Math.fround((before[i] as number) + factor.at(n) * (v - (before[i] as number))));

  it("takes a share of each step, by the number of the step", () => {
    for (const model of MODELS) {
      for (const schedule of [warmUp(3), cosineDecay(4, 0.1), always(0.5), always(1.5)]) {
        const optimizer = scaled(schedule)(fgn<Model>());
        expect(paramsOf(run(optimizer, model, 6))).toEqual(chain(model, 6, share(schedule)));
      }
      expect(paramsOf(run(scaled(0.5)(fgn<Model>()), model, 2))).toEqual(chain(model, 2, share(always(0.5))));
      expect(paramsOf(run(scaled(1)(fgn<Model>()), model, 3))).toEqual(paramsOf(run(fgn<Model>(), model, 3)));
      expect(run(scaled(0)(fgn<Model>()), model, 1)[0]?.params).toEqual(flat(model));
    }
  });
});

describe("averaged()", () => {
  it("averages what the steps gave, and steps on from that itself", () => {
    for (const model of MODELS) {
      const seen = run(averaged(0.5)(fgn<Model>()), model, 14), plain = paramsOf(run(fgn<Model>(), model, 14));
      expect(paramsOf(seen)).toEqual(plain);
      const decay = (n: number): number => Math.min(0.5, n / (n + 9));
      let average = flat(model);
      seen.forEach(({ params, result, state }, i) => {
        const d = decay(i + 1);
        average = average.map((v, k) => Math.fround(d * v + (1 - d) * (params[k] as number)));
        expect(result).toEqual(average);
        expect(state.steps).toBe(i + 1);
      });
      // In closed form: θ_k weighs (1 − d_k) d_{k+1} ⋯ d_n, and the start d_1 ⋯ d_n.
      const later = (k: number): number => plain.reduce((product, _, n) => n < k ? product : product * decay(n + 1), 1);
      const closed = flat(model).map((start, i) =>
        plain.reduce(
          (sum, params, k) => sum + (1 - decay(k + 1)) * later(k + 1) * (params[i] as number),
          later(0) * start,
        )
      );
      expect(relativeError(seen.at(-1)?.result ?? [], closed)).toBeLessThan(1e-6);
    }
  });

  it("averages arrays of any length, in memory of their own or in that of the average before", () => {
    const { head, data } = problem(5, 997, 13); // 12,961 weights
    for (const donate of [false, true]) {
      const optimizer = averaged(0.5)(fgn<Network>());
      let params = structuredClone(head), state = optimizer.init(params), average = flat(head);
      for (const decay of [1 / 10, 2 / 11]) {
        ({ params, state } = getOrThrow(optimizer.update(params, state, data, { donate })));
        const now = flat(params);
        average = average.map((v, k) => Math.fround(decay * v + (1 - decay) * (now[k] as number)));
        expect(flat(optimizer.result(params, state)).every((v, k) => v === average[k])).toBe(true);
      }
    }
  });
});

describe("transforms of what the step is asked for", () => {
  it("l2Penalty() adds to the penalty of the objective", () => {
    for (const model of MODELS) {
      const penalised = (l2: number) => chain(model, 3, (_, after) => after, () => ({ l2 }));
      expect(paramsOf(run(l2Penalty(0.1)(fgn<Model>()), model, 3))).toEqual(penalised(0.1));
      expect(paramsOf(run(l2Penalty(0.25)(fgn<Model>()), model, 3, { l2: 0.5 }))).toEqual(penalised(0.75));
      expect(paramsOf(run(pipe(fgn<Model>(), l2Penalty(0.25), l2Penalty(0.5)), model, 3))).toEqual(penalised(0.75));
      const [first] = run(l2Penalty(0.1)(fgn<Model>()), model, 1);
      expect(first?.report).toEqual(
        getOrThrow(fgnStep(model, batchOf(0), relative(1), { l2: 0.1, lossAfter: false })).report,
      );
    }
  });

  it("trustRegion() is the step's; the smallest of a chain counts, and robust's own does not", () => {
    const limited = (share: number) => chain(MIXED, 3, (_, after) => after, () => ({ trustRegion: share }));
    expect(limited(0.1)).not.toEqual(limited(0.3));
    expect(paramsOf(run(trustRegion(0.1)(fgn()), MIXED, 3))).toEqual(limited(0.1));
    expect(paramsOf(run(trustRegion(0.1)(fgn()), MIXED, 3, { trustRegion: 0 }))).toEqual(limited(0.1));
    for (const [a, b] of [[0.1, 0.3], [0.3, 0.1]] as const) {
      expect(paramsOf(run(pipe(fgn(), trustRegion(a), trustRegion(b)), MIXED, 3))).toEqual(limited(0.1));
    }
    const far = run(trustRegion(0.5)(robust()), MIXED, 2), own = run(robust(), MIXED, 2);
    expect(paramsOf(far)).toEqual(paramsOf(run(robust(), MIXED, 2, { trustRegion: 0.5 })));
    expect(paramsOf(far)).not.toEqual(paramsOf(own));
  });

  it("momentum() carries on what came of the step before", () => {
    for (const model of MODELS) {
      const want = chain(model, 5, (_, after) => after, (previous) => ({ momentum: { decay: 0.7, previous } }));
      const seen = run(momentum(0.7)(fgn<Model>()), model, 5);
      expect(paramsOf(seen)).toEqual(want);
      expect(want[4]).not.toEqual(run(fgn<Model>(), model, 5)[4]?.params);
      const [last, before] = [want[4] as number[], want[3] as number[]];
      const moved = Float32Array.from(last, (v, i) => v - (before[i] as number));
      expect(seen[4]?.state.previous).toEqual(moved);
      expect(paramsOf(run(momentum()(fgn<Model>()), model, 3))).toEqual(
        paramsOf(run(momentum(0.9)(fgn<Model>()), model, 3)),
      );
    }
  });
});

describe("the order of a chain", () => {
  it("is that of the pipe: what comes later acts on what came before", () => {
    for (const model of MODELS) {
      const flags = decays(model);
      const half = (before: readonly number[], after: readonly number[]) =>
        after.map((v, i) => Math.fround((before[i] as number) + 0.5 * (v - (before[i] as number))));
      const decay = (before: readonly number[], after: readonly number[]) =>
        after.map((v, i) => flags[i] === true ? Math.fround(v - 0.25 * (before[i] as number)) : v);
      const first = run(pipe(fgn<Model>(), scaled(0.5), weightDecay(0.25)), model, 3);
      expect(paramsOf(first)).toEqual(chain(model, 3, (before, after) => decay(before, half(before, after))));
      const second = run(pipe(fgn<Model>(), weightDecay(0.25), scaled(0.5)), model, 3);
      expect(paramsOf(second)).toEqual(chain(model, 3, (before, after) => half(before, decay(before, after))));
      const carried = run(pipe(fgn<Model>(), scaled(0.5), momentum(0.7)), model, 4);
      const options = (previous: Float32Array | null): StepOptions => ({ momentum: { decay: 0.7, previous } });
      expect(paramsOf(carried)).toEqual(chain(model, 4, half, options));
      // Here the step carried is the one before it was halved.
      const whole = run(pipe(fgn<Model>(), momentum(0.7), scaled(0.5)), model, 4);
      expect(whole[0]?.params).toEqual(carried[0]?.params);
      expect(whole[1]?.params).not.toEqual(carried[1]?.params);
    }
    expect(pipe(fgn(), scaled(0.5), weightDecay(0.1), averaged()).name).toBe("averaged(weightDecay(scaled(fgn)))");
  });
});

describe("faults", () => {
  const fault = <S>(optimizer: Optimizer<Network, S>, data = batchOf(0)): unknown =>
    left(optimizer.update(HEAD, optimizer.init(HEAD), data));
  const none: Schedule = { at: () => NaN, note: "" };

  it("of a transform's own numbers are named after it", () => {
    const invalid = (option: string) => ({ _tag: "InvalidOption", option });
    for (const rate of [-0.1, 1, NaN, none]) {
      expect(fault(weightDecay(rate)(fgn()))).toMatchObject(invalid("weightDecay"));
    }
    expect(fault(scaled(cosineDecay(0))(fgn()))).toMatchObject(invalid("cosineDecay.steps"));
    for (const factor of [-0.1, NaN, Infinity, none]) {
      expect(fault(scaled(factor)(fgn()))).toMatchObject(invalid("scaled"));
    }
    for (const most of [0, -1, NaN]) {
      expect(fault(clipGlobalNorm(most)(fgn()))).toMatchObject(invalid("clipGlobalNorm"));
    }
    for (const decay of [-0.1, 1, NaN]) {
      expect(fault(averaged(decay)(fgn()))).toMatchObject(invalid("averaged"));
      expect(fault(momentum(decay)(fgn()))).toMatchObject(invalid("momentum"));
    }
    for (const strength of [-1, NaN, Infinity]) {
      expect(fault(l2Penalty(strength)(fgn()))).toMatchObject(invalid("l2Penalty"));
    }
    for (const share of [0, -1, NaN, Infinity]) {
      expect(fault(trustRegion(share)(fgn()))).toMatchObject(invalid("trustRegion"));
    }
  });

  it("of the step inside come through", () => {
    const all = pipe(fgn(), momentum(), weightDecay(0.1), clipGlobalNorm(1), scaled(1), trustRegion(1), averaged());
    expect(fault(all, problem(8, D + 1, C).data)).toMatchObject({ _tag: "FeatureMismatch" });
    expect(fault(l2Penalty(0.1)(fgn({ metric: "centred" })))).toMatchObject({
      _tag: "InvalidOption",
      option: "metric",
    });
  });
});

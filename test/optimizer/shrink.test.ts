// Shrinking against the golden layer (float64; parameters are float32, 1e-7 of them), and what it leaves alone.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  averaged,
  clipGlobalNorm,
  type CustomModel,
  type Dense,
  dense,
  embedding,
  fgn,
  freeze,
  getOrThrow,
  initialise,
  linearHead,
  logits,
  matrix,
  mlp,
  type Model,
  momentum,
  type Network,
  network,
  type Optimizer,
  parameters,
  relu,
  robust,
  type RobustState,
  scaled,
  type Shrinkage,
  weightDecay,
  withAdapters,
} from "../../mod.ts";
import { countShrunk, rootOf } from "../../src/optimizer/shrink.ts";
import { PAIRS } from "../support/custom_models.ts";
import { flat, left, problem, relativeError, uniform } from "../support/reference.ts";

const golden = JSON.parse(readFileSync(new URL("../golden/shrinkage.json", import.meta.url), "utf8")).layer;

const optimizer = robust<Model>();

/** A state whose layers have these means of their inputs. */
const stateOf = (params: Model, ...means: readonly ArrayLike<number>[]): RobustState => ({
  ...optimizer.init(params),
  steps: 1,
  layers: means.map((mean) => ({
    mean: Float32Array.from(mean),
    variance: new Float32Array(mean.length),
    signal: new Float32Array(1),
  })),
});

const shrink = <M extends Model>(params: M, state: RobustState, shrinkage: Shrinkage): M =>
  getOrThrow((optimizer as unknown as Required<Optimizer<M, RobustState>>).shrink(params, state, shrinkage));

const mean = (rows: Float32Array, count: number): number[] =>
  Array.from({ length: rows.length / count }, (_, j) => {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += rows[i * rows.length / count + j] as number;
    return sum / count;
  });

describe("shrinking", () => {
  it("is that of the golden layer, and leaves what it is given as it is", () => {
    const head = getOrThrow(linearHead({ features: 2, classes: 3 }, golden.weights, golden.biases));
    const before = parameters(head), next = shrink(head, stateOf(head, golden.inMean), { share: golden.epsilon });
    const wanted = [...golden.weightsAfter, ...golden.biasesAfter];
    parameters(next).forEach((v, i) => expect(v).toBeCloseTo(wanted[i], 6));
    expect(parameters(head)).toEqual(before);
  });

  it("takes the share of the logits about their mean, over all layers together", () => {
    // Without activations a network is one product: logits about their mean shrink by the share, to float32.
    const deep = getOrThrow(network(
      6,
      [0, 1, 2].map((i): Dense => ({
        _tag: "dense",
        weight: { rows: 5 - i, cols: 6 - i, data: uniform((5 - i) * (6 - i), i) },
        bias: uniform(5 - i, 7 + i),
        frozen: false,
      })),
    ));
    const features = getOrThrow(matrix(20, 6, uniform(120, 3)));
    let inputs = features;
    const means = deep.layers.map((layer) => {
      const here = mean(inputs.data, 20);
      inputs = getOrThrow(logits(getOrThrow(network(inputs.cols, [layer])), inputs));
      return here;
    });
    const before = getOrThrow(logits(deep, features)), middle = mean(before.data, 20);
    const after = getOrThrow(logits(shrink(deep, stateOf(deep, ...means), { share: 0.1 }), features));
    const wanted = before.data.map((f, i) => (middle[i % 3] as number) + 0.9 * (f - (middle[i % 3] as number)));
    expect(relativeError(after.data, wanted)).toBeLessThan(1e-6);
  });

  it("shrinks weights alone without means or biases, and nothing that is frozen, adapted or a model of one's own", () => {
    const { head } = problem(1, 4, 3, { bias: false });
    expect(flat(shrink(head, stateOf(head, [0, 0, 0, 0]), { share: 0.5 }))).toEqual(flat(head).map((v) => v / 2));
    const biased = problem(1, 4, 3).head, halved = shrink(biased, stateOf(biased), { share: 0.5 });
    expect(flat(halved)).toEqual(flat(biased).map((v, i) => i < 12 ? v / 2 : v));

    const net = getOrThrow(mlp({ inputs: 4, hidden: [3], classes: 2 })), first = getOrThrow(freeze(net, [0]));
    expect(countShrunk(net)).toBe(2);
    expect(countShrunk(first)).toBe(1);
    const last = shrink(first, stateOf(first, [0, 0, 0]), { share: 0.5 });
    expect(last.layers[0]).toBe(first.layers[0]);
    expect(flat(last)).toEqual(flat(first).map((v, i) => i < 6 ? v / 2 : v));

    const adapted = getOrThrow(withAdapters(net, { rank: 1, layers: [0] }));
    expect(countShrunk(adapted)).toBe(1);
    const next = shrink(adapted, stateOf(adapted, [0, 0, 0, 0], [0], [4, 2, 2]), { share: 0.5 });
    const [weight, bias] = [flat(adapted).slice(-8, -2), flat(adapted).slice(-2)];
    expect(flat(next).slice(0, -8)).toEqual(flat(adapted).slice(0, -8));
    expect(flat(next).slice(-8, -2)).toEqual(weight.map((v) => v / 2));
    bias.forEach((b, r) => {
      const [x = 0, y = 0, z = 0] = weight.slice(3 * r);
      expect(flat(next).at(r - 2)).toBeCloseTo(b + 0.5 * (4 * x + 2 * y + 2 * z), 6);
    });

    const own = PAIRS[0]?.[2] as CustomModel;
    expect(countShrunk(own)).toBe(0);
    expect(shrink(own, stateOf(own), { share: 0.5 }).parameters).toEqual(own.parameters);
  });

  it("shrinks a first layer over sparse features by a share of its own", () => {
    const net = getOrThrow(initialise({ inputs: 4, layers: [embedding(3), relu(), dense(2)] }));
    const state = stateOf(net, [0, 0, 0]), size = 4 * 3 + 3;
    const rest = shrink(net, state, { share: 0.75, sparse: 0 }), both = shrink(net, state, { share: 0.75 });
    expect(flat(rest).slice(0, size)).toEqual(flat(net).slice(0, size));
    expect(flat(rest).slice(size)).toEqual(flat(both).slice(size));
    expect(flat(both).slice(0, 12)).toEqual(flat(net).slice(0, 12).map((v) => v / 2));
    const alone = shrink(net, state, { share: 0, sparse: 0.75 });
    expect(flat(alone)).toEqual([...flat(both).slice(0, size), ...flat(net).slice(size)]);
  });

  it("takes the memory of parameters that are donated, unless the average lies there", () => {
    const { head } = problem(1, 4, 3), state = stateOf(head, [0, 0, 0, 0]), other = problem(1, 4, 3).head;
    const call = (params: Network, at: RobustState) =>
      getOrThrow(optimizer.shrink?.(params, at, { share: 0.5 }, { donate: true }) as never);
    call(other, state);
    expect(parameters(other)).toHaveLength(0);
    const shared = optimizer.result(head, state) as Network;
    call(shared, state);
    expect(parameters(shared)).toHaveLength(15);
  });

  it("is handed on by transforms, and there is none in fgn", () => {
    const { head } = problem(1, 4, 3), inner = optimizer;
    for (const around of [scaled(0.5)(inner), weightDecay(0.1)(inner), averaged(0.9)(inner)]) {
      const state = around.init(head);
      const next = getOrThrow(around.shrink?.(head, state as never, { share: 0.5 }) as never) as Network;
      expect(flat(next).slice(0, 12)).toEqual(flat(head).slice(0, 12).map((v) => v / 2));
    }
    expect(clipGlobalNorm(1)(inner).shrink).toBeDefined();
    expect(momentum()(fgn()).shrink).toBeUndefined();
  });

  it("refuses shares and states that are none", () => {
    const { head } = problem(1, 4, 3),
      state = optimizer.init(head),
      call = optimizer.shrink as NonNullable<typeof optimizer.shrink>;
    expect(left(call(head, state, { share: 1 }))).toMatchObject({ _tag: "InvalidOption", option: "share" });
    expect(left(call(head, state, { share: 0.1, sparse: -1 }))).toMatchObject({ option: "sparse" });
    expect(left(call(head, null as never, { share: 0.1 }))).toMatchObject({ _tag: "WrongKind" });
    expect(left(call(head, { ...state, layers: [{}] } as never, { share: 0.1 }))._tag).toBe("WrongKind");
    expect(left(call(head, { ...state, average: [] }, { share: 0.1 }))._tag).toBe("ShapeMismatch");
  });

  it("has roots to the last digits", () => {
    for (const x of [1, 0.999999, 0.8, 0.5, 1e-3]) {
      for (const n of [1, 2, 3, 7, 30]) expect(Math.abs(rootOf(x, n) / x ** (1 / n) - 1)).toBeLessThan(1e-15 * n);
    }
  });
});

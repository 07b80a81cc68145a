// The robust optimizer against its golden traces: two steps of seven networks with full state, steady and adaptive, one
// run of 20 steps, inputs that do not vary, and single examples; float64 values that equal a dense solve with automatic-differentiation
// Jacobians.
//
// Tolerances (relative, L2): 1e-4 on moments, damping and step; 1e-3 for the extreme file. Over the 20 steps of the long
// run float32 parameters drift from float64 ones, which each step's golden parameters undo. Where a step is zero, slopes of
// float32 that cancel leave 1e-6.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import * as E from "fp-ts/lib/Either.js";
import { describe, expect, it } from "vitest";
import {
  type Batch,
  batch,
  type Dense,
  dense,
  embedding,
  evaluate,
  fgnStep,
  fromRows,
  getOrThrow,
  initialise,
  type Layer,
  layerNorm,
  linearHead,
  matrix,
  mlp,
  type Network,
  network,
  relu,
  residual,
  robust,
  type RobustOptions,
  type RobustState,
  tanh,
  train,
  withAdapters,
  zeroHead,
} from "../../mod.ts";
import { difference, flat, left, problem, relativeError } from "../support/reference.ts";

interface GoldenStep {
  readonly x: number[];
  readonly y: number[];
  readonly weights: number[][];
  readonly biases: number[][];
  readonly inMean: number[][];
  readonly inVar: number[][];
  readonly outMoment: number[][];
  readonly meanS: number;
  readonly mu: number;
  readonly step: number[];
}

interface GoldenRun {
  readonly sizes: number[];
  readonly batch: number;
  readonly steps: readonly GoldenStep[];
}

const readGolden = (name: string) => JSON.parse(readFileSync(new URL(`../golden/${name}`, import.meta.url), "utf8"));

/** Inputs that do not vary and single examples, with what test/golden/README.md says of two of them. */
function readStill(): Record<string, GoldenRun> {
  const { betaFloor } = readGolden("robust_v5.json"), mended = readGolden("robust_v5_mended.json");
  const steps = [...mended.mlp_equal_rows.steps, ...betaFloor.mlp_equal_rows.steps.slice(1)];
  return { ...betaFloor, ...mended, mlp_equal_rows: { ...betaFloor.mlp_equal_rows, steps } };
}

function open({ sizes, batch: B }: GoldenRun, step: GoldenStep): { model: Network; data: Batch } {
  const layers: Layer[] = [];
  step.weights.forEach((weight, l) => {
    if (l > 0) layers.push({ _tag: "activation", kind: "relu", slope: 0 });
    const bias = Float32Array.from(step.biases[l] as number[]);
    const rows = bias.length, data = Float32Array.from(weight);
    layers.push({ _tag: "dense", weight: { rows, cols: data.length / rows, data }, bias, frozen: false });
  });
  const inputs = step.x.length / B;
  expect(sizes[0]).toBe(inputs);
  const features = getOrThrow(matrix(B, inputs, step.x));
  return { model: getOrThrow(network(inputs, layers)), data: getOrThrow(batch({ features, labels: step.y })) };
}

const TRACES: readonly [string, "steady" | "adaptive", Record<string, GoldenRun>][] = [
  ["steady", "steady", readGolden("robust_v2.json")],
  ["adaptive", "adaptive", readGolden("robust_v3.json")],
  ["inputs that do not vary and single examples", "adaptive", readStill()],
];

for (const [what, rule, traces] of TRACES) {
  describe(`golden traces, ${what}`, () => {
    const runs = Object.entries(traces);
    it("are all here", () => expect(runs.length).toBeGreaterThanOrEqual(7));
    for (const [name, run] of runs) {
      it(`${name}: ${run.steps.length} steps`, () => {
        const tolerance = name.includes("extreme") ? 1e-3 : 1e-4;
        const optimizer = robust({ rule });
        let state: RobustState | undefined;
        run.steps.forEach((step) => {
          const { model, data } = open(run, step);
          const done = getOrThrow(optimizer.update(model, state ?? optimizer.init(model), data));
          state = done.state;
          step.inMean.forEach((mean, l) => {
            const layer = state?.layers[l];
            expect(relativeError(layer?.mean ?? [], mean)).toBeLessThan(tolerance);
            expect(relativeError(layer?.variance ?? [], step.inVar[l] as number[])).toBeLessThan(tolerance);
            expect(relativeError(layer?.signal ?? [], step.outMoment[l] as number[])).toBeLessThan(tolerance);
          });
          expect(Math.abs(state.meanSlope - step.meanS)).toBeLessThan(tolerance * step.meanS);
          expect(Math.abs(done.report.lambda * run.batch - step.mu)).toBeLessThan(tolerance * step.mu);
          const size = Math.hypot(...step.step), rounding = 1e-7 * Math.hypot(...flat(model)) / size;
          const moved = difference(done.params, model);
          if (size > 1e-12) expect(relativeError(moved, step.step)).toBeLessThan(tolerance + rounding);
          else expect(Math.hypot(...moved)).toBeLessThan(1e-6);
        });
      });
    }
  });
}

/** Hash of the run below; what Node, Deno and Bun must all print. */
const EXPECTED = "ad37045796cb5be3869cf734a73f6ba1ac7846fcbf4c446def26af197284b59c";

describe("robust()", () => {
  const small = (hidden: number[] = [9]): Network => getOrThrow(mlp({ inputs: 12, hidden, classes: 5, seed: 1 }));

  it("damps by the golden table of n and the running misfit", () => {
    const rows = JSON.parse(readFileSync(new URL("../golden/robust_v3_damping.json", import.meta.url), "utf8"));
    expect(rows.length).toBe(54);
    // A model so sure of every label that s is below each of the table's means.
    const model = getOrThrow(linearHead({ features: 12, classes: 5 }, new Float32Array(60), [10, 0, 0, 0, 0]));
    const data = { ...problem(30, 12, 5).data, labels: new Uint32Array(30) }, optimizer = robust();
    const first = getOrThrow(optimizer.update(model, optimizer.init(model), data));
    for (const { n, meanS, muRel } of rows as { n: number; meanS: number; muRel: number }[]) {
      // The state before the n-th step whose running mean that step takes to meanS; a first step has none before it.
      const share = Math.max(0.02, 1 / n);
      if (share === 1) continue;
      const meanSlope = (meanS - share * first.state.meanSlope) / (1 - share);
      const state = { ...first.state, steps: n - 1, meanSlope };
      const steady = getOrThrow(robust({ rule: "steady" }).update(model, state, data)).report.lambda;
      const adaptive = getOrThrow(optimizer.update(model, state, data));
      expect(Math.abs(adaptive.state.meanSlope - meanS)).toBeLessThan(1e-12);
      // The steady rule's γ is .15 on the same K̄: the ratio of the two is the golden multiplier over .15.
      const wanted = muRel / (0.15 * meanS ** 0.7 * Math.sqrt(1 + n / 50));
      expect(Math.abs(adaptive.report.lambda / steady - wanted)).toBeLessThan(1e-9 * wanted);
    }
  });

  it("gives the same bytes in every runtime, and the same again", async () => {
    const { data } = problem(300, 12, 5);
    const run = async (): Promise<string> => {
      let hash = "";
      for await (
        const record of train(small([9, 7]), data, { optimizer: robust(), epochs: 4, batchSize: 32, shrinkage: "off" })
      ) {
        const seen = getOrThrow(record);
        if (seen._tag === "epoch") {
          hash = createHash("sha256").update(Float32Array.from(flat(seen.params))).digest("hex");
        }
      }
      return hash;
    };
    expect(await run()).toBe(EXPECTED);
    expect(await run()).toBe(EXPECTED);
  });

  it("writes to none of its arguments; its state survives a clone", () => {
    const { data } = problem(40, 12, 5), optimizer = robust();
    const params = small(), first = getOrThrow(optimizer.update(params, optimizer.init(params), data));
    const before = JSON.stringify([flat(params), flat(first.params), first.state]);
    const second = getOrThrow(optimizer.update(first.params, first.state, data));
    const cloned = getOrThrow(optimizer.update(first.params, structuredClone(first.state), data));
    expect(JSON.stringify([flat(params), flat(first.params), first.state])).toBe(before);
    expect(flat(cloned.params)).toEqual(flat(second.params));
    expect(cloned.state).toEqual(second.state);
    expect(second.state.steps).toBe(2);
  });

  it("keeps no hidden layer from learning, yet moves none by more than a fifth of its size", () => {
    const { data } = problem(40, 12, 5), optimizer = robust(), params = small();
    const { params: next } = getOrThrow(optimizer.update(params, optimizer.init(params), data));
    const rms = (values: ArrayLike<number>): number => Math.hypot(...Array.from(values)) / Math.sqrt(values.length);
    [0, 2].forEach((l) => {
      const before = params.layers[l] as Dense, after = next.layers[l] as Dense;
      const step = after.weight.data.map((v, i) => v - (before.weight.data[i] as number));
      const limit = 0.2 * Math.max(rms(before.weight.data), 1 / Math.sqrt(before.weight.cols));
      expect(rms(step)).toBeGreaterThan(0);
      expect(rms(step)).toBeLessThan(limit * (1 + 1e-5));
    });
  });

  it("takes the deviation of a single example from the mean before it", () => {
    const head = getOrThrow(zeroHead({ features: 2, classes: 3 })), optimizer = robust();
    const one = (x: number[], y: number): Batch =>
      getOrThrow(batch({ features: getOrThrow(matrix(1, 2, x)), labels: [y] }));
    const first = getOrThrow(optimizer.update(head, optimizer.init(head), one([1, -2], 0)));
    expect(first.state.layers[0]).toMatchObject({ mean: Float32Array.of(1, -2), variance: new Float32Array(2) });
    const second = getOrThrow(optimizer.update(first.params, first.state, one([5, 0], 1)));
    // The second step's decay is ½: mean ½(1 + 5), ½(−2 + 0); variance ½ 4², ½ 2².
    expect(second.state.layers[0]).toMatchObject({ mean: Float32Array.of(3, -1), variance: Float32Array.of(8, 2) });
  });

  it("starts again with moments of other layers, of one example, too", () => {
    const optimizer = robust(), params = small(), { data } = problem(1, 12, 5), state = optimizer.init(params);
    const floats = (length: number): Float32Array => new Float32Array(length).fill(7);
    const layers = [{ mean: floats(5000), variance: floats(5000), signal: floats(5000) }];
    const other = getOrThrow(optimizer.update(params, { ...state, layers }, data));
    expect(other).toEqual(getOrThrow(optimizer.update(params, state, data)));
  });

  it("stays finite with one example, without biases, with layer norms and adapters, at extremes", () => {
    const { data } = problem(20, 12, 5);
    const layers = [
      dense(8, { bias: false }),
      layerNorm(),
      relu(),
      residual([dense(8), tanh()]),
      dense(5, { bias: false }),
    ];
    const mixed = getOrThrow(initialise({ inputs: 12, layers, seed: 2 }));
    const adapted = getOrThrow(withAdapters(small(), { rank: 2, layers: [0] }));
    const one = problem(1, 12, 5).data;
    const huge = {
      ...data,
      features: getOrThrow(matrix(20, 12, (data.features.data as Float32Array).map((v) => v * 1e4))),
    };
    const none = { ...data, features: getOrThrow(matrix(20, 12, new Float32Array(240))) };
    for (const model of [small(), small([]), mixed, adapted]) {
      for (const part of [data, one, huge, none]) {
        const optimizer = robust();
        let params = model, state = optimizer.init(model);
        for (let i = 0; i < 5; i++) ({ params, state } = getOrThrow(optimizer.update(params, state, part)));
        expect(flat(params).every(Number.isFinite)).toBe(true);
        expect(flat(optimizer.result(params, state)).every(Number.isFinite)).toBe(true);
      }
    }
  });

  it("goes on where everything is explained: s is 0 to the last digit", () => {
    const weight = [2000, 0, -2000, 0, 0, 0], x = [1, 0, -1, 0, 2, 1];
    const model = getOrThrow(linearHead({ features: 2, classes: 3 }, weight, [0, 0, 0])), optimizer = robust();
    const data = getOrThrow(batch({ features: getOrThrow(matrix(3, 2, x)), labels: [0, 1, 0] }));
    const confident = getOrThrow(fgnStep(model, data)).report.lossBefore;
    expect(confident).toBe(0);
    const { params, state } = getOrThrow(optimizer.update(model, optimizer.init(model), data));
    expect(state.meanSlope).toBe(0);
    expect(flat(params)).toEqual(flat(model));
  });

  it("refuses bad options", () => {
    const { data } = problem(8, 12, 5), params = small();
    const update = (options: RobustOptions, part: Batch = data, model = params) =>
      left(robust(options).update(model, robust().init(model), part));
    for (const caution of [0, -1, NaN, Infinity]) expect(update({ caution })).toMatchObject({ option: "caution" });
    expect(update({ rule: "bold" } as unknown as RobustOptions)).toMatchObject({ option: "rule" });
    // The name that `rule` had until 0.4.
    expect(update({ damping: "steady" } as RobustOptions)).toMatchObject({
      _tag: "InvalidOption",
      option: "damping",
      remedy: expect.stringContaining("rule"),
    });
  });

  it("refuses a model and a state that types rule out", () => {
    const { data } = problem(8, 12, 5), optimizer = robust(), params = small(), state = optimizer.init(params);
    const update = (model: unknown, before: unknown) =>
      left(optimizer.update(model as Network, before as RobustState, data));
    for (const model of [null, {}, E.right(params)]) expect(update(model, state)).toMatchObject({ what: "the model" });
    for (const before of [null, 1, {}, E.right(state), { ...state, layers: null }]) {
      expect(update(params, before)).toMatchObject({ _tag: "WrongKind", what: "the state" });
    }
  });

  it("goes without the parts that cannot go along", () => {
    const { data } = problem(60, 12, 5), optimizer = robust();
    const rows = Array.from({ length: 60 }, (_, i): [number, number][] => [[i % 12, 1], [(i * 7) % 12, 0.5]]);
    const sparse = getOrThrow(
      batch({ features: getOrThrow(fromRows(12, rows)), labels: data.labels.map((_, i) => (i % 12) % 5) }),
    );
    const soft = { ...data, targets: getOrThrow(matrix(60, 5, new Float32Array(300).fill(0.2))) };
    const table = getOrThrow(
      initialise({ inputs: 12, layers: [embedding(6), layerNorm(), relu(), dense(5)], seed: 1 }),
    );
    const adapted = getOrThrow(withAdapters(small(), { rank: 2 }));
    const trials = [
      [small(), soft],
      [small(), data, { l2: 0.01 }],
      [small(), data, { labelSmoothing: 0.1 }],
      [
        getOrThrow(zeroHead({ features: 12, classes: 5 })),
        sparse,
      ],
      [table, sparse],
      [adapted, data],
    ] as const;
    for (const [model, part, options] of trials) {
      let params: Network = model, state = optimizer.init(model);
      for (let i = 0; i < 30; i++) ({ params, state } = getOrThrow(optimizer.update(params, state, part, options)));
      const before = getOrThrow(evaluate(model, part)).loss,
        after = getOrThrow(evaluate(optimizer.result(params, state), part)).loss;
      expect(after).toBeLessThan(part === soft ? before + 1e-3 : before);
      expect(state.meanSlope).toBeGreaterThan(0);
      expect(state.steps).toBe(30);
    }
  });
});

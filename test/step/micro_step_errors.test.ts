// Accumulated steps: models of one's own, what is refused, purity, and `microBatch` of the optimizers.
//
// Tolerances (relative): 1e-5 between two float32 steps at a tolerance of 1e-10; 1e-4 after three of them.

import { describe, expect, it } from "vitest";
import {
  averaged,
  type Batch,
  batch,
  type CustomModel,
  customModel,
  type Damping,
  type Features,
  fgn,
  fgnStep,
  fromRows,
  getOrThrow,
  isSparse,
  l2Penalty,
  levenbergMarquardt,
  matrix,
  momentum,
  type Network,
  type Optimizer,
  paper,
  parameters,
  randomHead,
  relative,
  robust,
  type StepOptions,
  trustRegion,
  withParameters,
} from "../../mod.ts";
import { accumulatedStep } from "../../src/step/micro_step.ts";
import { D as INPUTS, LINEAR, PAIRS } from "../support/custom_models.ts";
import { B, BLOCKS, C, CASES, D, HEAD, sameStep, TIGHT } from "../support/micro_step_cases.ts";
import { featureRows } from "../support/network_reference.ts";
import { text } from "../support/random_network.ts";
import { difference, flat, left, relativeError, uniform } from "../support/reference.ts";

describe("accumulatedStep() of a model of one's own", () => {
  const examples = (rows: number): Batch =>
    getOrThrow(batch({
      features: getOrThrow(matrix(rows, INPUTS, uniform(rows * INPUTS, 2))),
      labels: Array.from({ length: rows }, (_, i) => (i * i) % 3),
      weights: Array.from({ length: rows }, (_, i) => i % 4 === 3 ? 0 : 1 + i % 2),
    }));

  it("is that on the whole batch, and that of the built-in network", () => {
    for (const [, builtIn, own] of PAIRS) {
      for (const options of [{}, { l2: 0.1, labelSmoothing: 0.1 }] as const) {
        sameStep(own, examples(11), relative(1), options);
        sameStep(own, examples(11), levenbergMarquardt({ lambda: 0.01 }), options);
        const want = getOrThrow(fgnStep(builtIn, examples(11), 0.1, { ...TIGHT, ...options }));
        const step = getOrThrow(accumulatedStep(own, examples(11), 4, 0.1, { ...TIGHT, ...options }));
        expect(relativeError(difference(step.params, own), difference(want.params, builtIn))).toBeLessThan(1e-5);
      }
    }
  });

  const watched = (seen: Set<number>, fails = Infinity, firsts = new Set<number>()): CustomModel => {
    let calls = 0;
    return getOrThrow(customModel({
      parameters: uniform(INPUTS * 3 + 3, 1),
      classes: 3,
      forward: (theta, x) => {
        seen.add(x.rows);
        firsts.add(x.data[0] as number);
        if (++calls > fails) throw new Error("enough");
        return LINEAR.forward(theta, x);
      },
      jvp: LINEAR.jvp,
      vjp: (theta, x, cotangent) => {
        expect(cotangent.length).toBe(3 * x.rows);
        return LINEAR.vjp(theta, x, cotangent);
      },
    }));
  };

  it("shows its functions the examples of a micro-batch and no others", () => {
    const seen = new Set<number>();
    getOrThrow(accumulatedStep(watched(seen), examples(11), 4, relative(1)));
    expect([...seen].sort()).toEqual([3, 4]);
  });

  it("passes over micro-batches without weight", () => {
    const firsts = new Set<number>(), data = examples(11);
    const weights = Float32Array.from({ length: 11 }, (_, i) => i < 4 || i >= 8 ? 1 : 0);
    const model = watched(new Set(), Infinity, firsts);
    const step = getOrThrow(accumulatedStep(model, { ...data, weights }, 4, relative(1)));
    expect([...firsts]).toEqual([data.features.data[0], data.features.data[8 * INPUTS]]);
    expect([...step.dual.subarray(4, 8)]).toEqual([0, 0, 0, 0]);
  });

  it("leaves sparse features as they are", () => {
    const rows = Array.from(
      { length: 9 },
      (_, i): [number, number][] => [[INPUTS - 1 - (i * 3) % INPUTS, 1], [(i + 2) % INPUTS, 0.5]],
    );
    const dense = (x: Features): Features =>
      !isSparse(x) ? x : getOrThrow(matrix(x.rows, INPUTS, featureRows(x).flatMap((row) => Array.from(row))));
    const model = getOrThrow(customModel({
      parameters: uniform(INPUTS * 3 + 3, 1),
      classes: 3,
      forward: (theta, x) => LINEAR.forward(theta, dense(x)),
      jvp: (theta, x, v) => LINEAR.jvp(theta, dense(x), v),
      vjp: (theta, x, c) => LINEAR.vjp(theta, dense(x), c),
    }));
    sameStep(
      model,
      getOrThrow(batch({ features: getOrThrow(fromRows(INPUTS, rows)), labels: rows.map((_, i) => i % 3) })),
      relative(1),
    );
  });

  it("says what failed, in whichever micro-batch", () => {
    for (const calls of [0, 1, 2, 3, 4, 8, 12]) {
      const error = left(accumulatedStep(watched(new Set(), calls), examples(11), 4, relative(1)));
      expect(error).toMatchObject({ _tag: "ModelFailure", what: "forward" });
    }
    const [[, , linear]] = PAIRS as [(typeof PAIRS)[number]];
    const twisted = { ...linear, functions: { ...LINEAR, jvp: LINEAR.forward } };
    expect(left(accumulatedStep(twisted, examples(11), 4, relative(1)))._tag).toBe("ModelMismatch");
  });
});

describe("accumulatedStep() on what it cannot do", () => {
  const [data] = CASES["nothing more"] as (typeof CASES)[string];

  it("refuses sizes that are not whole numbers from 1, asked for by an update", () => {
    const optimizer = fgn<Network>();
    for (const microBatch of [0, -1, 1.5, NaN, Infinity, 2 ** 60]) {
      expect(left(optimizer.update(HEAD, optimizer.init(HEAD), data, { microBatch }))).toMatchObject({
        _tag: "InvalidOption",
        option: "microBatch",
        value: microBatch,
      });
    }
  });

  it("refuses options that need the whole batch at once, and takes their neutral values", () => {
    const refused: Record<string, StepOptions> = {
      metric: { metric: "centred" },
      twoStage: { twoStage: 0.1 },
      refine: { refine: 2 },
      competitors: { competitors: 1 },
      momentum: { momentum: { decay: 0.9, previous: null } },
      trustRegion: { trustRegion: 0.2 },
      system: { system: "gram" },
      solver: { solver: "cholesky" },
    };
    for (const [option, options] of Object.entries(refused)) {
      expect(left(accumulatedStep(HEAD, data, 4, 1, options))).toMatchObject({ _tag: "InvalidOption", option });
    }
    const neutral = {
      metric: "euclidean",
      twoStage: 0,
      refine: 0,
      competitors: 0,
      trustRegion: 0,
      system: "auto",
    } as const;
    getOrThrow(accumulatedStep(HEAD, data, 4, 1, neutral));
  });

  it("gives the errors of fgnStep", () => {
    const wide = getOrThrow(randomHead({ features: D + 1, classes: C }, 1));
    const few = getOrThrow(randomHead({ features: D, classes: 3 }, 1));
    const huge = getOrThrow(withParameters(HEAD, parameters(HEAD).map((v) => 1e20 * v)));
    const vast = { ...data, features: getOrThrow(matrix(B, D, data.features.data.map((v) => 1e20 * v))) };
    const zero = { ...data, weights: new Float32Array(B) };
    const cases: readonly (readonly [Network, Batch, Damping, StepOptions])[] = [
      [wide, data, 1, {}],
      [few, data, 1, {}],
      [huge, vast, 1, {}],
      [HEAD, zero, 1, {}],
      [HEAD, data, -1, {}],
      [HEAD, data, 1, { classWeights: [1, 2] }],
      [HEAD, data, 1, { classWeights: [0, 0, 0, 0, 0] }],
      [HEAD, data, 1, { warmStart: new Float64Array(3) }],
    ];
    for (const [model, given, damping, options] of cases) {
      const want = left(fgnStep(model, given, damping, { ...options, system: "matrixFree" }));
      expect(left(accumulatedStep(model, given, 4, damping, options))).toEqual(want);
    }
  });

  it("writes to none of its arguments, and takes the memory of parameters that are donated", () => {
    for (const [data, options] of Object.values(CASES)) {
      const before = text(BLOCKS, data), targets = data.targets?.data.slice();
      const step = getOrThrow(accumulatedStep(BLOCKS, data, 4, relative(1), options));
      expect(text(BLOCKS, data)).toBe(before);
      expect(data.targets?.data).toEqual(targets);
      const own = getOrThrow(withParameters(BLOCKS, parameters(BLOCKS)));
      const donated = getOrThrow(accumulatedStep(own, data, 4, relative(1), { ...options, donate: true }));
      expect(parameters(own)).toHaveLength(0);
      expect(flat(donated.params)).toEqual(flat(step.params));
    }
  });
});

describe("microBatch of an optimizer", () => {
  const [data, options] = CASES["label smoothing"] as readonly [Batch, { labelSmoothing: number }];

  it("takes the same steps with fgn() and what is made of it", () => {
    const optimizers = [
      fgn({ damping: levenbergMarquardt({ lambda: 0.05 }), ...TIGHT }),
      fgn({ curvature: "majorized", ...TIGHT }),
      l2Penalty(0.01)(fgn(TIGHT)),
      paper(),
    ] as const;
    for (const optimizer of optimizers) {
      let plain = { params: BLOCKS, state: optimizer.init(BLOCKS) }, parts = plain;
      for (let i = 0; i < 3; i++) {
        plain = getOrThrow(optimizer.update(plain.params, plain.state, data, options));
        const next = getOrThrow(optimizer.update(parts.params, parts.state, data, { ...options, microBatch: 4 }));
        expect(next.report).toMatchObject({ system: "matrixFree", solver: "cg" });
        parts = next;
      }
      expect(relativeError(difference(parts.params, BLOCKS), difference(plain.params, BLOCKS))).toBeLessThan(1e-4);
    }
  });

  it("leaves batches that fit alone, and takes the memory of donated parameters", () => {
    const optimizer = fgn(), state = optimizer.init(HEAD);
    const plain = getOrThrow(optimizer.update(HEAD, state, data));
    for (const microBatch of [B, B + 1]) {
      expect(getOrThrow(optimizer.update(HEAD, state, data, { microBatch }))).toEqual(plain);
    }
    const own = getOrThrow(withParameters(HEAD, parameters(HEAD)));
    getOrThrow(optimizer.update(own, state, data, { microBatch: 4, donate: true }));
    expect(parameters(own)).toHaveLength(0);
  });

  it("is refused where the step cannot be taken in parts", () => {
    const take = <S>(optimizer: Optimizer<Network, S>, microBatch: number) =>
      optimizer.update(HEAD, optimizer.init(HEAD), data, { microBatch });
    const refused: readonly (readonly [string, ReturnType<typeof take>])[] = [
      ["microBatch", take(robust(), 4)],
      ["microBatch", take(averaged()(robust()), 4)],
      ["momentum", take(momentum()(fgn()), 4)],
      ["trustRegion", take(trustRegion(0.1)(fgn()), 4)],
      ["metric", take(fgn({ metric: "centred" }), 4)],
      ...[0, -1, 1.5, NaN].flatMap((bad) =>
        [take(fgn(), bad), take(robust(), bad)].map((result) => ["microBatch", result] as const)
      ),
    ];
    for (const [option, result] of refused) expect(left(result)).toMatchObject({ _tag: "InvalidOption", option });
    getOrThrow(take(robust(), B));
  });
});

// Steps over many classes, on small problems: with the exponentials in the place of the logits, and over blocks of
// classes, beside the ordinary step and golden vectors.
//
// Tolerances: in place the step is made of the same sums, so its bytes are the same; its loss adds up exponentials in
// another order, 1e-6 · (1 + loss). Over blocks the sums of exponentials differ in their last bits, too, and the solve
// multiplies that by the condition of the damped system: 1e-6 on the parameters, 1e-5 on the step beyond its rounding.

import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  backtracking,
  type Batch,
  batch,
  type Damping,
  dense,
  fgn,
  fgnStep,
  getOrThrow,
  initialise,
  jvp,
  type Kernel,
  layerNorm,
  levenbergMarquardt,
  linearHead,
  matrix,
  mlp,
  type Network,
  network,
  parameterCount,
  parameters,
  relative,
  relu,
  residual,
  type StepOptions,
  tanh,
  train,
  vjp,
  withAdapters,
  withParameters,
} from "../../mod.ts";
import type { ClassLimits } from "../../src/kernel/class_limits.ts";
import { defaultKernel, type LoadedKernel } from "../../src/kernel/kernel.ts";
import { type Golden, layersOf } from "../support/golden_file.ts";
import { examples } from "../support/random_network.ts";
import { difference, flat, left, problem, relativeError, uniform } from "../support/reference.ts";

/** The default kernel with limits of its own, and how often it has passed over a block. */
function limited(classes: ClassLimits): { kernel: Kernel; passed: () => number } {
  const loaded = getOrThrow(defaultKernel());
  let blocks = 0;
  const addClasses = (...given: Parameters<LoadedKernel["exports"]["addClasses"]>): void => {
    blocks++;
    loaded.exports.addClasses(...given);
  };
  const kernel: LoadedKernel = { ...loaded, classes, exports: { ...loaded.exports, addClasses } };
  return { kernel, passed: () => blocks };
}

const inPlace = (block: number) => limited({ apart: 0, whole: Infinity, block });
const inBlocks = (block: number) => limited({ apart: 0, whole: 0, block });

const DAMPINGS: Readonly<Record<string, Damping>> = {
  relative: relative(1),
  constant: 0.01,
  "Levenberg–Marquardt": levenbergMarquardt({ lambda: 1e-7, attempts: 30 }),
  backtracking: backtracking(),
};

const OPTIONS: readonly StepOptions[] = [{}, { lossAfter: false }, { curvature: "majorized", solver: "cg" }];

type Case = readonly [what: string, model: Network, data: Batch];

const headCase = (B: number, D: number, C: number, given: Parameters<typeof problem>[3] = {}): Case => {
  const { head, data } = problem(B, D, C, given);
  return [`head ${B}×${D}×${C} ${JSON.stringify(given)}`, head, data];
};

const zeros = (B: number, D: number, C: number): Case => {
  const { data } = problem(B, D, C);
  return ["zero weights", getOrThrow(linearHead({ features: D, classes: C }, new Float32Array(C * D), null)), data];
};

/** The same example three times, and another. */
function duplicates(): Case {
  const row = [...uniform(5, 3)], features = getOrThrow(matrix(4, 5, [...row, ...row, ...row, ...uniform(5, 4)]));
  return ["duplicates", problem(4, 5, 6).head, getOrThrow(batch({ features, labels: [2, 2, 2, 5] }))];
}

const networkCase = (what: string, layers: Parameters<typeof initialise>[0]["layers"], rows: number): Case => [
  what,
  getOrThrow(initialise({ inputs: 6, layers })),
  examples(rows, 6, 9),
];

const CASES: readonly Case[] = [
  headCase(12, 16, 40),
  headCase(1, 5, 7),
  headCase(5, 1, 3),
  headCase(13, 20, 2),
  headCase(33, 7, 19, { bias: false }),
  headCase(30, 50, 257, { weights: Array.from({ length: 30 }, (_, i) => i % 3) }),
  headCase(6, 4, 11, { spread: 100 }),
  zeros(9, 8, 21),
  duplicates(),
  networkCase("two layers", [dense(8), tanh(), dense(9)], 10),
  networkCase("layer norm and residual", [dense(8), residual([layerNorm(), dense(8), relu()]), dense(9)], 23),
  networkCase("frozen head", [dense(8), tanh(), dense(9, { frozen: true })], 10),
  networkCase("frozen body", [dense(8, { frozen: true }), tanh(), dense(9)], 7),
];

describe.each(CASES)("a step over many classes: %s", (_, model, data) => {
  for (const [name, damping] of Object.entries(DAMPINGS)) {
    it(`in place gives the bytes of the ordinary step, damping ${name}`, () => {
      for (const options of OPTIONS) {
        const ordinary = getOrThrow(fgnStep(model, data, damping, options));
        for (const block of [2, 3, 16, 1000]) {
          const { kernel, passed } = inPlace(block);
          const { params, dual, report } = getOrThrow(fgnStep(model, data, damping, { ...options, kernel }));
          expect(flat(params)).toEqual(flat(ordinary.params));
          expect([...dual]).toEqual([...ordinary.dual]);
          const { lossAfter } = ordinary.report;
          expect(report).toMatchObject({ lambda: ordinary.report.lambda, accepted: ordinary.report.accepted });
          expect(report.lossBefore).toBe(ordinary.report.lossBefore);
          if (lossAfter === undefined) expect(report.lossAfter).toBeUndefined();
          else expect(Math.abs((report.lossAfter as number) - lossAfter)).toBeLessThan(1e-6 * (1 + lossAfter));
          expect(passed() > 0).toBe(lossAfter !== undefined);
        }
      }
    });

    it(`in blocks gives the ordinary step, damping ${name}`, () => {
      for (const options of OPTIONS) {
        const ordinary = getOrThrow(fgnStep(model, data, damping, options));
        const step = difference(ordinary.params, model), size = Math.hypot(...step);
        const rounding = 1e-7 * Math.hypot(...flat(model)) / (size || 1);
        for (const block of [2, 5, 16, 1000]) {
          const { kernel, passed } = inBlocks(block);
          const { params, report } = getOrThrow(fgnStep(model, data, damping, { ...options, kernel }));
          expect(passed()).toBeGreaterThan(0);
          expect(relativeError(flat(params), flat(ordinary.params))).toBeLessThan(1e-6);
          expect(relativeError(difference(params, model), step)).toBeLessThan(1e-5 + rounding);
          const { lossBefore, lossAfter } = ordinary.report;
          expect(Math.abs(report.lossBefore - lossBefore)).toBeLessThan(1e-6 * (1 + lossBefore));
          if (lossAfter === undefined) expect(report.lossAfter).toBeUndefined();
          else expect(Math.abs((report.lossAfter as number) - lossAfter)).toBeLessThan(1e-6 * (1 + lossAfter));
        }
      }
    });
  }
});

describe("golden vectors over blocks of classes", () => {
  const folder = new URL("../golden/", import.meta.url);
  for (const file of readdirSync(folder).filter((name) => /^(linear|mlp)_.*\.json$/.test(name)).sort()) {
    const golden = JSON.parse(readFileSync(new URL(file, folder), "utf8")) as Golden;
    const { batchSize, x, y, expected } = golden, inputs = x.length / batchSize;
    const model = getOrThrow(network(inputs, layersOf(golden)));
    const data = getOrThrow(batch({ features: getOrThrow(matrix(batchSize, inputs, x)), labels: y }));
    const tolerance = file.includes("extreme") ? 1e-3 : 1e-4;
    for (
      const [name, made] of [["in place", inPlace(2)], ["blocks of 2", inBlocks(2)], ["of 7", inBlocks(7)]] as const
    ) {
      it(`${golden.name}, ${name}`, () => {
        for (const { damping, step, lossAfterStep } of expected.steps) {
          const options = { system: "gram", solver: "cholesky", kernel: made.kernel } as const;
          const { params, report } = getOrThrow(fgnStep(model, data, damping, options));
          const rounding = 1e-7 * Math.hypot(...flat(model)) / Math.hypot(...step);
          expect(relativeError(difference(params, model), step)).toBeLessThan(tolerance + rounding);
          expect(relativeError([report.lossBefore], [expected.loss])).toBeLessThan(tolerance);
          const lossRounding = 2e-6 * (1 + Math.abs(expected.loss));
          expect(Math.abs((report.lossAfter ?? NaN) - lossAfterStep))
            .toBeLessThan(tolerance * lossAfterStep + lossRounding);
        }
        expect(made.passed()).toBeGreaterThan(0);
      });
    }
  }
});

describe("the scratch of a tape", () => {
  it("holds a panel of many classes of few features, and an adapter's rank above all widths", () => {
    const wide = problem(20, 2, 300).head,
      adapted = getOrThrow(withAdapters(problem(20, 2, 5).head, { rank: 60, seed: 3 }));
    const { features } = problem(20, 2, 5).data;
    for (const model of [wide, getOrThrow(withParameters(adapted, uniform(parameterCount(adapted), 7)))]) {
      const v = uniform(parameterCount(model), 5),
        c = getOrThrow(matrix(20, model.outputs, uniform(20 * model.outputs, 6)));
      const forth = getOrThrow(jvp(model, features, v)).data, back = getOrThrow(vjp(model, features, c));
      const a = forth.reduce((sum, x, i) => sum + x * (c.data[i] as number), 0);
      const b = back.reduce((sum, x, i) => sum + x * (v[i] as number), 0);
      expect(Math.abs(a - b)).toBeLessThan(1e-5 * Math.hypot(...forth) * Math.hypot(...c.data));
    }
  });
});

describe("many classes", () => {
  it("are searched again and given back as they were where every attempt is rejected", () => {
    const model = getOrThrow(mlp({ inputs: 4, hidden: [16], classes: 3, seed: 2 })), data = examples(20, 4, 3, 1);
    const wild = getOrThrow(withParameters(model, parameters(model).map((v) => 4 * v)));
    for (const [made, attempts] of [[inPlace(2), 1], [inBlocks(2), 1], [inPlace(2), 40], [inBlocks(2), 40]] as const) {
      const damping = levenbergMarquardt({ lambda: 1e-7, attempts });
      const ordinary = getOrThrow(fgnStep(wild, data, damping)),
        step = getOrThrow(fgnStep(wild, data, damping, { kernel: made.kernel }));
      expect(step.report.accepted).toBe(attempts > 1);
      expect(step.report.rejections).toBe(ordinary.report.rejections);
      if (attempts === 1) expect(step.params).toBe(wild);
      else expect(step.report.rejections).toBeGreaterThan(5);
      expect(relativeError(flat(step.params), flat(ordinary.params))).toBeLessThan(1e-6);
    }
  });

  it("survive margins of 10,000 of either sign", () => {
    const features = getOrThrow(matrix(4, 2, [1, 0, 0, 1, 1, 1, -1, 0.5]));
    const weight = [1e4, 0, 0, 1e4, -1e4, -1e4, 5e3, 5e3, 0, 0];
    const model = getOrThrow(linearHead({ features: 2, classes: 5 }, Float32Array.from(weight), null));
    for (const labels of [[0, 1, 0, 2], [2, 2, 2, 0]]) {
      const data = getOrThrow(batch({ features, labels }));
      const ordinary = getOrThrow(fgnStep(model, data, 0.1));
      expect(Number.isFinite(ordinary.report.lossBefore)).toBe(true);
      for (const made of [inPlace(2), inBlocks(2), inBlocks(3)]) {
        const step = getOrThrow(fgnStep(model, data, 0.1, { kernel: made.kernel }));
        expect(relativeError(flat(step.params), flat(ordinary.params))).toBeLessThan(1e-6);
        expect(relativeError([step.report.lossBefore], [ordinary.report.lossBefore])).toBeLessThan(1e-6);
      }
    }
  });

  it("give a typed error where logits are beyond float32", () => {
    const model = getOrThrow(linearHead({ features: 1, classes: 6 }, new Float32Array(6).fill(3e38), null));
    const data = getOrThrow(batch({ features: getOrThrow(matrix(2, 1, [3, -3])), labels: [0, 5] }));
    for (const made of [inPlace(2), inBlocks(2), inBlocks(4)]) {
      expect(left(fgnStep(model, data, 0.1, { kernel: made.kernel }))._tag).toBe("Overflow");
    }
  });

  it("leave what is not the plain step to the ordinary one", () => {
    const { head, data } = problem(12, 9, 14);
    const soft: StepOptions[] = [
      { labelSmoothing: 0.1 },
      { l2: 0.1 },
      { metric: "centred" },
      { refine: 2 },
      {
        competitors: 2,
      },
      { system: "matrixFree" },
      { twoStage: 0.5 },
      { momentum: { decay: 0.5, previous: uniform(140, 1) } },
    ];
    for (const options of soft) {
      const { kernel, passed } = inBlocks(3);
      expect(flat(getOrThrow(fgnStep(head, data, relative(1), { ...options, kernel })).params))
        .toEqual(flat(getOrThrow(fgnStep(head, data, relative(1), options)).params));
      expect(passed()).toBe(0);
    }
  });

  it("train: a run in place has the bytes of an ordinary one", async () => {
    const { head, data } = problem(60, 10, 31);
    const run = async (kernel: Kernel | undefined) => {
      let last: Network = head;
      const options = { optimizer: fgn(), epochs: 3, batchSize: 16, ...(kernel && { kernel }) };
      for await (const record of train(head, data, options)) {
        const value = getOrThrow(record);
        if (value._tag === "done") last = value.params;
      }
      return flat(last);
    };
    expect(await run(inPlace(5).kernel)).toEqual(await run(undefined));
    expect(relativeError(await run(inBlocks(5).kernel), await run(undefined))).toBeLessThan(1e-5);
  });
});

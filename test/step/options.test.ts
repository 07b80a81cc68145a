// The table of options × where they work against the public functions: each takes and refuses what the table says.

import { describe, expect, it } from "vitest";
import {
  type Batch,
  batch,
  type Either,
  type FgnError,
  fgnStep,
  getOrThrow,
  type GgnOptions,
  ggnStep,
  matrix,
  mlp,
  type Model,
  type Network,
  online,
  type Optimizer,
  robust,
  type StepOptions,
  withParameters,
} from "../../mod.ts";
import { cpu } from "../../src/gpu/gpu.ts";
import { accumulatedStep } from "../../src/step/micro_step.ts";
import { checkRequest } from "../../src/gpu/step/plan.ts";
import { defaultKernel } from "../../src/kernel/kernel.ts";
import { type OptionName, optionTable, type Place, worksAt } from "../../src/step/options.ts";
import { C, D, PAIRS } from "../support/custom_models.ts";
import { uniform } from "../support/reference.ts";

const B = 6;

const made = getOrThrow(mlp({ inputs: D, hidden: [4], classes: C, seed: 1 }));
const features = getOrThrow(matrix(B, D, uniform(B * D, 2)));
const labels = Array.from({ length: B }, (_, i) => i % C);
const plain = getOrThrow(batch({ features, labels }));
const soft = getOrThrow(batch({ features, targets: getOrThrow(matrix(B, C, new Float32Array(B * C).fill(1 / C))) }));
const own: Model = (PAIRS[0] as (typeof PAIRS)[number])[2];

/** A network that a step may take the memory of. */
const network = (): Network => getOrThrow(withParameters(made, uniform(4 * (D + 1) + C * 5, 3)));
const warmStart = new Float64Array(B).fill(0.01);

/** Values of each option, those that leave it out included. An option without values does not compile. */
const VALUES: { readonly [K in keyof StepOptions]-?: readonly NonNullable<StepOptions[K]>[] } = {
  solver: ["auto", "cg", "cholesky"],
  tolerance: [1e-4],
  maxIterations: [50],
  system: ["auto", "gram", "matrixFree"],
  warmStart: [warmStart],
  classWeights: [[1, 2, 3]],
  labelSmoothing: [0, 0.1],
  l2: [0, 0.1],
  l2Biases: [false, true],
  kernel: [getOrThrow(defaultKernel())],
  metric: ["euclidean", "centred", "factored"],
  competitors: [0, 1],
  lossAfter: [true, false],
  curvature: ["gaussNewton", "majorized"],
  twoStage: [0, 0.5],
  refine: [0, 2],
  trustRegion: [0, 0.2],
  momentum: [{ decay: 0.5, previous: null }],
  donate: [false, true],
};

/** What the table's word says of a value. */
function taken(word: string, value: unknown): boolean {
  if (word === "yes") return true;
  if (word === "no") return value === 0 || value === false || value === "euclidean";
  return word.startsWith("only ") && word.slice(5).split(", ").includes(String(value));
}

type Ask = (options: StepOptions) => Either<FgnError, unknown>;

const beside = (other: StepOptions): Ask => (options) => fgnStep(network(), plain, 1, { ...other, ...options });

/** The ways to ask for a step at a place. A place without one does not compile. */
const ASKED: Readonly<Record<Place, readonly Ask[]>> = {
  microBatch: [(options) => accumulatedStep(network(), plain, 2, 1, options)],
  device: [(options) => checkRequest(network(), plain, 1, options)],
  ggnStep: [(options) => ggnStep(network(), plain, 1, options as GgnOptions)],
  refine: [beside({ refine: 2 })],
  ownModel: [(options) => fgnStep(own, plain, 1, options.donate === true ? {} : options)],
  matrixFree: [beside({ system: "matrixFree" })],
  remainder: [
    beside({ l2: 0.1 }),
    beside({ labelSmoothing: 0.1 }),
    (options) => fgnStep(network(), soft, 1, options),
  ],
  twoStage: [beside({ twoStage: 0.5 })],
  warmStart: [beside({ warmStart })],
};

const TABLE = optionTable();
const NAMES = Object.keys(TABLE) as OptionName[];

/** The options that make a place, which an error may name in place of the other. */
const makes = (place: Place): readonly string[] => place === "matrixFree" ? ["system"] : [place];

describe("the table of options", () => {
  it("has every option work in a plain step", () => {
    for (const name of NAMES) {
      for (const value of VALUES[name]) getOrThrow(fgnStep(network(), plain, 1, { [name]: value }));
    }
  });

  for (const place of Object.keys(ASKED) as Place[]) {
    it(`says what goes along: ${place}`, () => {
      for (const name of NAMES) {
        for (const value of VALUES[name]) {
          for (const ask of ASKED[place]) {
            const step = ask({ [name]: value }), what = `${name}: ${String(value)}, ${place}`;
            expect(step._tag, what).toBe(taken(TABLE[name][place], value) ? "Right" : "Left");
            if (step._tag === "Right") continue;
            const { left } = step;
            if (place === "device") {
              expect(left, what).toMatchObject({ _tag: "Unsupported", what: `the option ${name}` });
            } else {
              expect(left._tag, what).toBe("InvalidOption");
              expect([name, ...makes(place)], what).toContain((left as { option?: string }).option);
            }
          }
          for (const ask of ASKED[place]) {
            if (value !== undefined) getOrThrow(ask({ [name]: undefined } as StepOptions));
          }
        }
      }
    });
  }

  it("says of two options the same from both sides", () => {
    const pairs = ["refine", "twoStage", "warmStart"] as const;
    for (const a of pairs) {
      for (const b of pairs) expect(worksAt(a, b), `${a}, ${b}`).toBe(worksAt(b, a));
      expect(worksAt(a, "matrixFree")).toBe(taken(TABLE.system[a], "matrixFree"));
      for (const part of ["l2", "labelSmoothing"] as const) expect(worksAt(a, "remainder")).toBe(worksAt(part, a));
    }
  });

  it("has the CPU as a backend take every option but its kernel", async () => {
    const backend = cpu();
    const params = getOrThrow(await backend.onDevice(network())()),
      data = getOrThrow(await backend.batchOnDevice(plain)());
    for (const name of NAMES.filter((option) => option !== "kernel" && option !== "donate")) {
      for (const value of VALUES[name]) getOrThrow(await backend.fgnStep(params, data, 1, { [name]: value })());
    }
    backend.close();
  });

  it("gives an error that says what to give instead", () => {
    const text = (step: Either<FgnError, unknown>): string => step._tag === "Left" ? step.left.remedy : "";
    expect(text(fgnStep(own, plain, 1, { system: "gram" }))).toBe("Give matrixFree or auto, or it with a network only");
    expect(text(fgnStep(network(), plain, 1, { metric: "centred", refine: 1 }))).toBe("Give it without refine");
    expect(text(ggnStep(network(), plain, 1, { metric: "centred" }))).toBe("Give it without ggnStep");
    const momentum = fgnStep(network(), plain, 1, { momentum: { decay: 0.5, previous: null }, refine: 1 });
    expect(momentum).toMatchObject({ left: { option: "momentum", value: 0.5, message: "momentum is 0.5" } });
  });
});

describe("optimizers step without what the table does not let go along", () => {
  const CASES: readonly (readonly [Place | null, Model, Batch, StepOptions])[] = [
    [null, network(), plain, {}],
    ["ownModel", own, plain, {}],
    ["remainder", network(), soft, {}],
    ["remainder", network(), plain, { l2: 0.1 }],
    ["remainder", network(), plain, { labelSmoothing: 0.1 }],
  ];

  const check = <S extends { readonly layers: readonly unknown[] }>(optimizer: Optimizer<Model, S>): void => {
    for (const [place, model, data, options] of CASES) {
      const { state } = getOrThrow(optimizer.update(model, optimizer.init(model), data, options));
      expect(state.layers.length > 0, String(place)).toBe(place === null || worksAt("metric", place));
    }
  };

  it("robust()", () => check(robust<Model>()));
  it("online()", () => check(online<Model>()));
});

// Workspaces used again: a call gives the same bytes after any other call as on a kernel that was just made, and keeps
// nothing of what it was given alive.

import * as fc from "fast-check";
import process from "node:process";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import {
  type Batch,
  evaluate,
  fgnStep,
  getOrThrow,
  levenbergMarquardt,
  mlp,
  type Model,
  parameters,
  probabilities,
  releaseKernel,
  robust,
  type StepOptions,
} from "../../mod.ts";
import { mapTrainable } from "../../src/network/flat.ts";
import { type Plan, plans, type RandomProblem, realise } from "../support/random_network.ts";
import { problem } from "../support/reference.ts";

/** Everything that calls on a problem give. */
function results(model: Model, data: Batch, option: StepOptions): string {
  const step = fgnStep(model, data, 0.1, option);
  const searched = fgnStep(model, data, levenbergMarquardt(), option);
  return JSON.stringify([
    evaluate(model, data),
    probabilities(model, data.features),
    ...[step, searched].map((made) =>
      made._tag === "Left" ? made.left._tag : [[...parameters(made.right.params)], made.right.report]
    ),
  ]);
}

const OPTIONS: readonly StepOptions[] = [
  {},
  { lossAfter: false },
  { labelSmoothing: 0.1, l2: 0.01 },
  { metric: "centred" },
  { metric: "factored" },
  { metric: "centred", twoStage: 0.5 },
  { twoStage: 0.5 },
  { refine: 2 },
];

/** The plan with one trait changed: forms that are easily taken for each other. */
function changed(plan: Plan, trait: number): Plan {
  switch (trait) {
    case 0:
      return plan;
    case 1:
      return { ...plan, seed: plan.seed + 4 };
    case 2:
      return { ...plan, rows: plan.rows % 20 + 1 };
    case 3:
      return { ...plan, firstBias: !plan.firstBias };
    default:
      return {
        ...plan,
        pieces: plan.pieces.map((piece) =>
          piece.kind === "activation"
            ? { ...piece, name: piece.name === "tanh" ? "relu" : "tanh" }
            : piece.kind === "layerNorm"
            ? { ...piece, epsilon: 0.5 }
            : piece.kind === "residual"
            ? piece
            : { ...piece, frozen: !piece.frozen }
        ),
      };
  }
}

const sequence = fc.record({
  plan: plans,
  calls: fc.array(fc.tuple(fc.nat(4), fc.nat(OPTIONS.length - 1)), { minLength: 2, maxLength: 6 }),
});

describe("calls one after another", () => {
  it("give what each gives on a kernel of its own", () => {
    fc.assert(
      fc.property(sequence, ({ plan, calls }) => {
        const todo = calls.map(([trait, option]) =>
          [realise(changed(plan, trait)), OPTIONS[option] as StepOptions] as const
        );
        const run = ([{ model, data }, option]: readonly [RandomProblem, StepOptions]): string =>
          results(model, data, option);
        releaseKernel();
        const together = todo.map(run);
        const alone = todo.map((one) => {
          releaseKernel();
          return run(one);
        });
        expect(together).toEqual(alone);
      }),
      { numRuns: 60, seed: 1 },
    );
  }, 60_000);

  it("forget the metric of the one before", () => {
    const model = getOrThrow(mlp({ inputs: 5, hidden: [7], classes: 4 })), { data } = problem(9, 5, 4);
    const optimizer = robust();
    const steps = [
      ...OPTIONS.map((option) => () => getOrThrow(fgnStep(model, data, 0.1, option)).params),
      () => getOrThrow(optimizer.update(model, optimizer.init(model), data)).params,
    ];
    const alone = steps.map((step) => {
      releaseKernel();
      return parameters(step());
    });
    const wrong = steps.flatMap((first, i) =>
      steps.flatMap((second, j) => {
        first();
        return parameters(second()).every((v, k) => v === alone[j]?.[k]) ? [] : [`${j} after ${i}`];
      })
    );
    expect(wrong).toEqual([]);
  });

  it.skipIf(process.versions["bun"] !== undefined || process.versions["deno"] !== undefined)(
    "keep neither parameters nor examples alive",
    async () => {
      setFlagsFromString("--expose-gc");
      const collect = runInNewContext("gc") as () => void;
      const watched = (() => {
        const { head, data } = problem(8, 5, 3);
        const model = mapTrainable(head, ({ data }) => data.slice());
        getOrThrow(fgnStep(model, data));
        getOrThrow(evaluate(model, data));
        return [
          new WeakRef(model),
          ...model.layers.flatMap((layer) => layer._tag === "dense" ? [new WeakRef(layer.weight.data)] : []),
          new WeakRef(data.features.data),
          new WeakRef(data.labels),
        ];
      })();
      await new Promise((done) => setTimeout(done));
      collect();
      expect(watched.map((reference) => reference.deref() === undefined)).toEqual(watched.map(() => true));
    },
  );
});

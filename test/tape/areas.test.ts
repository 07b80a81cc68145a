// Areas that share memory hold nothing at the same time: a step gives the same bytes where each has memory of its own.

import { describe, expect, it } from "vitest";
import {
  type Damping,
  fgnStep,
  getOrThrow,
  levenbergMarquardt,
  mlp,
  parameters,
  relative,
  releaseKernel,
  type StepOptions,
} from "../../mod.ts";
import { openPlan } from "../../src/step/open.ts";
import { methodOf, plan } from "../../src/step/plan.ts";
import type { Workspace } from "../../src/tape/workspace.ts";
import { problem } from "../support/reference.ts";

const ROWS = 21, CLASSES = 5;
const { data } = problem(ROWS, 6, CLASSES);
const model = getOrThrow(mlp({ inputs: 6, hidden: [8], classes: CLASSES }));

/** The workspace that a step opens, and the next step of the same form uses again. */
function opened(damping: Damping, options: StepOptions): Workspace {
  const planned = getOrThrow(plan(model, data, damping, options, methodOf(options), null));
  return getOrThrow(openPlan(model, planned.batch, planned, options)).session.ws;
}

/** Gives every area memory of its own behind all others. */
function layApart({ kernel, at, rows, stride }: Workspace): void {
  const { memory } = kernel.exports, most = 8 * Math.max(stride, 4 * CLASSES) * (rows + 3);
  const names = Object.keys(at).filter((name) => name !== "exponentials" && name !== "rest");
  let place = memory.buffer.byteLength;
  memory.grow(Math.ceil(names.length * most / 65536));
  for (const name of names) {
    (at as unknown as Record<string, number>)[name] = place;
    place += most;
  }
}

function stepText(damping: Damping, options: StepOptions): string {
  const { params, report } = getOrThrow(fgnStep(model, data, damping, options));
  return JSON.stringify([[...parameters(params)], report]);
}

const OPTIONS: readonly StepOptions[] = [
  {},
  { solver: "cg" },
  { system: "matrixFree" },
  { labelSmoothing: 0.1, l2: 0.01 },
  { metric: "centred", twoStage: 0.5 },
  { metric: "factored" },
  { twoStage: 0.5, solver: "cg" },
  { refine: 2, solver: "cg" },
  { refine: 2, system: "matrixFree" },
  { competitors: 2 },
  { curvature: "majorized", trustRegion: 0.1 },
];

describe("areas that share memory", () => {
  for (const options of OPTIONS) {
    for (const damping of [relative(1), levenbergMarquardt()]) {
      it(`give what areas laid apart give: ${JSON.stringify(options)}, ${JSON.stringify(damping)}`, () => {
        releaseKernel();
        const shared = stepText(damping, options), ws = opened(damping, options);
        layApart(ws);
        expect(stepText(damping, options)).toBe(shared);
        expect(opened(damping, options)).toBe(ws);
      });
    }
  }
});

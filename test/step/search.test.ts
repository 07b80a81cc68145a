// The search by itself, its attempts answered by hand: what it asks for and in which order, what it keeps, and what it says of
// the end. Whoever makes the attempts, the CPU at once or a device that is awaited, goes by this. All exact.

import * as E from "fp-ts/lib/Either.js";
import { describe, expect, it } from "vitest";
import {
  backtracking,
  constant,
  type Damping,
  type FgnError,
  getOrThrow,
  levenbergMarquardt,
  misfit,
  relative,
} from "../../mod.ts";
import { overflow } from "../../src/check/error.ts";
import { checkDamping } from "../../src/damping/tagged.ts";
import { NONE } from "../../src/kernel/arena.ts";
import { NO_PENALTY } from "../../src/tape/penalty.ts";
import type { Workspace } from "../../src/tape/workspace.ts";
import { type Attempt, type Ready, search, type Tried } from "../../src/step/search.ts";
import { stageOf } from "../../src/step/stage.ts";
import { left } from "../support/reference.ts";

const ROWS = 2, DUAL = 16;

/** A workspace of two rows with slopes ¼ and a dual, and nothing else that a search reads. */
function ready(meanDiagonal: number): Ready {
  const memory = { buffer: new ArrayBuffer(64) };
  new Float64Array(memory.buffer).set([0.25, 0.25, 7, 8]);
  const ws = { kernel: { exports: { memory, power: Math.pow } }, at: { slope: 0, dual: DUAL }, rows: ROWS };
  const asked = { solver: null as never, method: { _tag: "fgn" }, twoStage: 0, limit: 0, judged: true } as const;
  const vectors = { product: NONE, remainder: NONE, direction: NONE, trial: NONE, previous: NONE, ggn: null };
  const system = { kind: "gram", meanDiagonal } as const;
  const stage = stageOf(asked, { ws: ws as unknown as Workspace, system, vectors, penalty: NO_PENALTY });
  return { stage, lossBefore: 2, totalWeight: 4, examples: ROWS };
}

const candidate = (gain: number) =>
  ({ gain, curvature: gain, residual: 0, solved: { solver: "cholesky", iterations: 0, stop: "direct" } }) as const;

/** An attempt after which the loss is so much; the model promised ½. */
const ends = (lossAfter: number | undefined): E.Either<FgnError, Tried> =>
  E.right({ candidate: candidate(1), lossAfter });

const SINGULAR: E.Either<FgnError, never> = overflow("the system");

/** The attempts that a search asks for when they end so, and how it ends; more attempts than answers are a mistake. */
function play(damping: Damping, answers: readonly E.Either<FgnError, Tried>[], norm = 1, meanDiagonal = 8) {
  const steps = search(ready(meanDiagonal), norm, damping, getOrThrow(checkDamping(damping))), attempts: Attempt[] = [];
  let next = steps.next();
  for (const answer of answers) {
    if (next.done === true) throw new Error("it ended before its attempts were answered");
    attempts.push(next.value);
    next = steps.next(answer);
  }
  if (next.done !== true) throw new Error(`it also asks for ${JSON.stringify(next.value)}`);
  return { attempts, end: next.value };
}

const solve = (lambda: number): Attempt => ({ _tag: "solve", lambda });

describe("search()", () => {
  it("takes the first step of a damping that judges none, whatever its loss", () => {
    for (const [damping, lambda] of [[constant(3), 3], [3, 3], [relative(0.5), 1]] as const) {
      const { attempts, end } = play(damping, [ends(5)]);
      expect(attempts).toEqual([solve(lambda)]);
      const { damping: next, dual, report } = getOrThrow(end);
      expect(next).toBe(damping);
      expect([...dual]).toEqual([7, 8]);
      expect(report).toMatchObject({
        lossBefore: 2,
        lossAfter: 5,
        accepted: true,
        rejections: 0,
        lambda,
        gradientNorm: 1,
      });
      expect(report).toMatchObject({ predictedReduction: 0.5, actualReduction: -3, gainRatio: -6, system: "gram" });
    }
  });

  it("raises λ after steps that were not kept and after singular systems, until the loss falls", () => {
    const damping = levenbergMarquardt({ lambda: 1, raise: 4, lower: 0.5 });
    const { attempts, end } = play(damping, [ends(3), SINGULAR, ends(NaN), ends(1.75)]);
    expect(attempts).toEqual([solve(1), solve(4), solve(16), solve(64)]);
    expect(getOrThrow(end).report).toMatchObject({
      accepted: true,
      rejections: 3,
      lambda: 64,
      lossAfter: 1.75,
      gainRatio: 0.5,
    });
    expect(getOrThrow(end).damping).toEqual({ ...damping, lambda: 32 });
  });

  it("shortens the step at hand at the same λ", () => {
    const damping = backtracking({ ratio: 1, shrink: 0.25, decrease: 0 });
    const { attempts, end } = play(damping, [ends(3), ends(2.5), ends(1)]);
    const short = { _tag: "shorten", candidate: candidate(1), share: 0.25 };
    expect(attempts).toEqual([solve(2), short, short]);
    expect(getOrThrow(end).report).toMatchObject({ accepted: true, rejections: 2, lambda: 2, lossAfter: 1 });
  });

  it("gives up after the attempts of the damping, and says what the last one did", () => {
    for (const damping of [levenbergMarquardt({ lambda: 1, attempts: 2 }), backtracking({ attempts: 2 })]) {
      const { attempts, end } = play(damping, [ends(3), ends(4)]);
      expect(attempts.length).toBe(2);
      expect(getOrThrow(end).report).toMatchObject({
        accepted: false,
        rejections: 1,
        lossAfter: 2,
        actualReduction: -2,
      });
    }
    expect(getOrThrow(play(levenbergMarquardt({ lambda: 1, attempts: 2 }), [ends(3), ends(4)]).end).damping)
      .toMatchObject({ lambda: 4 });
  });

  it("gives up a singular system where the damping keeps to its λ, or has no attempt left", () => {
    for (const damping of [constant(1), relative(), misfit(), backtracking({ attempts: 5 })]) {
      expect(play(damping, [SINGULAR])).toMatchObject({ end: SINGULAR });
    }
    expect(play(levenbergMarquardt({ attempts: 2 }), [SINGULAR, SINGULAR]).end).toEqual(SINGULAR);
  });

  it("asks for more damping where parameters are beyond float32, and is an error where none is judged", () => {
    const { attempts, end } = play(levenbergMarquardt({ lambda: 1 }), [ends(NaN), ends(1)]);
    expect(attempts).toEqual([solve(1), solve(2)]);
    expect(getOrThrow(end).report.accepted).toBe(true);
    expect(left(play(constant(1), [ends(Infinity)]).end)).toMatchObject({ what: "the loss after the step" });
  });

  it("knows neither a reduction nor a gain ratio where the loss after is not asked for", () => {
    const { report } = getOrThrow(play(constant(1), [ends(undefined)]).end);
    expect(report).toMatchObject({
      lossAfter: undefined,
      actualReduction: undefined,
      gainRatio: undefined,
      accepted: true,
    });
  });

  it("asks for nothing where the gradient is beyond float32", () => {
    expect(left(play(constant(1), [], Infinity).end)).toMatchObject({ _tag: "Overflow", what: "the gradient" });
  });

  it("is relative to 1 where the Gram matrix is zero", () => {
    expect(play(relative(0.5), [ends(1)], 0, 0).attempts).toEqual([solve(0.5)]);
  });
});

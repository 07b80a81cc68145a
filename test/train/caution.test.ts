// Caution in training: its arithmetic, and what it does to a run on wrong labels.

import { describe, expect, it } from "vitest";
import {
  type Batch,
  batch,
  evaluate,
  explain,
  fit,
  getOrThrow,
  matrix,
  type Network,
  type Optimizer,
  robust,
  type RobustState,
  zeroHead,
} from "../../mod.ts";
import { cautionOf, followMisfits, misfitOf, NO_MISFITS } from "../../src/train/caution.ts";
import type { Judged } from "../../src/train/scale.ts";
import { uniform } from "../support/reference.ts";

const judged = (logits: readonly number[], labels: readonly number[], counts = labels.map(() => 1)): Judged => ({
  logits: Float32Array.from(logits),
  labels: Uint32Array.from(labels),
  targets: null,
  smoothing: 0,
  counts: Float64Array.from(counts),
});

describe("the misfit of rows", () => {
  it("is the mean of 1 − p_y by what they count for, over all groups", () => {
    const groups = [judged([0, 1, 2, 3, -1, 0.5], [0, 2], [1, 3]), null, judged([1, 1, 1], [1], [2])];
    const p = (row: readonly number[], y: number) => {
      const e = row.map(Math.exp);
      return (e[y] as number) / e.reduce((a, b) => a + b);
    };
    const wanted = 1 - (p([0, 1, 2], 0) + 3 * p([3, -1, 0.5], 2) + 2 / 3) / 6;
    expect(misfitOf(groups)).toBeCloseTo(wanted, 12);
  });

  it("is in [0, 1] at any logits, and null where no row counts", () => {
    expect(misfitOf([judged([3e38, -3e38], [0])])).toBe(0);
    expect(misfitOf([judged([3e38, -3e38], [1])])).toBe(1);
    expect(misfitOf([null])).toBeNull();
    expect(misfitOf([judged([1, 2], [0], [0])])).toBeNull();
  });
});

describe("caution", () => {
  const easy = judged([0, 0], [0]), hard = judged([0, 3], [0]), s = misfitOf([hard]) as number;

  it("follows running means from 0 that keep .9 an update", () => {
    const one = followMisfits(NO_MISFITS, [hard], [easy], 1);
    expect(one.heldOut).toBeCloseTo(0.1 * s, 12);
    expect(one.trained).toBeCloseTo(0.05, 12);
    const five = followMisfits(one, [hard], [easy], 4);
    expect(five.heldOut).toBeCloseTo((1 - 0.9 ** 5) * s, 12);
    expect(five.trained).toBeCloseTo((1 - 0.9 ** 5) / 2, 12);
    expect(followMisfits(one, [null], [easy], 4)).toEqual(one);
    expect(followMisfits(one, [hard], [], 4)).toEqual(one);
  });

  it("is 1 where rows held out are explained as well, the fourth power of the ratio else, and 20 at most", () => {
    expect(cautionOf(NO_MISFITS, 0)).toBe(1);
    expect(cautionOf({ heldOut: 0.1, trained: 0.3 }, 0)).toBe(1);
    expect(cautionOf({ heldOut: 0.35, trained: 0.25 }, 0.3)).toBeCloseTo((0.4 / 0.3) ** 4, 12);
    expect(cautionOf({ heldOut: 0.9, trained: 0 }, 1)).toBe(20);
  });

  it("is 1 where logits should be larger by a tenth, and halfway there by a twentieth", () => {
    const misfits = { heldOut: 0.9, trained: 0 };
    expect(cautionOf(misfits, -0.1)).toBe(1);
    expect(cautionOf(misfits, -1)).toBe(1);
    expect(cautionOf(misfits, -0.05)).toBeCloseTo(10.5, 12);
  });
});

/** Rows about 12 centres in 200 dimensions; a share of the labels is drawn anew. */
function clusters(rows: number, seed: number, wrong: number): Batch {
  const columns = 200, classes = 12, centres = uniform(classes * columns, 99);
  const noise = uniform(rows * columns, seed), draws = uniform(3 * rows, seed + 1).map((v) => (v + 1) / 2);
  const features = new Float32Array(rows * columns), labels = new Uint32Array(rows);
  for (let i = 0; i < rows; i++) {
    const label = Math.floor(classes * (draws[3 * i] as number));
    for (let j = 0; j < columns; j++) {
      features[i * columns + j] = 0.25 * (centres[label * columns + j] as number) + (noise[i * columns + j] as number);
    }
    const isWrong = (draws[3 * i + 1] as number) < wrong;
    labels[i] = isWrong ? Math.floor(classes * (draws[3 * i + 2] as number)) : label;
  }
  return getOrThrow(batch({ features: getOrThrow(matrix(rows, columns, features)), labels }));
}

describe("a run on wrong labels", () => {
  const head = getOrThrow(zeroHead({ features: 200, classes: 12 })), right = clusters(2000, 5, 0);
  // An optimizer of one's own that cannot be steered: all else is the same.
  const { steer: _, ...blind } = robust() as Required<Optimizer<Network, RobustState>>;

  it("learns less of them by heart, and right labels as well as without", async () => {
    const accuracy = async (wrong: number, optimizer: Optimizer<Network, RobustState>) => {
      const { params } = await getOrThrow(fit(head, clusters(2400, 1, wrong), { epochs: 6, optimizer }));
      return getOrThrow(evaluate(params, right)).accuracy;
    };
    const steered = await accuracy(0.1, robust()), without = await accuracy(0.1, blind);
    expect(steered).toBeGreaterThan(without + 0.01);
    expect(await accuracy(0, robust())).toBeGreaterThan(await accuracy(0, blind) - 0.005);
  });

  it("is told by explain", () => {
    expect(explain(robust(), {})).toContain("steps are more careful");
    expect(explain(robust(), { shrinkage: "off" })).toContain("no more careful");
  });
});

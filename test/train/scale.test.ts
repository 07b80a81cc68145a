// The scale of logits against its golden trace (float64): four updates of two groups of rows. Logits are float32 here, so
// sums agree to the rounding of those, 6e-8 of logits up to 9: 1e-6 of the largest. Derivatives against finite differences.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { derivatives, excess, follow, type Judged, NO_SCALE, type Scale, shareOf } from "../../src/train/scale.ts";

interface Golden {
  readonly classes: number;
  readonly trace: readonly {
    readonly logits: number[][];
    readonly labels: number[][];
    readonly centre: number[][];
    readonly G: number;
    readonly H: number;
    readonly delta: number;
    readonly epsilon: number;
    readonly slope: number[];
    readonly curvature: number[];
  }[];
}

const golden: Golden = JSON.parse(readFileSync(new URL("../golden/shrinkage.json", import.meta.url), "utf8"));

const judged = (logits: readonly number[], labels: readonly number[], rest: Partial<Judged> = {}): Judged => ({
  logits: Float32Array.from(logits),
  labels: Uint32Array.from(labels),
  targets: null,
  smoothing: 0,
  counts: new Float64Array(labels.length).fill(1),
  ...rest,
});

/** The loss of rows whose logits are c + t (F − c), by the engine's own functions. */
function lossAt({ logits, labels, targets, smoothing, counts }: Judged, centre: Float64Array, t: number): number {
  const classes = centre.length;
  let sum = 0;
  counts.forEach((count, i) => {
    const row = Array.from(centre, (c, k) => c + t * ((logits[i * classes + k] as number) - c));
    const log = Math.log(row.reduce((total, f) => total + Math.exp(f), 0));
    row.forEach((f, k) => {
      const label = targets === null ? (k === labels[i] ? 1 : 0) : targets[i * classes + k] as number;
      sum += count * ((1 - smoothing) * label + smoothing / classes) * (log - f);
    });
  });
  return sum;
}

describe("the scale of logits", () => {
  it("is the golden trace", () => {
    let scale: Scale = NO_SCALE;
    for (const update of golden.trace) {
      const groups = update.logits.map((logits, k) => judged(logits, update.labels[k] as number[]));
      scale = follow(scale, groups);
      groups.forEach((group, k) => {
        const centre = scale.centres[k] as Float64Array;
        centre.forEach((c, j) => expect(c).toBeCloseTo(update.centre[k]?.[j] as number, 6));
        const { slope, curvature } = derivatives(group, centre);
        expect(Math.abs(slope - (update.slope[k] as number))).toBeLessThan(1e-5);
        expect(Math.abs(curvature - (update.curvature[k] as number))).toBeLessThan(1e-5);
      });
      expect(scale.slope / update.G).toBeCloseTo(1, 6);
      expect(scale.curvature / update.H).toBeCloseTo(1, 6);
      expect(excess(scale)).toBeCloseTo(update.delta, 6);
      expect(shareOf(scale)).toBeCloseTo(update.epsilon, 6);
    }
  });

  // Central differences at 1e-4 are right to 1e-8 of the third and fourth derivative, 1e-7 of rounding for the second.
  it.each([
    ["labels", {}],
    ["smoothed labels", { smoothing: 0.3 }],
    ["soft targets", { targets: Float32Array.of(0.2, 0.3, 0.5, 0, 1, 0) }],
    ["counts", { counts: Float64Array.of(2, 0.5) }],
    ["all of them", {
      smoothing: 0.1,
      targets: Float32Array.of(0.25, 0.25, 0.5, 0, 1, 0),
      counts: Float64Array.of(0, 3),
    }],
  ])("has the derivatives of the loss, with %s", (_, rest) => {
    const rows = judged([1.5, -2, 0.25, 3, 1, -4], [0, 1], rest), centre = Float64Array.of(0.5, -0.25, 1);
    const { slope, curvature } = derivatives(rows, centre), d = 1e-4;
    const [down, at, up] = [1 - d, 1, 1 + d].map((t) => lossAt(rows, centre, t)) as [number, number, number];
    expect(slope).toBeCloseTo((up - down) / (2 * d), 6);
    expect(curvature).toBeCloseTo((up - 2 * at + down) / d ** 2, 5);
  });

  it("stays finite where logits are extreme, and is 0 where rows are sure and right", () => {
    const rows = judged([5000, -5000, 0, -5000, 5000, 0], [1, 1]), scale = follow(NO_SCALE, [rows]);
    expect(Number.isFinite(scale.slope) && Number.isFinite(scale.curvature)).toBe(true);
    expect(shareOf(scale)).toBeCloseTo(0.2, 15);
    const right = follow(NO_SCALE, [judged([1, 2, 3], [2])]);
    expect(derivatives(judged([1, 2, 3], [2]), Float64Array.of(1, 2, 3))).toEqual({ slope: 0, curvature: 0 });
    expect(shareOf({ slope: -3, curvature: 1 })).toBe(0);
    expect(excess({ slope: -30, curvature: 1 })).toBe(-1);
    expect(right.slope).toBeCloseTo(0, 12);
  });

  it("takes rows of two updates as if each had half of them", () => {
    const [a, b] = [judged([1, 2], [0]), judged([1, 2], [0])];
    const twice = follow(follow(NO_SCALE, [a]), [b]), once = follow(NO_SCALE, [judged([1, 2, 1, 2], [0, 0])], 2);
    expect(once.centres).toEqual(twice.centres);
    expect(once.slope).toBeCloseTo(2 / 1.98 * twice.slope, 12);
    const sure = { slope: 2, curvature: 0 };
    expect(1 - shareOf(sure, 2)).toBeCloseTo((1 - shareOf(sure)) ** 2, 15);
  });

  it("passes a group without rows over, and keeps its centre", () => {
    const first = follow(NO_SCALE, [judged([1, 2], [0]), null]);
    expect(first.centres[1]).toHaveLength(0);
    const second = follow(first, [null, judged([3, 1], [0])]);
    expect(second.centres).toEqual([first.centres[0], Float64Array.of(3, 1)]);
    expect(second.slope).toBeCloseTo(0.98 * first.slope, 12);
  });
});

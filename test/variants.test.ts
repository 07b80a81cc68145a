// The centred metric and the two-stage system beyond their golden vectors: against a float64 solve in parameter space,
// with example weights, and what they refuse. Tolerance 1e-4, as for the golden vectors.

import { describe, expect, it } from "vitest";
import {
  customModel,
  fgnStep,
  freeze,
  levenbergMarquardt,
  matrix,
  mlp,
  relative,
  type StepOptions,
  withAdapters,
  zeroHead,
} from "../mod.ts";
import { difference, flat, jacobian, layerOf, left, problem, relativeError, right, solveDense } from "./reference.ts";

const LAMBDA = 0.05, ETA = 0.3;

/** (H + λM + H_x) d = −g for a linear head: the quadratic forms written out over the parameters (W row by row, b). */
function reference(
  head: ReturnType<typeof problem>["head"],
  data: ReturnType<typeof problem>["data"],
  centred: boolean,
  eta: number,
): number[] {
  const { J, P, alpha } = jacobian(layerOf(head), data);
  const C = head.outputs, D = head.inputs, n = C * D + C, B = alpha.length;
  const x = (i: number, d: number): number => data.features.data[i * D + d] as number;
  const mean = Array.from({ length: D }, (_, d) => {
    return centred ? alpha.reduce((sum, a, i) => sum + a * x(i, d), 0) : 0;
  });
  const spread = alpha.reduce((sum, a, i) => sum + a * mean.reduce((s, m, d) => s + (x(i, d) - m) ** 2, 0), 0);
  const beta = centred ? 0.1 * spread : 1;
  const A = Array.from({ length: n }, () => new Array<number>(n).fill(0));
  const g = new Array<number>(n).fill(0);
  const add = (weight: number, row: readonly number[]): void =>
    row.forEach((u, j) =>
      u !== 0 && row.forEach((v, k) => (A[j] as number[])[k] = ((A[j] as number[])[k] as number) + weight * u * v)
    );
  const unit = (entries: readonly (readonly [number, number])[]): number[] => {
    const row = new Array<number>(n).fill(0);
    for (const [j, v] of entries) row[j] = v;
    return row;
  };
  for (let i = 0; i < B; i++) {
    const p = (P[i] as number[])[data.labels[i] as number] as number, a = alpha[i] as number;
    add(a * p * (1 - p), J[i] as number[]);
    (J[i] as number[]).forEach((v, j) => g[j] = (g[j] as number) - a * (1 - p) * v);
    for (let c = 0; c < C; c++) {
      const entries = Array.from({ length: D }, (_, d) => [c * D + d, x(i, d)] as const);
      add(a * eta * (1 - p), unit([...entries, [C * D + c, 1]]));
    }
  }
  for (let c = 0; c < C; c++) {
    for (let d = 0; d < D; d++) add(LAMBDA, unit([[c * D + d, 1]]));
    add(LAMBDA / beta, unit([...mean.map((m, d) => [c * D + d, m] as const), [C * D + c, 1]]));
  }
  return solveDense(A, g.map((v) => -v));
}

describe("the metric and the two-stage system", () => {
  const weights = Array.from({ length: 24 }, (_, i) => i % 4);
  for (const [metric, twoStage] of [["centred", 0], ["euclidean", ETA], ["centred", ETA]] as const) {
    for (const B of [1, 5, 24]) {
      it(`${metric}, η = ${twoStage}, ${B} examples: equals the solve over the parameters`, () => {
        const { head, data } = problem(B, 6, 4, { spread: 0.5, ...(B === 24 ? { weights } : {}) });
        const { params } = right(fgnStep(head, data, LAMBDA, { metric, twoStage }));
        // One example leaves nothing to centre: the metric is then the Euclidean one.
        const want = reference(head, data, metric === "centred" && B > 1, twoStage);
        expect(relativeError(difference(params, head), want)).toBeLessThan(1e-4 + 1e-7 / Math.hypot(...want));
      });
    }
  }

  it("tries again with more damping, and gives the loss that the next step sees", () => {
    const { data } = problem(40, 12, 5);
    const network = right(mlp({ inputs: 12, hidden: [9], classes: 5, seed: 1 }));
    const options = { metric: "centred", twoStage: ETA } as const;
    const { params, report } = right(fgnStep(network, data, levenbergMarquardt({ lambda: 1e-6 }), options));
    expect(report.lossAfter).toBeLessThanOrEqual(report.lossBefore);
    const next = right(fgnStep(params, data, relative(1), options)).report.lossBefore;
    expect(Math.abs(next - (report.lossAfter as number))).toBeLessThan(1e-5);
  });

  it("are finite at extremes, and write to nothing they are given", () => {
    for (const scale of [0, 1e-40, 1e4]) {
      const { head, data } = problem(9, 3, 4, { spread: 3 });
      const features = right(matrix(9, 3, data.features.data.map((v) => v * scale)));
      const before = flat(head);
      const { params } = right(fgnStep(head, { ...data, features }, relative(1), { metric: "centred", twoStage: ETA }));
      expect(flat(params).every(Number.isFinite)).toBe(true);
      expect(flat(head)).toEqual(before);
    }
  });

  it("refuse what they do not go with", () => {
    const { head, data } = problem(8, 5, 4);
    const refused = (options: StepOptions, model = head, part = data): unknown =>
      left(fgnStep(model, part, 1, options));
    const invalid = (option: string) => ({ _tag: "InvalidOption", option });
    const centred = { metric: "centred" } as const;
    expect(refused({ metric: "fisher" } as unknown as StepOptions)).toMatchObject(invalid("metric"));
    for (const twoStage of [-1, NaN, Infinity]) expect(refused({ twoStage })).toMatchObject(invalid("twoStage"));
    expect(refused({ ...centred, refine: 1 })).toMatchObject(invalid("metric"));
    expect(refused({ ...centred, l2: 0.1 })).toMatchObject(invalid("metric"));
    expect(refused({ twoStage: 1, labelSmoothing: 0.1 })).toMatchObject(invalid("twoStage"));
    expect(refused({ ...centred, system: "matrixFree" })).toMatchObject(invalid("metric"));
    const adapted = right(withAdapters(right(zeroHead({ features: 5, classes: 4 })), { rank: 2 }));
    expect(refused({ twoStage: 1 }, adapted)).toMatchObject(invalid("twoStage"));
    expect(refused({ twoStage: 1 }, right(freeze(head)))).toMatchObject({ _tag: "InvalidLayer" });
    const own = right(customModel({
      parameters: [1],
      classes: 4,
      forward: (_, x) => new Float32Array(4 * x.rows),
      jvp: (_, x) => new Float32Array(4 * x.rows),
      vjp: () => [0],
    }));
    expect(left(fgnStep(own, data, 1, centred))).toMatchObject(invalid("metric"));
  });
});

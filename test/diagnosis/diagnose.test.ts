// diagnose() against dense float64 curvature of small problems, and its predictions on synthetic heads.
//
// Traces are sums of float32 squares (1e-4); steps are differences of float32 parameters (1e-3 of the step);
// eigenvalues carry the rounding of the float32 Gram matrix (1e-5 of the largest).

import { describe, expect, it } from "vitest";
import {
  type Batch,
  batch,
  customModel,
  type Damping,
  getOrThrow,
  jvp,
  levenbergMarquardt,
  linearHead,
  logits,
  matrix,
  type Model,
  type Network,
  parameters,
  relative,
  vjp,
  withParameters,
} from "../../mod.ts";
import { diagnose, type DiagnoseOptions, type Diagnosis } from "../../src/diagnosis/diagnose.ts";
import { showDiagnosis } from "../../src/diagnosis/show.ts";
import { instantiate } from "../../src/kernel/kernel.ts";
import { simd } from "../../src/kernel/simd.generated.ts";
import { dot, droppedTrace, reference, rowsOf, sum, tanhNetwork as net } from "../support/dense_reference.ts";
import { left, problem, relativeError, solveDense, uniform } from "../support/reference.ts";

const look = (model: Model, data: Batch, damping?: Damping, options?: DiagnoseOptions): Diagnosis =>
  getOrThrow(diagnose(model, data, damping, options));

const { head, data } = problem(14, 5, 6, { spread: 1.5 });
const small = net(5, 4, 6);
const cases: [string, Network, Batch][] = [
  ["a head", head, data],
  [
    "a head without bias and with weights",
    ...((made) => [made.head, made.data] as [Network, Batch])(
      problem(9, 4, 5, { seed: 8, bias: false, weights: [1, 0, 2, 0.5, 0, 3, 1, 1, 0.25] }),
    ),
  ],
  ["a network", small, data],
];

describe("diagnose()", () => {
  it.each(cases)("finds the traces, steps and spectrum of %s", (_, model, data) => {
    for (const lambda of [0.01, 0.3]) {
      const found = look(model, data, lambda), expected = reference(model, data, lambda);
      const { kept, dropped } = found.traces;
      expect([kept.exact, dropped.exact, kept.standardError, dropped.samples]).toEqual([true, true, 0, 0]);
      expect(relativeError([kept.value, dropped.value], [expected.kept, expected.dropped])).toBeLessThan(1e-4);
      expect(Math.abs(dropped.value / expected.dropped - 1)).toBeLessThan(1e-4);
      expect(found.steps).toMatchObject({ lambda, converged: true });
      expect(found.steps.rounding).toBeLessThan(1e-5);
      expect(Math.abs(found.steps.cosine - expected.cosine)).toBeLessThan(1e-3);
      expect(Math.abs(found.steps.relativeError - expected.error)).toBeLessThan(1e-3);
      const { eigenvalues, effectiveDimension, condition } = found.spectrum as NonNullable<Diagnosis["spectrum"]>;
      expect(relativeError(eigenvalues, expected.eigenvalues)).toBeLessThan(1e-5);
      const most = expected.eigenvalues[0] as number, least = expected.eigenvalues.at(-1) as number;
      expect(Math.abs(condition / ((most + lambda) / (least + lambda)) - 1)).toBeLessThan(1e-4);
      const dimension = sum(expected.eigenvalues.map((mu) => mu / (mu + lambda)));
      expect(Math.abs(effectiveDimension - dimension)).toBeLessThan(1e-4 * dimension);
    }
  });

  it("describes the competitors", () => {
    const rows = rowsOf(head, data), s = rows.map((row) => row.s), squares = rows.map(({ q }) => dot(q, q));
    const { competitors } = look(head, data);
    expect(relativeError([competitors.mass], [sum(s) / 14])).toBeLessThan(1e-5);
    expect(relativeError([competitors.concentration], [sum(squares) / 14])).toBeLessThan(1e-5);
    expect(relativeError([competitors.weightedConcentration], [dot(s, squares) / sum(s)])).toBeLessThan(1e-5);
    expect(relativeError([competitors.effective], [sum(squares.map((v) => 1 / v)) / 14])).toBeLessThan(1e-5);
  });

  it("drops nothing for two classes", () => {
    for (
      const [model, data] of [[problem(8, 3, 2).head, problem(8, 3, 2).data], [
        net(3, 4, 2),
        problem(8, 3, 2).data,
      ]] as const
    ) {
      const { competitors, traces, steps } = look(model, data, 0.1);
      expect(traces.dropped).toEqual({ value: 0, exact: true, samples: 0, standardError: 0 });
      expect(competitors).toMatchObject({ concentration: 1, weightedConcentration: 1, effective: 1 });
      expect(1 - steps.cosine).toBeLessThan(1e-7);
      expect(steps.relativeError).toBeLessThan(1e-4);
    }
  });

  it("estimates the dropped trace above 64 classes, within four of its standard errors", () => {
    const { head, data } = problem(12, 4, 100, { spread: 2 });
    const network = net(4, 5, 100);
    // For a linear head in closed form: Σ α s (1 − ‖q‖²)(‖x‖² + 1).
    const exact = sum(
      rowsOf(head, data).map(({ alpha, s, q }, i) => {
        const x = Array.from(data.features.data.subarray(4 * i, 4 * i + 4));
        return alpha * s * (1 - dot(q, q)) * (dot(x, x) + 1);
      }),
    );
    for (const [model, expected] of [[head, exact], [network, droppedTrace(rowsOf(network, data))]] as const) {
      for (const samples of [32, 200]) {
        const { kept, dropped } = look(model, data, 1, { samples }).traces;
        expect(kept.exact).toBe(true);
        expect(dropped).toMatchObject({ exact: false, samples });
        expect(dropped.standardError).toBeLessThan(0.05 * expected);
        expect(Math.abs(dropped.value - expected)).toBeLessThan(4 * dropped.standardError + 1e-5 * expected);
      }
    }
  });

  it("estimates both traces of a model of one's own, and finds the same steps", () => {
    const own = getOrThrow(customModel({
      parameters: parameters(small),
      classes: 6,
      forward: (theta, x) => getOrThrow(logits(getOrThrow(withParameters(small, theta)), x)).data,
      jvp: (theta, x, v) => getOrThrow(jvp(getOrThrow(withParameters(small, theta)), x, v)).data,
      vjp: (theta, x, c) =>
        getOrThrow(
          vjp(getOrThrow(withParameters(small, theta)), x, { rows: x.rows, cols: 6, data: Float32Array.from(c) }),
        ),
    }));
    const expected = reference(small, data, 0.05);
    // The functions run the default kernel in between, so the diagnosis gets another.
    const found = look(own, data, 0.05, { samples: 400, kernel: getOrThrow(instantiate(simd)) });
    expect(found.spectrum).toBeUndefined();
    for (const which of ["kept", "dropped"] as const) {
      const { value, exact, samples, standardError } = found.traces[which];
      expect([exact, samples]).toEqual([false, 400]);
      expect(standardError).toBeLessThan(0.1 * expected[which]);
      expect(Math.abs(value - expected[which])).toBeLessThan(4 * standardError);
    }
    expect(Math.abs(found.steps.cosine - expected.cosine)).toBeLessThan(1e-3);
    expect(Math.abs(found.steps.relativeError - expected.error)).toBeLessThan(1e-3);
  });

  it("resolves the damping once, Levenberg–Marquardt's by its attempts", () => {
    const { steps } = look(head, data, relative(0.5));
    expect(look(head, data, steps.lambda).steps).toEqual(steps);
    const raised = look(head, data, levenbergMarquardt({ lambda: 1e-3 })).steps;
    expect(raised.lambda).toBeGreaterThan(1e-3);
    expect(raised.lossAfterFgn).toBeLessThan(raised.lossBefore);
  });

  it("takes the objective's options", () => {
    const plain = look(head, data, 0.1), smooth = look(head, data, 0.1, { labelSmoothing: 0.2, l2: 0.05 });
    expect(smooth.traces).toEqual(plain.traces);
    expect(smooth.steps.converged).toBe(true);
    expect(smooth.spectrum?.eigenvalues).toEqual(plain.spectrum?.eigenvalues);
    expect(smooth.spectrum?.condition).toBeLessThan(plain.spectrum?.condition as number);
  });

  it("leaves examples of weight zero out", () => {
    const { head, data } = problem(8, 3, 5, { weights: [1, 0, 1, 0, 1, 1, 0, 1] });
    const kept = [0, 2, 4, 5, 7];
    const rest = getOrThrow(batch({
      features: getOrThrow(matrix(5, 3, kept.flatMap((i) => [...data.features.data.subarray(3 * i, 3 * i + 3)]))),
      labels: kept.map((i) => data.labels[i] as number),
    }));
    const all = look(head, data, relative(0.1)), part = look(head, rest, relative(0.1));
    expect(relativeError(Object.values(all.competitors), Object.values(part.competitors))).toBeLessThan(1e-6);
    expect(relativeError([all.traces.dropped.value], [part.traces.dropped.value])).toBeLessThan(1e-6);
    expect(Math.abs(all.steps.relativeError - part.steps.relativeError)).toBeLessThan(1e-4);
    expect(all.spectrum?.effectiveDimension).toBeCloseTo(part.spectrum?.effectiveDimension as number, 5);
  });

  it("says when the full step has not converged, and leaves the spectrum out above 1024 examples", () => {
    expect(look(head, data, 1e-3, { maxIterations: 1 }).steps.converged).toBe(false);
    const large = problem(1025, 2, 3);
    expect(look(large.head, large.data).spectrum).toBeUndefined();
  });

  it("gives the same numbers again", () => {
    const { head, data } = problem(6, 3, 80);
    expect(look(head, data)).toEqual(look(head, data));
  });

  it("is finite at extremes: zeros, margins to 1e4", () => {
    for (const scale of [0, 1e-20, 100, 1e4]) {
      const { head, data } = problem(6, 4, 5, { spread: scale });
      const { competitors, traces, steps, spectrum } = look(head, data);
      const numbers = [...Object.values(competitors), traces.kept.value, traces.dropped.value, steps.cosine];
      expect([...numbers, steps.relativeError, ...spectrum?.eigenvalues ?? [NaN]].every(Number.isFinite)).toBe(true);
    }
  });

  it("gives errors as values", () => {
    expect(left(diagnose(head, data, -1))).toMatchObject({ _tag: "InvalidDamping", value: -1 });
    expect(left(diagnose(head, data, relative(NaN)))._tag).toBe("InvalidDamping");
    expect(left(diagnose(head, problem(4, 3, 6).data))._tag).toBe("FeatureMismatch");
    expect(left(diagnose(head, { ...data, labels: data.labels.map(() => 6) }))._tag).toBe("LabelOutOfRange");
    expect(left(diagnose(head, data, 1, { classWeights: [0, 0, 0, 0, 0, 0] }))._tag).toBe("ZeroWeights");
    for (const samples of [1, 2.5, NaN]) {
      expect(left(diagnose(head, data, 1, { samples }))).toMatchObject({ _tag: "InvalidOption", option: "samples" });
    }
    expect(left(diagnose(head, data, 1, { maxIterations: 0 }))).toMatchObject({ option: "maxIterations" });
  });
});

/** About Gaussian numbers: sums of twelve uniform ones. */
function gaussian(count: number, seed: number): Float32Array {
  const draws = Array.from({ length: 12 }, (_, k) => uniform(count, seed + k));
  return Float32Array.from({ length: count }, (_, i) => sum(draws.map((u) => u[i] as number)) / 2);
}

/** A head of 64 features on 64 examples whose competitors have the logits z and p_y = ½: W = Fᵀ(XXᵀ)⁻¹X. */
function synthetic(C: number, z: Float32Array): { head: Network; data: Batch } {
  const n = 64, x = gaussian(n * n, 100);
  const X = Array.from({ length: n }, (_, i) => Array.from(x.subarray(i * n, (i + 1) * n)));
  const labels = X.map((_, i) => i % C);
  const F = labels.map((y, i) => {
    const f = Array.from(z.subarray(i * C, (i + 1) * C));
    return f.with(y, Math.log(sum(f.filter((_, k) => k !== y).map(Math.exp))));
  });
  const gram = X.map((u, i) => X.map((v, j) => dot(u, v) + (i === j ? 1e-3 : 0)));
  const W = Array.from({ length: C }, (_, c) => {
    const a = solveDense(gram, F.map((f) => f[c] as number));
    return X.map((_, d) => sum(X.map((row, i) => (a[i] as number) * (row[d] as number))));
  });
  return {
    head: getOrThrow(linearHead({ features: n, classes: C }, W.flat(), null)),
    data: getOrThrow(batch({ features: getOrThrow(matrix(n, n, x)), labels })),
  };
}

const even = (C: number) => synthetic(C, new Float32Array(64 * C));
/** ‖q‖² ≈ .8. */
const concentrated = () => synthetic(10, gaussian(640, 300).map((v) => 6 * v));

// The table of reference curves is in λ/K̄; relative damping is μ/K̄ = Bλ/K̄. Other random features move its entries,
// and it does not say how its competitors were concentrated: 0.04 bounds that for the cosine, a third for the error.
describe("the reference curves: B = D = 64, p_y = ½, at the same damping", () => {
  const at = ({ head, data }: ReturnType<typeof synthetic>, ratio: number): Diagnosis =>
    look(head, data, relative(64 * ratio));
  const ratios = [1e-1, 1e-2, 1e-3, 1e-4];

  it.each([
    ["even competitors", even(10), 1 / 9, [1, .998, .948, .744], [.010, .078, .332, .670]],
    ["concentrated ones", concentrated(), 0.8, [1, 1, .989, .939], [.004, .031, .150, .342]],
  ])("are those of %s: more damping is closer", (_, made, concentration, cosines, errors) => {
    const found = ratios.map((ratio) => at(made, ratio));
    expect(Math.abs((found[0] as Diagnosis).competitors.concentration - concentration)).toBeLessThan(0.04);
    found.forEach(({ steps }, k) => {
      expect(Math.abs(steps.cosine - (cosines[k] as number))).toBeLessThan(0.04);
      expect(Math.abs(steps.relativeError / (errors[k] as number) - 1)).toBeLessThan(1 / 3);
      expect(steps.relativeError).toBeGreaterThan(found[k - 1]?.steps.relativeError ?? 0);
    });
  });

  it("have concentrated competitors closer than even ones", () => {
    const [a, b] = [even(10), concentrated()];
    for (const ratio of ratios) {
      const spread = at(a, ratio), near = at(b, ratio);
      expect(near.steps.relativeError).toBeLessThan(spread.steps.relativeError);
      expect(near.traces.dropped.value).toBeLessThan(spread.traces.dropped.value);
    }
  });

  it("are nearest for two classes and for many", () => {
    const errors = [2, 3, 10, 100].map((C) => at(even(C), 1e-2).steps.relativeError);
    [0, .135, .080, .009].forEach((error, k) => {
      expect(Math.abs((errors[k] as number) - error)).toBeLessThan(1e-5 + error / 3);
    });
  });
});

describe("showDiagnosis()", () => {
  it("prints numbers with their meaning and a verdict", () => {
    const close = showDiagnosis(look(head, data, 100));
    expect(close).toContain("FGN on 14 examples and 6 classes at λ = 100");
    expect(close).toContain("close to the full one");
    const columns = close.split("\n").filter((line) => line.startsWith("  ")).map((line) => line.search(/\d/));
    expect(new Set(columns).size).toBe(1);
    const far = showDiagnosis(look(head, data, 1e-3));
    expect(far).toContain("refine");
    expect(far).toContain("needs more damping");
    expect(showDiagnosis(look(head, data, 1e-3, { maxIterations: 1 }))).toContain("residual");
    const tiny = look(head, data, 1e9);
    expect(tiny.steps.rounding).toBeGreaterThan(0.1);
    expect(showDiagnosis(tiny)).toContain("too small");
    const estimated = problem(6, 3, 80);
    expect(showDiagnosis(look(estimated.head, estimated.data))).toContain("from 32 samples");
  });

  it("names columns far from the others' size, or from 0", () => {
    const { data, head } = problem(40, 4, 3), { rows, cols } = data.features;
    const batchOf = (change: (x: number, j: number) => number): Batch => {
      const values = data.features.data.map((x, i) => change(x, i % cols));
      return { ...data, features: { rows, cols, data: values } };
    };
    expect(look(head, data).columns).toEqual([]);
    expect(showDiagnosis(look(head, data))).not.toContain("column");
    const odd = look(head, batchOf((x, j) => j === 1 ? 1e4 * x : j === 2 ? x + 5e3 : x)), [large, offset] = odd.columns;
    expect(odd.columns.map(({ column }) => column)).toEqual([1, 2]);
    expect((large?.ratio as number) / 1e4).toBeCloseTo(1, 0);
    expect((offset?.offset as number) / (5e3 * Math.sqrt(3))).toBeCloseTo(1, 0);
    expect(showDiagnosis(odd)).toMatch(/column 1 \(1\.?\d*e\+?4|column 1 \(\d{4,5} times the median size, mean/);
    expect(showDiagnosis(odd)).toContain("columnScales");
    // Small ones are, too; those that do not vary are not.
    const small = look(head, batchOf((x, j) => j === 0 ? 1e-5 * x : j === 3 ? 7e6 : x));
    expect(small.columns.map(({ column }) => column)).toEqual([0]);
    const many = { ...odd, columns: Array.from({ length: 9 }, (_, column) => ({ column, ratio: 1e6, offset: 0 })) };
    expect(showDiagnosis(many)).toContain("and 4 more");
  });
});

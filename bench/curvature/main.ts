// One run of `npm run bench:curvature`: conjugate gradient on the full Gauss-Newton system (G + λI)d = −g, plain and
// preconditioned by the FGN inverse (so many iterations as `refine` of fgnStep says), on batches of real data.
// Iterations until ‖d_k − d*‖/‖d*‖ ≤ 1e-2, until the same holds in the norm of G + λI, which conjugate gradient
// lowers in every iteration, and cosines with d*. Prints tables, writes bench/curvature/results.json.

import { writeFileSync } from "node:fs";
import type { Dataset } from "../../examples/data/dataset.ts";
import { loadMnist } from "../../examples/data/mnist.ts";
import { loadUdhr } from "../../examples/data/udhr.ts";
import {
  type Batch,
  batch,
  fgnStep,
  getOrThrow,
  ggnStep,
  lossAndGradient,
  matrix,
  mlp,
  type Network,
  parameters,
  relative,
  type Step,
  zeroHead,
} from "../../mod.ts";
import { permute, seedRandom } from "../../src/math/random.ts";

const ROWS = 128, STEPS = 50;
const CLOSE = 1e-2;
/** Iterations after which a method counts as not there. */
const CAP = 200;
const RATIOS = [1e-1, 1e-2, 1e-3];
/** How exactly d* is solved for. */
const EXACT = { tolerance: 1e-6, maxIterations: 5000 };

/** after − before. */
function difference(after: Network, before: Network): Float64Array {
  const from = parameters(before);
  return Float64Array.from(parameters(after), (value, i) => value - (from[i] as number));
}

const dot = (x: Float64Array, y: Float64Array): number => x.reduce((sum, v, i) => sum + v * (y[i] as number), 0);
const norm = (x: Float64Array): number => Math.sqrt(dot(x, x));
const cosine = (x: Float64Array, y: Float64Array): number => dot(x, y) / (norm(x) * norm(y));

/** The k-th batch of random order. */
function batchOf({ train, columns }: Dataset, order: Uint32Array, k: number): Batch {
  const features = new Float32Array(ROWS * columns), labels = new Uint32Array(ROWS);
  for (let i = 0; i < ROWS; i++) {
    const row = order[(k * ROWS + i) % order.length] as number;
    features.set(train.features.subarray(row * columns, (row + 1) * columns), i * columns);
    labels[i] = train.labels[row] as number;
  }
  return getOrThrow(batch({ features: getOrThrow(matrix(ROWS, columns, features)), labels }));
}

/** The fewest iterations k ≤ CAP with error(k) ≤ CLOSE: one after another up to 8, then doubled and bisected. */
function reach(error: (k: number) => number): number | null {
  for (let k = 1; k <= 8; k++) if (error(k) <= CLOSE) return k;
  let below = 8, above = 16;
  while (error(above) > CLOSE) {
    if (above >= CAP) return null;
    below = above;
    above = Math.min(CAP, 2 * above);
  }
  while (above - below > 1) {
    const middle = Math.floor((above + below) / 2);
    if (error(middle) <= CLOSE) above = middle;
    else below = middle;
  }
  return above;
}

/** How far an iterate is from d*, relatively: in the Euclidean norm, and in that of G + λI. */
interface Distance {
  readonly euclidean: number;
  readonly energy: number;
}

/** Iterations of both methods to 1e-2; null: more than 200. */
interface Iterations {
  readonly plain: number | null;
  readonly preconditioned: number | null;
}

interface Row {
  readonly model: string;
  readonly steps: number;
  readonly ratio: number;
  readonly euclidean: Iterations;
  readonly energy: Iterations;
  /** Cosines with d*: of −g, and of the FGN step with refine 0, 1 and 3. */
  readonly cosines: { readonly gradient: number; readonly refined: readonly number[] };
  /** Iterations and true relative residual of d*. */
  readonly exactIterations: number;
  readonly exactResidual: number;
}

/** −(gᵀd + ½ dᵀ(G + λI)d). */
const reduction = ({ report }: Step<Network>, d: Float64Array): number =>
  report.predictedReduction - report.lambda / 2 * dot(d, d);

const remembered = <A>(run: (k: number) => A): (k: number) => A => {
  const known = new Map<number, A>();
  return (k) => {
    const value = known.get(k) ?? run(k);
    known.set(k, value);
    return value;
  };
};

function measure(model: string, params: Network, steps: number, data: Batch, ratio: number): Row {
  const damping = relative(ratio), quick = { lossAfter: false } as const;
  const exact = getOrThrow(ggnStep(params, data, damping, { ...quick, preconditioner: "fgn", ...EXACT }));
  const best = difference(exact.params, params), size = norm(best), most = reduction(exact, best);
  const distance = (preconditioner: "none" | "fgn", maxIterations: number): Distance => {
    const limits = { tolerance: 1e-12, maxIterations };
    const step = getOrThrow(ggnStep(params, data, damping, { ...quick, preconditioner, ...limits }));
    const d = difference(step.params, params);
    return {
      euclidean: norm(d.map((v, i) => v - (best[i] as number))) / size,
      // ‖d − d*‖² in the norm of G + λI is twice what d leaves of the reduction, ‖d*‖² twice all of it.
      energy: Math.sqrt(Math.max(0, 1 - reduction(step, d) / most)),
    };
  };
  const plain = remembered((k) => distance("none", k)), preconditioned = remembered((k) => distance("fgn", k));
  const iterations = (by: keyof Distance): Iterations => ({
    plain: reach((k) => plain(k)[by]),
    preconditioned: reach((k) => preconditioned(k)[by]),
  });
  const refined = (refine: number): number =>
    cosine(difference(getOrThrow(fgnStep(params, data, damping, { ...quick, refine })).params, params), best);
  const gradient = Float64Array.from(getOrThrow(lossAndGradient(params, data)).gradient, (v) => -v);
  return {
    model,
    steps,
    ratio,
    euclidean: iterations("euclidean"),
    energy: iterations("energy"),
    cosines: { gradient: cosine(gradient, best), refined: [refined(0), refined(1), refined(3)] },
    exactIterations: exact.report.iterations,
    exactResidual: exact.report.residual,
  };
}

function rowsOf(model: string, start: Network, data: Dataset): Row[] {
  const { order } = permute(data.train.rows, seedRandom(1));
  let trained = start;
  for (let k = 0; k < STEPS; k++) {
    trained = getOrThrow(fgnStep(trained, batchOf(data, order, k), relative(1), { lossAfter: false })).params;
  }
  const fresh = batchOf(data, order, STEPS);
  return [{ params: start, steps: 0 }, { params: trained, steps: STEPS }].flatMap(({ params, steps }) =>
    RATIOS.map((ratio) => measure(model, params, steps, fresh, ratio))
  );
}

const mnist = loadMnist(), udhr = loadUdhr();
const languages = udhr.names.length;
const rows = [
  ...rowsOf("MNIST 784-10", getOrThrow(zeroHead({ features: 784, classes: 10 })), mnist),
  ...rowsOf("MNIST 784-64-10", getOrThrow(mlp({ inputs: 784, hidden: [64], classes: 10 })), mnist),
  ...rowsOf(`UDHR 1024-${languages}`, getOrThrow(zeroHead({ features: 1024, classes: languages })), udhr),
  ...rowsOf(`UDHR 1024-64-${languages}`, getOrThrow(mlp({ inputs: 1024, hidden: [64], classes: languages })), udhr),
];
const shown = (iterations: number | null): string => iterations === null ? `> ${CAP}` : String(iterations);
const both = ({ plain, preconditioned }: Iterations): string => `${shown(plain)} / ${shown(preconditioned)}`;
console.log(`Iterations to 1e-2 of d*, plain / FGN-preconditioned, and cosines with d*; batch ${ROWS}`);
console.table(rows.map(({ model, steps, ratio, euclidean, energy, cosines, exactIterations, exactResidual }) => ({
  model,
  steps,
  "μ/K̄": ratio,
  Euclidean: both(euclidean),
  energy: both(energy),
  "cos −g": cosines.gradient.toFixed(3),
  ...Object.fromEntries(cosines.refined.map((c, i) => [`refine ${[0, 1, 3][i]}`, c.toFixed(3)])),
  "d* iterations": exactIterations,
  "d* residual": exactResidual.toExponential(0),
})));
for (const by of ["euclidean", "energy"] as const) {
  const more = rows.filter(({ [by]: { plain, preconditioned } }) => (preconditioned ?? CAP + 1) > (plain ?? CAP + 1));
  console.log(`${by}: FGN-preconditioned takes more iterations than plain in ${more.length} of ${rows.length} rows`);
}
writeFileSync("bench/curvature/results.json", `${JSON.stringify({ batch: ROWS, close: CLOSE, rows }, null, 2)}\n`);

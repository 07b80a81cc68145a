// What is measured on real heads along training: plain FGN steps with relative(1), and at some of them both steps on the
// next batch, over damping.

import type { Dataset, Split } from "../../examples/data/dataset.ts";
import {
  type Batch,
  batch,
  diagnose,
  evaluate,
  fgnStep,
  getOrThrow,
  logits,
  matrix,
  mlp,
  type Network,
  parameters,
  relative,
  robust,
  withParameters,
  zeroHead,
} from "../../mod.ts";
import { permute, type Random, seedRandom } from "../../src/math/random.ts";
import { bestReduction, meanLoss } from "./comparison.ts";
import { compare, difference, dot, fgn, ggn } from "./library.ts";

export const BATCH = 128;
/** Test examples on which the reductions are measured. */
const FRESH = 512;

/** Training under way: takes a step on a batch and gives the parameters. */
type Training = (part: Batch) => Network;

/** A model, its data and how it is trained. */
export interface RealModel {
  readonly name: string;
  readonly data: Dataset;
  readonly start: (seed: number) => Network;
  readonly training: (params: Network) => Training;
}

/** Steps of `fgnStep` with its default damping. */
export const plainSteps = (start: Network): Training => {
  let params = start;
  return (part) => params = getOrThrow(fgnStep(params, part, relative(1), { lossAfter: false })).params;
};

/** Steps of `robust()`; the parameters are those stepped from, not their average. */
export const robustSteps = (start: Network): Training => {
  const optimizer = robust();
  let params = start, state = optimizer.init(start);
  return (part) => {
    ({ params, state } = getOrThrow(optimizer.update(params, state, part)));
    return params;
  };
};

/** A classifier of a data set: a head of zeros, or one hidden layer. */
export function realModel(
  name: string,
  data: Dataset,
  { classes, hidden, training = plainSteps }: {
    readonly classes: number;
    readonly hidden?: number;
    readonly training?: RealModel["training"];
  },
): RealModel {
  const { columns } = data;
  return {
    name,
    data,
    training,
    start: (seed) =>
      getOrThrow(
        hidden === undefined
          ? zeroHead({ features: columns, classes })
          : mlp({ inputs: columns, hidden: [hidden], classes, seed }),
      ),
  };
}

/** A data set with the mean of its training features taken off. */
export function centred(data: Dataset): Dataset {
  const { train, columns } = data;
  const mean = new Float64Array(columns);
  train.features.forEach((v, at) => mean[at % columns] = (mean[at % columns] as number) + v / train.rows);
  const less = (split: Split): Split => ({
    ...split,
    features: split.features.map((v, at) => v - (mean[at % columns] as number)),
  });
  return { ...data, train: less(train), test: less(data.test) };
}

/** Share of the mean square of the features that their mean takes: ‖x̄‖²/mean ‖x‖². */
export function commonShare({ train: { features, rows }, columns }: Dataset): number {
  const mean = new Float64Array(columns);
  let square = 0;
  features.forEach((v, at) => {
    mean[at % columns] = (mean[at % columns] as number) + v / rows;
    square += v * v / rows;
  });
  return dot(mean, mean) / square;
}

function select({ features, labels }: Split, columns: number, rows: Uint32Array): Batch {
  const picked = new Float32Array(rows.length * columns);
  rows.forEach((row, i) => picked.set(features.subarray(row * columns, (row + 1) * columns), i * columns));
  return getOrThrow(batch({
    features: getOrThrow(matrix(rows.length, columns, picked)),
    labels: Uint32Array.from(rows, (row) => labels[row] as number),
  }));
}

/** Shuffled batches, epoch after epoch; the rest of an epoch is left out. */
function* batches({ train, columns }: Dataset, seed: number): Generator<Batch, never> {
  let random: Random = seedRandom(seed);
  for (;;) {
    const shuffled = permute(train.rows, random);
    random = shuffled.random;
    for (let first = 0; first + BATCH <= train.rows; first += BATCH) {
      yield select(train, columns, shuffled.order.subarray(first, first + BATCH));
    }
  }
}

/** The loss on data at θ + t d: from logits for a head, which are linear in t. */
function lossAlong(params: Network, d: Float64Array, data: Batch): (length: number) => number {
  const theta = parameters(params);
  const moved = new Float32Array(theta.length);
  const at = (t: number): Network => {
    for (let i = 0; i < moved.length; i++) moved[i] = (theta[i] as number) + t * (d[i] as number);
    return getOrThrow(withParameters(params, moved));
  };
  if (params.layers.length > 1) return (t) => getOrThrow(evaluate(at(t), data)).loss;
  const from = getOrThrow(logits(params, data.features)).data, to = getOrThrow(logits(at(1), data.features)).data;
  const change = difference(to, from);
  return (t) => meanLoss(from, data.labels, change, t);
}

/** What a direction wins at its best length: of the damped loss on the batch, and of the loss on fresh data. */
function winnings(params: Network, d: Float64Array, lambda: number, data: Batch, fresh: Batch) {
  const own = lossAlong(params, d, data), other = lossAlong(params, d, fresh);
  const before = own(0), freshBefore = other(0), penalty = lambda / 2 * dot(d, d);
  return {
    damped: bestReduction((t) => before - own(t) - penalty * t * t),
    fresh: Math.max(0, bestReduction((t) => freshBefore - other(t))) / freshBefore,
    after: own(1) / before,
  };
}

/** Both steps at λ/K̄ = ratio. */
function measureSteps(params: Network, data: Batch, fresh: Batch, ratio: number) {
  const damping = relative(data.labels.length * ratio);
  const full = ggn(params, data, damping), best = full.direction, { lambda } = full.step.report;
  const [plain, once, thrice] = [0, 1, 3].map((refine) => fgn(params, data, damping, refine).direction) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const won = winnings(params, plain, lambda, data, fresh), most = winnings(params, best, lambda, data, fresh);
  const { cosine, error } = compare(plain, best), refined = compare(thrice, best);
  return {
    cosine,
    error,
    errorRefined1: compare(once, best).error,
    errorRefined3: refined.error,
    cosineRefined3: refined.cosine,
    gain: won.damped / most.damped,
    freshFgn: won.fresh,
    freshGgn: most.fresh,
    afterFgn: won.after,
    afterGgn: most.after,
    residual: full.step.report.residual,
  };
}

/** Where the batch stands, whatever the damping. */
function measureState(params: Network, data: Batch, test: Batch) {
  // The full step is not looked at here: one iteration of it will do.
  const { competitors, traces } = getOrThrow(diagnose(params, data, relative(1), { maxIterations: 1, samples: 8 }));
  const { loss, accuracy } = getOrThrow(evaluate(params, test));
  return {
    weightedConcentration: competitors.weightedConcentration,
    effective: competitors.effective,
    mass: competitors.mass,
    keptShare: traces.kept.value / (traces.kept.value + traces.dropped.value),
    testLoss: loss,
    testAccuracy: accuracy,
  };
}

export type State = ReturnType<typeof measureState>;
export type Steps = ReturnType<typeof measureSteps>;

/** One run: the state and, for each ratio, the steps after so many steps of training. */
export interface Checkpoint {
  readonly step: number;
  readonly state: State;
  readonly steps: readonly Steps[];
}

/** Trains a model from a seed and measures it after each count of steps (ascending). */
export function measureRun(
  { data, start, training }: RealModel,
  seed: number,
  counts: readonly number[],
  ratios: readonly number[],
): Checkpoint[] {
  const next = batches(data, seed), { test, columns } = data;
  const all = select(test, columns, Uint32Array.from({ length: test.rows }, (_, i) => i));
  const fresh = select(test, columns, permute(test.rows, seedRandom(seed)).order.subarray(0, FRESH));
  let params = start(seed), done = 0;
  const train = training(params);
  return counts.map((step) => {
    for (; done < step; done++) params = train(next.next().value);
    const part = next.next().value;
    return {
      step,
      state: measureState(params, part, all),
      steps: ratios.map((ratio) => measureSteps(params, part, fresh, ratio)),
    };
  });
}

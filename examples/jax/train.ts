/**
 * Trains a model written in jax-js on 2,000 images of MNIST, halved in size. It takes the place of a network.
 *
 *   deno run -A examples/jax/train.ts      or: bun run examples/jax/train.ts, node tools/run.mjs examples/jax/train.ts
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import process from "node:process";
import {
  type Batch,
  batch,
  type CustomModel,
  customModel,
  type Damping,
  evaluate,
  type Evaluation,
  type FgnError,
  fgnStep,
  matrix,
  relative,
  seedRandom,
  showError,
  shuffle,
} from "../../mod.ts";
import type { Split } from "../data/dataset.ts";
import { loadMnist, SIDE } from "../data/mnist.ts";
import { disagreement } from "./check.ts";
import { jaxModel } from "./model.ts";

const HALF = SIDE / 2, INPUTS = HALF * HALF;
const IMAGES = 2_000, BATCH_SIZE = 128, STEPS = 90, SHOWN = 10;

/** Images of half the width and height: each pixel is the mean of four. */
function halved({ features, labels, rows }: Split): Split {
  const small = new Float32Array(rows * INPUTS);
  for (let i = 0; i < small.length; i++) {
    const corner = 2 * Math.floor(i / HALF) * SIDE + 2 * (i % HALF);
    for (const k of [corner, corner + 1, corner + SIDE, corner + SIDE + 1]) {
      small[i] = (small[i] ?? 0) + (features[k] ?? 0);
    }
  }
  return { features: small.map((sum) => sum / 4), labels, rows };
}

/** The chosen examples as a batch. */
function pick({ features, labels }: Split, chosen: Uint32Array): E.Either<FgnError, Batch> {
  const picked = new Float32Array(chosen.length * INPUTS);
  chosen.forEach((row, i) => picked.set(features.subarray(row * INPUTS, (row + 1) * INPUTS), i * INPUTS));
  return pipe(
    matrix(chosen.length, INPUTS, picked),
    E.chain((rows) => batch({ features: rows, labels: Uint32Array.from(chosen, (row) => labels[row] ?? 0) })),
  );
}

/** Batches of all the same size, so that jax-js compiles once: what is left of an epoch is left out. */
function* batches(data: Split): Generator<E.Either<FgnError, Batch>, never> {
  for (let random = seedRandom(1);;) {
    const shuffled = shuffle(data.rows, random);
    if (shuffled._tag === "Left") {
      yield shuffled;
      continue;
    }
    random = shuffled.right.random;
    for (let end = BATCH_SIZE; end <= data.rows; end += BATCH_SIZE) {
      yield pick(data, shuffled.right.order.subarray(end - BATCH_SIZE, end));
    }
  }
}

/** Takes the steps, each from where the last one ended. */
function fit(model: CustomModel, data: Split): E.Either<FgnError, CustomModel> {
  const source = batches(data);
  let params = model, damping: Damping = relative(1);
  for (let number = 1; number <= STEPS; number++) {
    const step = pipe(source.next().value, E.chain((examples) => fgnStep(params, examples, damping)));
    if (step._tag === "Left") return step;
    ({ params, damping } = step.right);
    if (number === 1 || number % SHOWN === 0) {
      console.log(`step ${String(number).padStart(2)}  batch loss ${step.right.report.lossBefore.toFixed(4)}`);
    }
  }
  return E.right(params);
}

/** Checks the model's functions against each other on a few images. */
const check = ({ functions, parameters }: CustomModel, { features }: Batch): void => {
  const { transpose, differences } = disagreement(functions, parameters, features);
  console.log(`jvp against vjp ${transpose.toExponential(1)}, against differences ${differences.toExponential(1)}`);
};

/** Makes the model, checks it, trains it, and measures it on the test images. */
function run(): E.Either<FgnError, Evaluation> {
  const { train, test } = loadMnist(IMAGES);
  const examples = halved(train);
  return pipe(
    E.Do,
    E.bind("model", () => customModel(jaxModel({ inputs: INPUTS, hidden: 64, classes: 10 }))),
    E.bind("few", () => pick(examples, Uint32Array.of(0, 1, 2, 3, 4, 5, 6, 7))),
    E.tap(({ model, few }) => E.right(check(model, few))),
    E.bind("trained", ({ model }) => fit(model, examples)),
    E.bind("unseen", () => pick(halved(test), Uint32Array.from({ length: test.rows }, (_, i) => i))),
    E.chain(({ trained, unseen }) => evaluate(trained, unseen)),
  );
}

const result = run();
if (result._tag === "Right") {
  const { accuracy, loss, examples } = result.right;
  console.log(`test accuracy ${(100 * accuracy).toFixed(1)}%, loss ${loss.toFixed(3)} (${examples} images)`);
} else {
  console.error(showError(result.left));
  process.exitCode = 1;
}

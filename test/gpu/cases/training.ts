// Training on real data: what it reaches, what crosses the bus, and what is left of it when the device is lost.

import {
  type Batch,
  batch,
  type Damping,
  evaluate,
  fgnStep,
  getOrThrow,
  matrix,
  mlp,
  type Network,
  relative,
  zeroHead,
} from "../../../mod.ts";
import type { Backend, Resident, ResidentBatch, ResidentStep, Traffic } from "../../../src/gpu/gpu.ts";
import { below, type Case, check, close, type Digits, done, equal } from "../check.ts";
import { gramBytes } from "./handles.ts";

/** Features and classes of the digits; examples of a batch. */
const INPUTS = 784, CLASSES = 10, SIZE = 64;

/** The images as a batch, or those from `from` to `to`. */
function images({ pixels, labels }: Digits, from = 0, to = labels.length): Batch {
  const bytes = pixels.slice(from * INPUTS, to * INPUTS);
  const features = getOrThrow(matrix(to - from, INPUTS, Float32Array.from(bytes, (v) => v / 255)));
  return getOrThrow(batch({ features, labels: labels.slice(from, to) }));
}

/** All the images in batches. */
const batches = (digits: Digits): Batch[] =>
  Array.from({ length: digits.labels.length / SIZE }, (_, n) => images(digits, n * SIZE, (n + 1) * SIZE));

/** A run on a backend: where it stands. */
interface Run {
  readonly params: Resident;
  readonly damping: Damping;
  readonly losses: readonly number[];
}

/** Steps over the batches, round and round; the parameters of the run are given away. */
async function train(backend: Backend, held: readonly ResidentBatch[], run: Run, steps: number): Promise<Run> {
  let { params, damping } = run;
  const losses = [...run.losses];
  for (let n = 0; n < steps; n++) {
    const next = held[losses.length % held.length] as ResidentBatch;
    const step: ResidentStep = await done(backend.fgnStep(params, next, damping, { donate: true }));
    ({ params, damping } = step);
    losses.push(step.report.lossBefore);
  }
  return { params, damping, losses };
}

/** The same on the CPU, through `fgnStep`. */
function trainHere(model: Network, data: readonly Batch[], first: Damping, steps: number) {
  let params = model, damping = first;
  const losses: number[] = [];
  for (let n = 0; n < steps; n++) {
    const step = getOrThrow(fgnStep(params, data[n % data.length] as Batch, damping));
    ({ params, damping } = step);
    losses.push(step.report.lossBefore);
  }
  return { params, losses };
}

const mean = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0) / values.length;

/** Two models of the digits, and how many steps each takes; the steps on the network go over the data five times. */
const MODELS: readonly (readonly [string, number, number, () => Network])[] = [
  ["a head", 60, 0.8, () => getOrThrow(zeroHead({ features: INPUTS, classes: CLASSES }))],
  ["a network", 140, 0.85, () => getOrThrow(mlp({ inputs: INPUTS, hidden: [32], classes: CLASSES, seed: 3 }))],
];

const digits: Case = {
  name: "digits: steps learn what they learn on the CPU, and move Gram matrices, solutions and reports alone",
  long: true,
  run: async (backend, { train: examples, test }) => {
    const data = batches(examples), unseen = images(test);
    const held: ResidentBatch[] = [];
    for (const one of data) held.push(await done(backend.batchOnDevice(one)));
    const judged = await done(backend.batchOnDevice(unseen));
    for (const [name, steps, least, make] of MODELS) {
      const model = make(), damping = relative(1);
      const start = { params: await done(backend.onDevice(model)), damping, losses: [] };
      const warm = await train(backend, held, start, 2), before = backend.traffic();
      const end = await train(backend, held, warm, steps - 2), after = backend.traffic();
      const want = trainHere(model, data, damping, steps);
      // Rounding grows with the steps: single losses agree at first, means and what is learnt to the end.
      want.losses.slice(0, 10).forEach((loss, n) => close(end.losses[n], loss, 1e-3, `${name}: loss of step ${n}`));
      close(mean(end.losses.slice(-25)), mean(want.losses.slice(-25)), 0.03, `${name}: the last losses`);
      const got = await done(backend.evaluate(end.params, judged)),
        expected = getOrThrow(evaluate(want.params, unseen));
      below(least, expected.accuracy, `${name}: accuracy on the CPU`);
      close(got.accuracy, expected.accuracy, 0.015, `${name}: accuracy`);
      close(got.loss, expected.loss, 0.05, `${name}: loss of the test`);
      const attempts = end.losses.length - 2, none = backend.name === "cpu" ? 0 : attempts;
      const moved = (what: keyof Traffic): number => after[what] - before[what];
      equal([moved("bytesUp"), moved("uploads")], [none * 4 * SIZE, none], `${name}: up`);
      equal(moved("bytesDown"), none * (gramBytes(SIZE) + 2 * 16 * SIZE + 4), `${name}: down`);
      check(moved("buffers") <= 0 && moved("bytes") <= 0, `${name}: buffers that stay`);
      backend.release(end.params);
    }
    for (const one of [...held, judged]) backend.release(one);
  },
};

/** Nine of ten rows of zeros are of class 0. */
const zeros: Case = {
  name: "rows of zeros: biases learn the shares of the classes",
  run: async (backend) => {
    const labels = Uint32Array.from({ length: 10 }, (_, i) => i === 3 ? 1 : 0);
    const data = getOrThrow(batch({ features: getOrThrow(matrix(10, 6, new Float32Array(60))), labels }));
    const held = await done(backend.batchOnDevice(data));
    const models = [
      getOrThrow(zeroHead({ features: 6, classes: 2 })),
      getOrThrow(mlp({ inputs: 6, hidden: [8], classes: 2 })),
    ];
    for (const model of models) {
      const start = { params: await done(backend.onDevice(model)), damping: relative(1), losses: [] };
      const end = await train(backend, [held], start, 40);
      // −.9 log .9 − .1 log .1, within which float32 rounds losses of ten rows.
      close((await done(backend.evaluate(end.params, held))).loss, 0.325083, 1e-4, "loss");
      backend.release(end.params);
    }
    backend.release(held);
  },
};

export const training: readonly Case[] = [zeros, digits];

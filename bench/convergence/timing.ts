// Times of steps, for an otherwise idle machine: the best of several blocks of twenty, the methods in turn, so that what
// slows the machine for a while slows all of them.

import { type Batch, getOrThrow, lossAndGradient, type Network } from "../../mod.ts";
import { picker } from "../../src/data/select.ts";
import { bundleGradients, startTfjs, tfjsModel } from "../support/tfjs.ts";
import { adam } from "./adam.ts";
import { centreOf, type Method } from "./methods.ts";
import type { Entry } from "./results.ts";
import { BATCH, type Data, initial, type Task } from "./tasks.ts";

/** Steps of a block, blocks of a method, and steps before the first of them. */
const BLOCK = 20, BLOCKS = 6, WARM_UP = 10;

/** What users of TensorFlow.js run today; for timing alone. */
export const TFJS = { id: "tfjs-adam", title: "Adam in tfjs-wasm" } as const;

/** Milliseconds of a step by method. */
export type Times = Readonly<Record<string, number>>;

interface Stepper {
  readonly id: string;
  readonly step: (batch: Batch) => void;
}

/** Steps of a method from the start, as training takes them. */
function stepper(task: Task, method: Method, { chosen }: Entry): Stepper {
  const optimizer = method.make(chosen?.averaged ?? centreOf(method, task.id));
  let params: Network = initial(task, 1), state = optimizer.init(params);
  const step = (batch: Batch): void => {
    ({ params, state } = getOrThrow(optimizer.update(params, state, batch, { donate: true })));
  };
  return { id: method.id, step };
}

/** A rate for tfjs, and how far its loss may be from ours after the steps of the warm-up. */
const RATE = 0.003, CLOSE = 0.01;

/** Steps of tfjs, which does what our Adam does. */
async function peer(task: Task, batchAt: (k: number) => Batch): Promise<Stepper> {
  await bundleGradients();
  await startTfjs();
  const optimizer = adam(RATE), { step: stepBy, loss } = tfjsModel(initial(task, 1));
  const step = (batch: Batch): void => stepBy("adam", RATE, batch);
  let params: Network = initial(task, 1), state = optimizer.init(params);
  for (let k = 0; k < WARM_UP; k++) {
    step(batchAt(k));
    ({ params, state } = getOrThrow(optimizer.update(params, state, batchAt(k))));
  }
  const ours = getOrThrow(lossAndGradient(params, batchAt(0))).loss, theirs = loss(batchAt(0));
  if (!(Math.abs(theirs / ours - 1) < CLOSE)) throw new Error(`the loss of tfjs is ${theirs}, ours ${ours}`);
  return { id: TFJS.id, step };
}

/** Times the methods and tfjs on a task. */
export async function timeSteps(
  task: Task,
  { train }: Data,
  methods: readonly Method[],
  entryOf: (method: Method) => Entry,
): Promise<Times> {
  const pick = picker(train, BATCH, true);
  const batchAt = (k: number): Batch =>
    pick(Uint32Array.from({ length: BATCH }, (_, i) => (k * BATCH + i) % train.features.rows));
  const steppers = methods.map((method) => stepper(task, method, entryOf(method)));
  steppers.push(await peer(task, batchAt));
  for (const { step } of steppers) for (let k = 0; k < WARM_UP; k++) step(batchAt(k));
  const best: Record<string, number> = {};
  for (let block = 0; block < BLOCKS; block++) {
    for (const { id, step } of steppers) {
      const start = performance.now();
      for (let k = 0; k < BLOCK; k++) step(batchAt(block * BLOCK + k));
      best[id] = Math.min(best[id] ?? Infinity, (performance.now() - start) / BLOCK);
    }
  }
  return best;
}

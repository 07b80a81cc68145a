// One run of `npm run bench`: the FGN step against our own gradient step on the same kernels, a square product
// against tfjs-wasm's, and a training step on sparse features against dense ones, as ratios of best times. Prints
// two tables, writes bench/results.json. FGN_BENCH_MS sets the time of one measurement (default 1000).

import { mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import process from "node:process";
import { measure } from "mitata";
import * as tf from "@tensorflow/tfjs-core";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import {
  type Batch,
  batch,
  dense,
  embedding,
  fgnStep,
  initialise,
  matrix,
  mlp,
  type Network,
  relative,
  relu,
  seedRandom,
  shuffle,
  zeroHead,
} from "../mod.ts";
import { loadUdhr, loadUdhrSparse } from "../examples/data/udhr.ts";
import { picker } from "../src/gather.ts";
import { f32, f64, place } from "../src/kernel/arena.ts";
import { defaultKernel } from "../src/kernel/kernel.ts";
import { margins } from "../src/kernel/rows.ts";
import { addDual, sendBack } from "../src/kernel/jacobian.ts";
import { forward, storeVector } from "../src/kernel/tape.ts";
import { arraysOf } from "../src/network/flat.ts";
import { copyModel } from "../src/network/model.ts";
import { openBatch } from "../src/session.ts";
import { stepInto } from "../src/step.ts";
import { problem, right, uniform } from "../test/reference.ts";

const MILLISECONDS = Number(process.env["FGN_BENCH_MS"] ?? 1000);

/** Best time in milliseconds over the runs of one measurement. */
async function best(run: () => unknown): Promise<number> {
  const { min } = await measure(run, { min_cpu_time: MILLISECONDS * 1e6 });
  return min / 1e6;
}

/** Forward, backward and update with a fixed rate, on the same kernels and through the same boundary. */
function gradientStep(model: Network, data: Batch): Network {
  const { ws } = right(openBatch(model, data, { signals: true }, {}));
  const { kernel, tape, at, rows } = ws;
  forward(tape, { vector: tape.theta, trial: false });
  margins(ws);
  sendBack(ws, at.exponentials);
  const slope = f64(kernel, at.slope, rows), dual = f64(kernel, at.dual, rows);
  for (let i = 0; i < rows; i++) dual[i] = 0.1 * (slope[i] as number);
  addDual(ws, at.dual, tape.theta);
  const stepped = copyModel(model);
  storeVector(tape, tape.theta, arraysOf(stepped));
  return stepped;
}

interface Row {
  readonly what: string;
  readonly ours: number;
  readonly peer: string;
  readonly theirs: number;
  readonly ratio: number;
  /** What the ratio divides. */
  readonly ratioOf: string;
}

/** The FGN step on one model against the gradient step, with and without the loss after it. */
async function against(name: string, model: Network, data: Batch): Promise<Row[]> {
  const peer = "gradient step", theirs = await best(() => gradientStep(model, data));
  const rows: Row[] = [];
  for (const lossAfter of [true, false]) {
    const ours = await best(() => right(fgnStep(model, data, 0.1, { lossAfter })));
    const what = `fgnStep ${name}${lossAfter ? "" : ", no loss after"}`;
    rows.push({ what, ours, peer, theirs, ratio: ours / theirs, ratioOf: "fgnStep / gradient step" });
  }
  return rows;
}

async function stepRows(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [B, D, C] of [[32, 384, 10], [128, 784, 10], [128, 384, 100], [128, 384, 1000]] as const) {
    const { head, data } = problem(B, D, C, { spread: 0.05 });
    rows.push(...await against(`${B}×${D}×${C}`, head, data));
  }
  for (const hidden of [128, 256]) {
    const { data } = problem(128, 784, 10);
    const model = right(mlp({ inputs: 784, hidden: [hidden], classes: 10, seed: 1 }));
    rows.push(...await against(`128×784×${hidden}×10 relu`, model, data));
  }
  return rows;
}

async function productRows(): Promise<Row[]> {
  setWasmPaths(`${dirname(createRequire(import.meta.url).resolve("@tensorflow/tfjs-backend-wasm"))}/`);
  await tf.setBackend("wasm");
  const rows: Row[] = [];
  for (const [m, k, n] of [[128, 128, 128], [512, 512, 512], [128, 784, 10]] as const) {
    const kernel = right(defaultKernel());
    const at = right(place(kernel, { a: 4 * m * k, b: 4 * k * n, packed: 4 * k * (n + 4), c: 4 * m * n }));
    f32(kernel, at.a, m * k).set(uniform(m * k, 1));
    f32(kernel, at.b, k * n).set(uniform(k * n, 2));
    const a = tf.tensor2d(uniform(m * k, 1), [m, k]), b = tf.tensor2d(uniform(k * n, 2), [k, n]);
    const check = tf.matMul(a, b).dataSync();
    const run = (): void => {
      f32(kernel, at.c, m * n).fill(0);
      kernel.exports.packRows(at.b, k, n, at.packed);
      for (let i = 0; i < m; i += 64) {
        kernel.exports.product(i, Math.min(m, i + 64), n, k, at.a, k, at.packed, at.c, n);
      }
    };
    run();
    const off = f32(kernel, at.c, m * n).reduce((most, v, i) => Math.max(most, Math.abs(v - (check[i] as number))), 0);
    if (off > 1e-3) throw new Error(`the products differ by ${off}`);
    const ours = await best(run);
    const theirs = await best(() => tf.matMul(a, b).dispose());
    const what = `product ${m}×${k}×${n}`;
    rows.push({ what, ours, peer: "tfjs-wasm", theirs, ratio: theirs / ours, ratioOf: "tfjs-wasm / ours" });
  }
  return rows;
}

interface SparseRow {
  readonly what: string;
  readonly ours: number;
  /** Its time over that of the dense network. */
  readonly ratio: number;
}

/** The features of the same 128 texts, sparse and dense. */
function texts(): { readonly sparse: Batch; readonly dense: Batch } {
  const many = loadUdhrSparse().train, few = loadUdhr();
  const { order } = shuffle(many.rows, seedRandom(1));
  const pick = (data: Batch): Batch => picker(data, 128, false)(order.subarray(0, 128));
  const features = right(matrix(few.train.rows, few.columns, few.train.features));
  return {
    sparse: pick(right(batch({ features: many.features, labels: many.labels }))),
    dense: pick(right(batch({ features, labels: few.train.labels }))),
  };
}

/** A step as `train` takes it: in place, without the loss after it. */
const trainingStep = (model: Network, data: Batch): number =>
  right(stepInto(model, data, relative(1), { lossAfter: false }, { _tag: "fgn" }, () => model)).report
    .lossBefore;

async function sparseRows(): Promise<SparseRow[]> {
  const data = texts(), classes = 522, hidden = 64;
  const { cols } = data.sparse.features, inputs = data.dense.features.cols;
  const wide = right(initialise({ inputs: cols, layers: [embedding(hidden), relu(), dense(classes)], seed: 1 }));
  const narrow = right(mlp({ inputs, hidden: [hidden], classes, seed: 1 }));
  const head = right(zeroHead({ features: inputs, classes }));
  const ours = await best(() => trainingStep(wide, data.sparse));
  const theirs = await best(() => trainingStep(narrow, data.dense));
  const linear = await best(() => trainingStep(head, data.dense));
  return [
    { what: `sparse ${cols} → ${hidden} → ${classes}`, ours, ratio: ours / theirs },
    { what: `dense ${inputs} → ${hidden} → ${classes}`, ours: theirs, ratio: 1 },
    { what: `dense ${inputs} → ${classes}, a linear head`, ours: linear, ratio: linear / theirs },
  ];
}

const runtime = process.versions["deno"] !== undefined
  ? `Deno ${process.versions["deno"]}`
  : process.versions["bun"] !== undefined
  ? `Bun ${process.versions["bun"]}`
  : `Node ${process.versions.node}`;
const rows = [...await stepRows(), ...await productRows()];
console.log(`${runtime}, best times in ms; steps: lower ratios are better, products: higher`);
console.table(rows.map(({ what, ours, peer, theirs, ratio, ratioOf }) => ({
  what,
  ours: ours.toFixed(3),
  peer,
  theirs: theirs.toFixed(3),
  ratio: ratio.toFixed(2),
  "ratio of": ratioOf,
})));
const sparse = await sparseRows();
console.log(`A training step on 128 texts of the UDHR, relative(1), in place; best times in ms`);
console.table(sparse.map(({ what, ours, ratio }) => ({
  what,
  ms: ours.toFixed(3),
  "ratio to the dense network": ratio.toFixed(2),
})));
mkdirSync("bench", { recursive: true });
writeFileSync("bench/results.json", `${JSON.stringify({ runtime, rows, sparse }, null, 2)}\n`);

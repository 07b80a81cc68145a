// One run of `npm run bench`: the FGN step against our own gradient step on the same kernels, and a square
// product against tfjs-wasm's, as ratios of best times. Prints a table, writes bench/results.json.

import { mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import process from "node:process";
import { measure } from "mitata";
import * as tf from "@tensorflow/tfjs-core";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import { fgnStep, type LinearHead } from "../mod.ts";
import { f32, f64, place } from "../src/kernel/arena.ts";
import { defaultKernel } from "../src/kernel/kernel.ts";
import * as linear from "../src/kernel/linear.ts";
import { openBatch } from "../src/session.ts";
import { problem, right, uniform } from "../test/reference.ts";

/** Best time in milliseconds over about a second of runs. */
async function best(run: () => unknown): Promise<number> {
  const { min } = await measure(run, { min_cpu_time: 1e9 });
  return min / 1e6;
}

/** Forward, gradient and update with a fixed rate, on the same kernels and through the same boundary. */
function gradientStep(head: LinearHead, data: ReturnType<typeof problem>["data"]): LinearHead {
  const ws = right(openBatch(head, data, { update: true, system: false, retry: false }, {}));
  linear.forward(ws);
  linear.margins(ws);
  const slope = f64(ws.kernel, ws.at.slope, ws.rows), dual = f64(ws.kernel, ws.at.dual, ws.rows);
  for (let i = 0; i < ws.rows; i++) dual[i] = 0.1 * (slope[i] as number);
  linear.backProject(ws, ws.at.dual);
  const weight = new Float32Array(head.weight.data.length), bias = head.bias && new Float32Array(head.bias.length);
  linear.readParameters(ws, { weight, bias });
  return { _tag: "linear", weight: { ...head.weight, data: weight }, bias };
}

interface Row {
  readonly what: string;
  readonly ours: number;
  readonly peer: string;
  readonly theirs: number;
  /** ours/theirs for steps, theirs/ours for products. */
  readonly ratio: number;
}

async function stepRows(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [B, D, C] of [[32, 384, 10], [128, 784, 10], [128, 384, 100], [128, 384, 1000]] as const) {
    const { head, data } = problem(B, D, C, { spread: 0.05 });
    const theirs = await best(() => gradientStep(head, data));
    for (const lossAfter of [true, false]) {
      const ours = await best(() => fgnStep(head, data, 0.1, { lossAfter }));
      const what = `fgnStep ${B}×${D}×${C}${lossAfter ? "" : ", no loss after"}`;
      rows.push({ what, ours, peer: "gradient step", theirs, ratio: ours / theirs });
    }
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
    rows.push({ what: `product ${m}×${k}×${n}`, ours, peer: "tfjs-wasm", theirs, ratio: theirs / ours });
  }
  return rows;
}

const runtime = process.versions["deno"] !== undefined
  ? `Deno ${process.versions["deno"]}`
  : process.versions["bun"] !== undefined
  ? `Bun ${process.versions["bun"]}`
  : `Node ${process.versions.node}`;
const rows = [...await stepRows(), ...await productRows()];
console.log(`${runtime}, best times in ms; steps: ours / theirs (lower is better), products: theirs / ours (higher)`);
console.table(rows.map(({ what, ours, peer, theirs, ratio }) => ({
  what,
  ours: ours.toFixed(3),
  peer,
  theirs: theirs.toFixed(3),
  ratio: ratio.toFixed(2),
})));
mkdirSync("bench", { recursive: true });
writeFileSync("bench/results.json", `${JSON.stringify({ runtime, rows }, null, 2)}\n`);

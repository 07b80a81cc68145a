// C = A·B in float32, ours with the packing of B, against tfjs-wasm and onnxruntime-web, all on one thread. The latter
// copies its operands in and the result out at every run: that is how it is called.

import { readFileSync } from "node:fs";
import * as tf from "@tensorflow/tfjs-core";
import * as ort from "onnxruntime-web/wasm";
import { getOrThrow } from "../../mod.ts";
import { f32, place } from "../../src/kernel/arena.ts";
import { defaultKernel } from "../../src/kernel/kernel.ts";
import { uniform } from "../../test/support/reference.ts";
import type { Contender } from "../support/race.ts";
import { matMulModel } from "./matmul_model.ts";
import { type Case, measure } from "./measure.ts";

const SHAPES = [
  [128, 128, 128],
  [256, 256, 256],
  [512, 512, 512],
  [1024, 1024, 1024],
  [128, 784, 10],
  [130, 390, 27],
  [33, 65, 129],
] as const;

/** The largest difference that rounding explains, by the size of a term and their number. */
const ROUNDING = 1e-5;

/** Rows of a call of ours: V8 replaces code between calls only. */
const BLOCK = 64;

interface Operands {
  readonly m: number;
  readonly k: number;
  readonly n: number;
  readonly a: Float32Array;
  readonly b: Float32Array;
}

/** A contender that can show what it computes. */
interface Product extends Contender {
  readonly result: () => Float32Array | Promise<Float32Array>;
}

function own({ m, k, n, a, b }: Operands): Product {
  const kernel = getOrThrow(defaultKernel());
  const at = getOrThrow(place(kernel, { a: 4 * m * k, b: 4 * k * n, packed: 4 * k * (n + 4), c: 4 * m * n }));
  f32(kernel, at.a, m * k).set(a);
  f32(kernel, at.b, k * n).set(b);
  const run = (): void => {
    f32(kernel, at.c, m * n).fill(0);
    kernel.exports.packRows(at.b, k, n, at.packed);
    for (let i = 0; i < m; i += BLOCK) {
      kernel.exports.product(i, Math.min(m, i + BLOCK), n, k, at.a, k, at.packed, at.c, n);
    }
  };
  return { name: "fgn", run, result: () => f32(kernel, at.c, m * n) };
}

function tfjs({ m, k, n, a, b }: Operands): Product {
  const left = tf.tensor2d(a, [m, k]), rightSide = tf.tensor2d(b, [k, n]);
  return {
    name: "tfjs-wasm",
    run: () => tf.matMul(left, rightSide).dispose(),
    result: () => tf.matMul(left, rightSide).dataSync() as Float32Array,
  };
}

/** Makes onnxruntime-web ready: one thread, and its module from the disk, which not every runtime can fetch from. */
function startOnnx(): void {
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmBinary = readFileSync("node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm");
}

async function onnx({ m, k, n, a, b }: Operands): Promise<Product> {
  const session = await ort.InferenceSession.create(matMulModel(m, k, n), { executionProviders: ["wasm"] });
  const feeds = { a: new ort.Tensor("float32", a, [m, k]), b: new ort.Tensor("float32", b, [k, n]) };
  const result = async (): Promise<Float32Array> => (await session.run(feeds))["c"]?.data as Float32Array;
  return { name: "onnxruntime-web", run: () => session.run(feeds), result };
}

async function check(what: string, { k }: Operands, products: readonly Product[]): Promise<void> {
  const [first, ...others] = products as [Product, ...Product[]];
  first.run();
  const expected = await first.result();
  for (const other of others) {
    const found = await other.result();
    const off = found.reduce((most, v, i) => Math.max(most, Math.abs(v - (expected[i] as number))), 0);
    if (!(off <= ROUNDING * k)) throw new Error(`${what}: ${other.name} differs by ${off}`);
  }
}

/** All products. */
export async function products(): Promise<Case[]> {
  startOnnx();
  const cases: Case[] = [];
  for (const [m, k, n] of SHAPES) {
    const what = `${m}×${k}×${n}`, operands = { m, k, n, a: uniform(m * k, 1), b: uniform(k * n, 2) };
    const contenders = [own(operands), tfjs(operands), await onnx(operands)];
    await check(what, operands, contenders);
    cases.push(await measure(what, 2 * m * k * n, contenders));
  }
  return cases;
}

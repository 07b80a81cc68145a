// ONNX files run by onnxruntime-web, on one thread.

import { readFileSync } from "node:fs";
import * as ort from "onnxruntime-web/wasm";
import type { Matrix } from "../../mod.ts";

ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmBinary = readFileSync("node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm");
ort.env.logLevel = "error";

/** An output: the type of its elements, its shape, and its values. */
export interface Output {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: ArrayLike<unknown>;
}

/** An input. */
export type Input = ort.Tensor;

/** The workers of this runtime, in whose place what Emscripten compiled puts those of Node, for all tests of a process. */
const { Worker } = globalThis;

/** Opens a file; gives the names of its outputs, and what runs it. */
export async function openModel(file: Uint8Array) {
  const session = await ort.InferenceSession.create(file, { executionProviders: ["wasm"] });
  if (Worker !== undefined) globalThis.Worker = Worker;
  const run = async (feeds: Readonly<Record<string, Input>>): Promise<Readonly<Record<string, Output>>> =>
    await session.run({ ...feeds }) as unknown as Readonly<Record<string, Output>>;
  return { inputs: session.inputNames, outputs: session.outputNames, run };
}

/** Whole numbers as an input. */
export const integers = (values: readonly number[], dims: readonly number[]): Input =>
  new ort.Tensor("int64", BigInt64Array.from(values, BigInt), dims);

/** A matrix as an input. */
export const rowsOf = ({ rows, cols, data }: Matrix): Input => new ort.Tensor("float32", data, [rows, cols]);

/** Runs a file of a classifier on rows. */
export const runOnnx = async (file: Uint8Array, rows: Matrix): Promise<Readonly<Record<string, Output>>> =>
  (await openModel(file)).run({ X: rowsOf(rows) });

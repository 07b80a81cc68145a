// tfjs on its WebAssembly backend, one thread: SGD and Adam by its own optimizers and automatic differentiation, and SGD
// written by hand on its operations. For networks of dense and relu layers. The rate is 0 where steps are timed: the
// arithmetic is the same, and the state stays what it is.

import { createRequire } from "node:module";
import { dirname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import * as tf from "@tensorflow/tfjs-core";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import type { Batch, Network } from "../../mod.ts";
import type { Contender } from "../race.ts";

const GRADIENTS = "node_modules/.cache/fgn/tfjs_gradients.mjs";

/** Bundles the gradients of tfjs, which are in its browser build alone; in Node. */
export async function bundleGradients(): Promise<void> {
  const { build } = await import("esbuild");
  await build({
    stdin: { contents: 'import "@tensorflow/tfjs-core/dist/register_all_gradients";', resolveDir: "." },
    outfile: GRADIENTS,
    bundle: true,
    platform: "node",
    format: "esm",
    mainFields: ["module", "main"],
  });
}

/** Makes tfjs ready. */
export async function startTfjs(): Promise<void> {
  setWasmPaths(`${dirname(createRequire(import.meta.url).resolve("@tensorflow/tfjs-backend-wasm"))}/`);
  tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", false);
  await import(pathToFileURL(resolve(GRADIENTS)).href);
  await tf.setBackend("wasm");
}

/** A model and a batch as tensors. */
export interface TfjsProblem {
  readonly sgd: (rate: number) => void;
  readonly adam: (rate: number) => void;
  readonly byHand: (rate: number) => void;
  /** The weights of the first layer, in × out. */
  readonly read: () => Float32Array;
  readonly dispose: () => void;
}

interface Weights {
  readonly weight: tf.Variable<tf.Rank.R2>;
  readonly bias: tf.Variable<tf.Rank.R1>;
}

const layersOf = (model: Network): Weights[] =>
  model.layers.flatMap((layer) => {
    if (layer._tag !== "dense") return [];
    const { rows, cols, data } = layer.weight;
    const outIn = tf.tensor2d(data, [rows, cols]);
    const weight = tf.variable(tf.transpose(outIn)) as tf.Variable<tf.Rank.R2>;
    outIn.dispose();
    return [{ weight, bias: tf.variable(tf.tensor1d(layer.bias ?? new Float32Array(rows))) }];
  });

/** The activations before each layer, and the logits. */
function activations(layers: readonly Weights[], x: tf.Tensor2D): tf.Tensor2D[] {
  const values = [x];
  layers.forEach(({ weight, bias }, i) => {
    const z = tf.add(tf.matMul(values[i] as tf.Tensor2D, weight), bias) as tf.Tensor2D;
    values.push(i + 1 < layers.length ? tf.relu(z) : z);
  });
  return values;
}

function stepByHand(layers: readonly Weights[], x: tf.Tensor2D, y: tf.Tensor2D, rate: number): void {
  const values = activations(layers, x), rows = x.shape[0];
  let signal: tf.Tensor2D = tf.sub(tf.softmax(values[layers.length] as tf.Tensor2D), y);
  for (let i = layers.length - 1; i >= 0; i--) {
    const { weight, bias } = layers[i] as Weights, input = values[i] as tf.Tensor2D;
    const slope = tf.matMul(input, signal, true, false), sums: tf.Tensor1D = tf.sum(signal, 0);
    if (i > 0) signal = tf.mul(tf.matMul(signal, weight, false, true), tf.step(input));
    weight.assign(tf.sub(weight, tf.mul(slope, rate / rows)));
    bias.assign(tf.sub(bias, tf.mul(sums, rate / rows)));
  }
}

/** Opens a problem in tfjs. */
export function tfjsProblem(model: Network, { features, labels }: Batch): TfjsProblem {
  const layers = layersOf(model), variables = layers.flatMap(({ weight, bias }) => [weight, bias] as tf.Variable[]);
  const x = tf.tensor2d(features.data, [features.rows, features.cols]);
  const indices = tf.tensor1d(Int32Array.from(labels), "int32");
  const y = tf.cast(tf.oneHot(indices, model.outputs), "float32") as tf.Tensor2D;
  const loss = (): tf.Scalar => tf.losses.softmaxCrossEntropy(y, activations(layers, x).at(-1) as tf.Tensor2D);
  const optimizers = new Map<string, tf.Optimizer>();
  const minimize = (name: "sgd" | "adam", rate: number): void => {
    const key = `${name} ${rate}`, optimizer = optimizers.get(key) ?? tf.train[name](rate);
    optimizers.set(key, optimizer);
    optimizer.minimize(loss, false, variables);
  };
  return {
    sgd: (rate) => minimize("sgd", rate),
    adam: (rate) => minimize("adam", rate),
    byHand: (rate) => tf.tidy(() => stepByHand(layers, x, y, rate)),
    read: () => (layers[0] as Weights).weight.dataSync() as Float32Array,
    dispose: () => {
      optimizers.forEach((optimizer) => optimizer.dispose());
      tf.dispose([...variables, x, y, indices]);
    },
  };
}

/** The steps of tfjs. */
export const tfjsSteps = ({ sgd, adam, byHand }: TfjsProblem): readonly Contender[] => [
  { name: "tfjs SGD", run: () => sgd(0) },
  { name: "tfjs Adam", run: () => adam(0) },
  { name: "tfjs by hand", run: () => byHand(0) },
];

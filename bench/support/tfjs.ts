// tfjs on its WebAssembly backend, one thread: SGD and Adam by its own optimizers and automatic differentiation, and SGD
// written by hand on its operations. For networks of dense and relu layers.

import { createRequire } from "node:module";
import { dirname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import * as tf from "@tensorflow/tfjs-core";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import type { Batch, Network } from "../../mod.ts";
import type { Contender } from "./race.ts";

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

interface Weights {
  readonly weight: tf.Variable<tf.Rank.R2>;
  readonly bias: tf.Variable<tf.Rank.R1>;
}

/** A batch as tensors. */
interface Tensors {
  readonly x: tf.Tensor2D;
  readonly y: tf.Tensor2D;
}

/** Rules of tfjs. */
export type Rule = "sgd" | "adam";

/** Weights with an input a row, as tfjs has them. */
const layersOf = (model: Network): Weights[] =>
  model.layers.flatMap((layer) => {
    if (layer._tag !== "dense") return [];
    const { rows, cols, data } = layer.weight;
    // A copy: on a CPU tfjs keeps the array that it is given.
    const weight = tf.tidy(() => tf.transpose(tf.tensor2d(data.slice(), [rows, cols])));
    return [{
      weight: tf.variable(weight),
      bias: tf.variable(tf.tensor1d(layer.bias?.slice() ?? new Float32Array(rows))),
    }];
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

function stepByHand(layers: readonly Weights[], { x, y }: Tensors, rate: number): void {
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

function tensors({ features, labels }: Batch, classes: number): Tensors {
  const x = tf.tensor2d(features.data, [features.rows, features.cols]);
  const y = tf.tidy(() => tf.cast(tf.oneHot(tf.tensor1d(Int32Array.from(labels), "int32"), classes), "float32"));
  return { x, y: y as tf.Tensor2D };
}

/** A model in tfjs. */
export interface TfjsModel {
  /** A step on a batch whose tensors are made for it. */
  readonly step: (rule: Rule, rate: number, batch: Batch) => void;
  /** Its mean cross-entropy on a batch. */
  readonly loss: (batch: Batch) => number;
  /** The same batch for every step, as tensors that are kept. */
  readonly on: (batch: Batch) => TfjsProblem;
}

/** A model and a batch as tensors. */
export interface TfjsProblem {
  readonly step: (rule: Rule, rate: number) => void;
  readonly byHand: (rate: number) => void;
  /** The weights of the first layer, in × out. */
  readonly read: () => Float32Array;
  /** Frees the tensors, the model's among them. */
  readonly dispose: () => void;
}

/** Opens a model in tfjs. */
export function tfjsModel(model: Network): TfjsModel {
  const layers = layersOf(model), variables = layers.flatMap(({ weight, bias }) => [weight, bias] as tf.Variable[]);
  const optimizers = new Map<string, tf.Optimizer>();
  const lossOn = ({ x, y }: Tensors): tf.Scalar =>
    tf.losses.softmaxCrossEntropy(y, activations(layers, x).at(-1) as tf.Tensor2D);
  const minimize = (rule: Rule, rate: number, data: Tensors): void => {
    const key = `${rule} ${rate}`, optimizer = optimizers.get(key) ?? tf.train[rule](rate);
    optimizers.set(key, optimizer);
    optimizer.minimize(() => lossOn(data), false, variables);
  };
  const using = <A>(batch: Batch, use: (data: Tensors) => A): A => {
    const data = tensors(batch, model.outputs);
    try {
      return use(data);
    } finally {
      tf.dispose([data.x, data.y]);
    }
  };
  return {
    step: (rule, rate, batch) => using(batch, (data) => minimize(rule, rate, data)),
    loss: (batch) => using(batch, (data) => tf.tidy(() => lossOn(data).dataSync()[0] as number)),
    on: (batch) => {
      const data = tensors(batch, model.outputs);
      return {
        step: (rule, rate) => minimize(rule, rate, data),
        byHand: (rate) => tf.tidy(() => stepByHand(layers, data, rate)),
        read: () => (layers[0] as Weights).weight.dataSync() as Float32Array,
        dispose: () => {
          optimizers.forEach((optimizer) => optimizer.dispose());
          tf.dispose([...variables, data.x, data.y]);
        },
      };
    },
  };
}

/** The steps of tfjs. The rate is 0: the arithmetic is the same, and the state stays what it is. */
export const tfjsSteps = ({ step, byHand }: TfjsProblem): readonly Contender[] => [
  { name: "tfjs SGD", run: () => step("sgd", 0) },
  { name: "tfjs Adam", run: () => step("adam", 0) },
  { name: "tfjs by hand", run: () => byHand(0) },
];

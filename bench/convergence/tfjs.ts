// Adam as a user of TensorFlow.js would run it today: automatic differentiation and `tf.train.adam` on its WebAssembly
// backend. For timing alone.

import { createRequire } from "node:module";
import { dirname } from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import type { Batch, Network } from "../../mod.ts";

export const TFJS = { id: "tfjs-adam", title: "Adam in tfjs-wasm" } as const;

interface Layer {
  readonly weight: tf.Variable<tf.Rank.R2>;
  readonly bias: tf.Variable<tf.Rank.R1>;
}

/**
 * The gradients of the operations below, as tfjs-core defines them: its build for Node has the operations alone, and the
 * package `@tensorflow/tfjs`, which would add them, is not installed.
 */
function registerGradients(): void {
  const register = (kernelName: string, inputsToSave: string[], gradFunc: tf.GradConfig["gradFunc"]): void =>
    tf.registerGradient({ kernelName, inputsToSave, gradFunc });
  register(tf.BatchMatMul, ["a", "b"], (dy, saved) => {
    const [a, b] = saved as [tf.Tensor2D, tf.Tensor2D], d = dy as tf.Tensor2D;
    return { a: () => tf.matMul(d, b, false, true), b: () => tf.matMul(a, d, true, false) };
  });
  // A bias is the same for all rows.
  register(tf.Add, ["a", "b"], (dy) => ({ a: () => dy as tf.Tensor, b: () => tf.sum(dy as tf.Tensor, 0) }));
  register(tf.Relu, ["x"], (dy, [x]) => ({ x: () => tf.mul(dy as tf.Tensor, tf.step(x as tf.Tensor)) }));
  register(tf.Mean, ["x"], (dy, [x]) => {
    const from = x as tf.Tensor;
    return { x: () => tf.mul(tf.div(dy as tf.Tensor, from.size), tf.onesLike(from)) };
  });
}

/** The dense layers as variables, weights with an input a row as tfjs has them. */
function layersOf(params: Network): Layer[] {
  return params.layers.flatMap((layer) => {
    if (layer._tag !== "dense" || layer.bias === null) return [];
    const { rows, cols, data } = layer.weight;
    const weight = tf.tidy(() => tf.transpose(tf.tensor2d(data.slice(), [rows, cols])));
    return [{ weight: tf.variable(weight), bias: tf.variable(tf.tensor1d(layer.bias.slice())) }];
  });
}

/** A model in tfjs. */
export interface TfjsModel {
  /** One step on a batch of dense features. */
  readonly step: (batch: Batch) => void;
  /** Its mean cross-entropy on a batch. */
  readonly loss: (batch: Batch) => number;
}

/** Adam from the parameters of a network of dense layers with ReLU between. */
export async function tfjsAdam(params: Network, rate: number): Promise<TfjsModel> {
  setWasmPaths(`${dirname(createRequire(import.meta.url).resolve("@tensorflow/tfjs-backend-wasm"))}/`);
  await tf.setBackend("wasm");
  registerGradients();
  const layers = layersOf(params), optimizer = tf.train.adam(rate);
  const logits = (x: tf.Tensor2D): tf.Tensor2D =>
    layers.reduce((values, { weight, bias }, i) => {
      const sum: tf.Tensor2D = tf.add(tf.matMul(values, weight), bias);
      return i + 1 < layers.length ? tf.relu(sum) : sum;
    }, x);
  const lossOn = ({ features: { rows, cols, data }, labels }: Batch): () => tf.Scalar => {
    const x = tf.tensor2d(data, [rows, cols]);
    const y = tf.oneHot(tf.tensor1d(Int32Array.from(labels), "int32"), params.outputs);
    return () => tf.mean(tf.losses.softmaxCrossEntropy(y, logits(x), undefined, 0, tf.Reduction.NONE));
  };
  return {
    step: (batch) => tf.tidy(() => void optimizer.minimize(lossOn(batch))),
    loss: (batch) => tf.tidy(() => lossOn(batch)().dataSync()[0] as number),
  };
}

// The heads that the worker should come to, by the library alone.

import {
  adapt,
  batch,
  getOrThrow,
  matrix,
  type Network,
  type OnlineState,
  probabilities,
  seedRandom,
  type Tensor,
  writeSafetensors,
  zeroHead,
} from "../../../mod.ts";
import { drawFrom, type Source } from "../../../src/math/random.ts";
import type { Labels, Rows } from "./client.ts";

/** A head that learns as the worker does. */
export class Reference {
  network: Network | null = null;
  state: OnlineState = { steps: 0, examples: 0, layers: [] };
  labels: readonly string[] = [];

  /** The same head, to go on from by itself. */
  copy(): Reference {
    return Object.assign(new Reference(), this);
  }

  learn(embeddings: Rows, labels: Labels): void {
    const names = labels.map(String), all = [...new Set([...this.labels, ...names])];
    const features = (embeddings[0] as readonly number[]).length;
    let network = this.network ?? getOrThrow(zeroHead({ features, classes: all.length }));
    for (let first = 0; first < embeddings.length; first += 16) {
      const rows = embeddings.slice(first, first + 16);
      const data = getOrThrow(batch({
        features: getOrThrow(matrix(rows.length, features, rows.flat())),
        labels: names.slice(first, first + 16).map((name) => all.indexOf(name)),
      }));
      const { params, state } = getOrThrow(adapt(network, this.state, data));
      network = params;
      this.state = state;
    }
    this.network = network;
    this.labels = all;
  }

  /** Probabilities of examples, each in the order of the labels. */
  probabilities(embeddings: Rows): Float32Array[] {
    const features = getOrThrow(matrix(embeddings.length, embeddings[0]?.length ?? 0, embeddings.flat()));
    const { cols, data } = getOrThrow(probabilities(this.network as Network, features));
    return embeddings.map((_, i) => data.slice(i * cols, (i + 1) * cols));
  }

  /** The file of the head. */
  file(): Buffer {
    const { network, labels, state } = this;
    const [layer] = (network as Network).layers, [moments] = state.layers;
    if (layer?._tag !== "dense") throw new Error("no head");
    const { rows, cols, data } = layer.weight;
    return fileOf({
      weight: { shape: [rows, cols], data },
      bias: { shape: [rows], data: layer.bias as Float32Array },
      ...moments === undefined ? {} : {
        mean: { shape: [cols], data: moments.mean },
        variance: { shape: [cols], data: moments.variance },
        examples: { shape: [], data: Float64Array.of(state.examples) },
        steps: { shape: [], data: Float64Array.of(state.steps) },
      },
    }, labels);
  }
}

/** A file of tensors, with the labels of a head where they are given. */
export function fileOf(tensors: Readonly<Record<string, Tensor>>, labels?: unknown): Buffer<ArrayBuffer> {
  const metadata = labels === undefined ? {} : { metadata: new Map([["labels", JSON.stringify(labels)]]) };
  return Buffer.from(getOrThrow(writeSafetensors({ tensors: new Map(Object.entries(tensors)), ...metadata })));
}

/** A file by hand, whose header need not be true. */
export function raw(header: unknown, data: Uint8Array): Buffer<ArrayBuffer> {
  const text = Buffer.from(typeof header === "string" ? header : JSON.stringify(header)), size = Buffer.alloc(8);
  size.writeUInt32LE(text.length);
  return Buffer.concat([size, text, data]);
}

/** The tensors of what a head remembers: moments of embeddings about zero, of variance 1/3. */
export const memoryOf = (features: number): Readonly<Record<string, Tensor>> => ({
  mean: { shape: [features], data: new Float32Array(features) },
  variance: { shape: [features], data: new Float32Array(features).fill(1 / 3) },
  examples: { shape: [], data: Float64Array.of(1000) },
  steps: { shape: [], data: Float64Array.of(0) },
});

/** Examples of clusters: each class about a centre of its own. */
export class Clusters {
  readonly #random: Source;
  readonly #centres: Rows;

  constructor(readonly classes: number, readonly features: number, seed = 1) {
    this.#random = drawFrom(seedRandom(seed));
    this.#centres = Array.from({ length: classes }, () => this.#around(features, 1));
  }

  /** A number from 0 up to 1. */
  draw(): number {
    return this.#random.next() / 2 ** 32;
  }

  /** A whole number below n. */
  below(n: number): number {
    return Math.floor(this.draw() * n);
  }

  #around(features: number, size: number): number[] {
    return Array.from({ length: features }, () => Math.fround((2 * this.draw() - 1) * size));
  }

  /** An example of a class. */
  example(label: number): number[] {
    const centre = this.#centres[label] as readonly number[];
    return this.#around(this.features, 0.25).map((v, i) => Math.fround(v + (centre[i] as number)));
  }

  /** Examples of classes below `known`. */
  examples(count: number, known = this.classes): { embeddings: number[][]; labels: string[] } {
    const classes = Array.from({ length: count }, () => this.below(known));
    return { embeddings: classes.map((c) => this.example(c)), labels: classes.map((c) => `class ${c}`) };
  }
}

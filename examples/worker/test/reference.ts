// The heads that the worker should come to, by the library alone.

import {
  type Classifier,
  classifierOf,
  encodeClassifier,
  getOrThrow,
  type Label,
  learn,
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
  labels: readonly Label[] = [];
  fingerprint = "";

  /** The same head, to go on from by itself. */
  copy(): Reference {
    return Object.assign(new Reference(), this);
  }

  /** The head as a classifier. */
  classifier(): Classifier {
    const { network, state: moments, labels, fingerprint } = this;
    return { ...getOrThrow(classifierOf(network as Network, labels)), moments, fingerprint };
  }

  learn(embeddings: Rows, labels: Labels): void {
    const names = labels.map(String), features = (embeddings[0] as readonly number[]).length;
    if (this.network === null) {
      this.labels = [...new Set(names)];
      this.network = getOrThrow(zeroHead({ features, classes: this.labels.length }));
    }
    for (let first = 0; first < embeddings.length; first += 16) {
      const examples = { features: embeddings.slice(first, first + 16), labels: names.slice(first, first + 16) };
      const { network, moments, labels, fingerprint } = getOrThrow(
        learn(this.classifier(), examples, { epochs: 1, batchSize: 16 }),
      );
      Object.assign(this, { network, state: moments, labels, fingerprint });
    }
  }

  /** Probabilities of examples, each in the order of the labels. */
  probabilities(embeddings: Rows): Float32Array[] {
    const features = getOrThrow(matrix(embeddings.length, embeddings[0]?.length ?? 0, embeddings.flat()));
    const { cols, data } = getOrThrow(probabilities(this.network as Network, features));
    return embeddings.map((_, i) => data.slice(i * cols, (i + 1) * cols));
  }

  /** The file of the head. */
  file(): Buffer {
    return Buffer.from(getOrThrow(encodeClassifier(this.classifier())));
  }
}

/** The names of the tensors of a head in its file. */
const NAMES: Readonly<Record<string, string>> = {
  weight: "layers.0.weight",
  bias: "layers.0.bias",
  mean: "moments.0.mean",
  variance: "moments.0.variance",
};

/** What a file says of a head beside its tensors; whatever does not fit is left as it is. */
export const metadataOf = (features: number, moments: object | null): string =>
  JSON.stringify({
    format: "fgn-classifier",
    version: 1,
    layers: [{ _tag: "dense", frozen: false }],
    recipe: { kind: "vector", length: features },
    moments,
    temperature: 1,
    threshold: null,
    measured: null,
    fingerprint: "",
  });

/**
 * The file of a head of a weight, a bias and the labels of its classes, and of what it remembers: mean, variance, and the
 * numbers of examples and steps. Whatever is there is written, though it be wrong.
 */
export function fileOf(
  { examples, steps, ...tensors }: Readonly<Record<string, Tensor>>,
  labels?: unknown,
): Buffer<ArrayBuffer> {
  const [classes = 0, features = 0] = tensors["weight"]?.shape ?? [];
  const names = labels ?? Array.from({ length: classes }, (_, index) => String(index));
  const remembers = "mean" in tensors || "variance" in tensors;
  const moments = remembers ? { steps: steps?.data[0], examples: examples?.data[0], layers: 1 } : null;
  const named = Object.entries(tensors).map(([name, tensor]) => [NAMES[name] ?? name, tensor] as const);
  const metadata = new Map([["fgn", metadataOf(features, moments)], ["labels", JSON.stringify(names)]]);
  return Buffer.from(getOrThrow(writeSafetensors({ tensors: new Map(named), metadata })));
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

// Random networks for property tests: all kinds of layers in any order, residual blocks inside residual blocks.
//
// Weights are drawn to keep the variance of the activations, so that logits are of order one. A layer norm over
// one or two features gets ε ≥ 0.1: with the usual 1e-5 its output is a sign, whose derivative is the difference
// of numbers that agree to five digits and that float32 cannot resolve.

import fc from "fast-check";
import {
  type ActivationKind,
  type Adapter,
  type Batch,
  batch,
  type Dense,
  type Features,
  fromRows,
  getOrThrow,
  type Layer,
  matrix,
  type Network,
  network,
  parameterCount,
  toJson,
} from "../../mod.ts";
import { drawFrom, seedRandom } from "../../src/math/random.ts";
import { ACTIVATIONS } from "../../src/network/activations.ts";
import { uniform } from "./reference.ts";

/** A layer to be. */
export type Piece =
  | { readonly kind: "dense"; readonly width: number; readonly bias: boolean; readonly frozen: boolean }
  | {
    readonly kind: "adapter";
    readonly width: number;
    readonly rank: number;
    readonly bias: boolean;
    readonly frozen: boolean;
  }
  | { readonly kind: "layerNorm"; readonly epsilon: number; readonly frozen: boolean }
  | { readonly kind: "activation"; readonly name: ActivationKind }
  | { readonly kind: "residual"; readonly inner: readonly Piece[] };

/** A network and a batch to be. */
export interface Plan {
  readonly rows: number;
  readonly inputs: number;
  readonly classes: number;
  readonly pieces: readonly Piece[];
  /** `sparse`: CSR features into a dense layer or adapter; `embedding`: into an embedding. */
  readonly first: "dense" | "sparse" | "embedding";
  readonly firstBias: boolean;
  readonly last: "dense" | "adapter" | "tanh" | "residual";
  readonly weighted: boolean;
  readonly seed: number;
}

const width = fc.integer({ min: 1, max: 9 });
const frozen = fc.integer({ min: 0, max: 4 }).map((n) => n === 4);
const KINDS = Object.keys(ACTIVATIONS) as ActivationKind[];

const { piece } = fc.letrec<{ piece: Piece }>((tie) => ({
  piece: fc.oneof(
    { maxDepth: 2, withCrossShrink: true },
    fc.record({ kind: fc.constant("dense" as const), width, bias: fc.boolean(), frozen }),
    fc.record({ kind: fc.constant("activation" as const), name: fc.constantFrom(...KINDS) }),
    fc.record({ kind: fc.constant("layerNorm" as const), epsilon: fc.constantFrom(1e-5, 0.1), frozen }),
    fc.record({
      kind: fc.constant("adapter" as const),
      width,
      rank: fc.integer({ min: 1, max: 3 }),
      bias: fc.boolean(),
      frozen,
    }),
    fc.record({
      kind: fc.constant("residual" as const),
      inner: fc.array(tie("piece"), { minLength: 1, maxLength: 2 }),
    }),
  ),
}));

/** Random plans: widths 1–9, batches 1–20, classes 2–7. */
export const plans: fc.Arbitrary<Plan> = fc.record({
  rows: fc.integer({ min: 1, max: 20 }),
  inputs: width,
  classes: fc.integer({ min: 2, max: 7 }),
  pieces: fc.array(piece, { maxLength: 3 }),
  first: fc.constantFrom("dense", "dense", "sparse", "embedding"),
  firstBias: fc.boolean(),
  last: fc.constantFrom("dense", "dense", "adapter", "tanh", "residual"),
  weighted: fc.boolean(),
  seed: fc.integer({ min: 0, max: 1e6 }),
});

/** Draws uniform numbers of a given variance. */
type Draw = (count: number, variance: number, mean?: number) => Float32Array;

function drawing(seed: number): Draw {
  const source = drawFrom(seedRandom(seed));
  return (count, variance, mean = 0) =>
    Float32Array.from(
      { length: count },
      () => mean + Math.sqrt(3 * variance) * (source.next() / 2 ** 31 - 1),
    );
}

const drawMatrix = (draw: Draw, rows: number, cols: number, variance = 1 / cols) => ({
  rows,
  cols,
  data: draw(rows * cols, variance),
});

function dense(draw: Draw, outputs: number, inputs: number, bias = true, frozen = false): Dense {
  const weight = drawMatrix(draw, outputs, inputs);
  return { _tag: "dense", weight, bias: bias ? draw(outputs, 0.1) : null, frozen };
}

function adapter(
  draw: Draw,
  outputs: number,
  inputs: number,
  rank: number,
  bias: boolean,
  frozen: boolean,
): Adapter {
  const { weight, bias: b } = dense(draw, outputs, inputs, bias);
  const down = drawMatrix(draw, rank, inputs), up = drawMatrix(draw, outputs, rank);
  return { _tag: "adapter", weight, bias: b, down, up, scale: 0.5, frozen };
}

const activation = (kind: ActivationKind): Layer => ({
  _tag: "activation",
  kind,
  slope: kind === "leakyRelu" ? 0.1 : 0,
});

/** The layers of pieces that take `inputs` features, and how many they give. */
function build(pieces: readonly Piece[], inputs: number, draw: Draw): { layers: Layer[]; features: number } {
  const layers: Layer[] = [];
  let features = inputs;
  for (const part of pieces) {
    switch (part.kind) {
      case "dense":
        layers.push(dense(draw, part.width, features, part.bias, part.frozen));
        features = part.width;
        break;
      case "adapter":
        layers.push(adapter(draw, part.width, features, part.rank, part.bias, part.frozen));
        features = part.width;
        break;
      case "activation":
        layers.push(activation(part.name));
        break;
      case "layerNorm": {
        const gain = draw(features, 0.05, 1), shift = draw(features, 0.1);
        const epsilon = features < 3 ? Math.max(part.epsilon, 0.1) : part.epsilon;
        layers.push({ _tag: "layerNorm", gain, shift, epsilon, frozen: part.frozen });
        break;
      }
      case "residual": {
        const inner = build(part.inner, features, draw);
        if (inner.features !== features) inner.layers.push(dense(draw, features, inner.features));
        layers.push({ _tag: "residual", layers: inner.layers });
      }
    }
  }
  return { layers, features };
}

function ending(last: Plan["last"], draw: Draw, classes: number, inputs: number): Layer[] {
  if (last === "adapter") return [adapter(draw, classes, inputs, 2, true, false)];
  const layer = dense(draw, classes, inputs);
  if (last === "dense") return [layer];
  if (last === "tanh") return [layer, activation("tanh")];
  return [layer, { _tag: "residual", layers: [activation("tanh"), dense(draw, classes, classes, false)] }];
}

/** Features of variance about one; sparse ones with about 40% of the entries, and rows without any. */
export function randomFeatures(rows: number, cols: number, isSparse: boolean, draw: Draw): Features {
  const values = draw(rows * cols, 1), kept = draw(rows * cols, 1 / 3);
  if (!isSparse) return getOrThrow(matrix(rows, cols, values));
  const entries = Array.from(
    { length: rows },
    (_, i) =>
      Array.from({ length: cols }, (_, d) => [d, values[i * cols + d] as number] as const)
        .filter(([d]) => (kept[i * cols + d] as number) > 0.2),
  );
  return getOrThrow(fromRows(cols, entries));
}

/** A random problem. */
export interface RandomProblem {
  readonly model: Network;
  readonly data: Batch;
}

/** The network and the batch of a plan; the last layer stays trainable, so there is always something to train. */
export function realise(
  { rows, inputs, classes, pieces, first, firstBias, last, weighted, seed }: Plan,
): RandomProblem {
  const draw = drawing(seed);
  const layers: Layer[] = [];
  let features = inputs;
  if (first === "embedding") {
    const weight = drawMatrix(draw, inputs, 5, 1 / inputs);
    layers.push({ _tag: "embedding", weight, bias: firstBias ? draw(5, 0.1) : null, frozen: seed % 4 === 0 });
    features = 5;
  } else if (first === "sparse") {
    const frozen = seed % 4 === 0;
    layers.push(
      seed % 3 === 0 ? adapter(draw, 4, inputs, 2, firstBias, frozen) : dense(draw, 4, inputs, firstBias, frozen),
    );
    features = 4;
  }
  const middle = build(pieces, features, draw);
  layers.push(...middle.layers, ...ending(last, draw, classes, middle.features));
  const labels = Array.from(draw(rows, 1 / 3), (v) => Math.min(classes - 1, Math.floor((v + 1) / 2 * classes)));
  const weights = weighted ? { weights: labels.map((_, i) => (i + seed) % 3 + (i === 0 ? 0.5 : 0)) } : {};
  const x = randomFeatures(rows, inputs, first !== "dense", draw);
  return { model: getOrThrow(network(inputs, layers)), data: getOrThrow(batch({ features: x, labels, ...weights })) };
}

/** Random problems with at most `most` parameters. */
export const problems = (most: number): fc.Arbitrary<RandomProblem> =>
  plans.map(realise).filter(({ model }) => parameterCount(model) <= most);

/** Draws from a seed of `uniform`. */
const draws = (seed: number): Draw => (count: number, variance: number): Float32Array =>
  uniform(count, seed++).map((v) => v * Math.sqrt(3 * variance));

/** A batch of B rows of D features in C classes. */
export function examples(B: number, D: number, C: number, seed = 1, sparse = false): Batch {
  const labels = uniform(B, seed).map((v) => Math.floor((v + 1) / 2 * C));
  return getOrThrow(batch({ features: randomFeatures(B, D, sparse, draws(seed + 1)), labels }));
}

/** All numbers of a network and a batch. */
export const text = (model: Network, { features, labels, weights }: Batch): string =>
  JSON.stringify([toJson(model), [...features.data], [...labels], weights && [...weights]]);

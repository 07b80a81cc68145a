/**
 * The linear head, logits f = W x + b: a network of one dense layer.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import { checkObject } from "../check/kind.ts";
import { type Numbers, readNumbers } from "../check/numbers.ts";
import { ANY, checkOptions, FLAG, type Rules } from "../check/rule.ts";
import { guard } from "../check/total.ts";
import { checkSize } from "../check/size.ts";
import { makeMatrix, type Matrix } from "../data/matrix.ts";
import type { Network } from "./layer.ts";
import { dense, initialise } from "./layers.ts";

/** Sizes of a new head. */
export interface HeadSize {
  /** D, the number of features, at least 1. */
  readonly features: number;
  /** C, the number of classes, at least 2. */
  readonly classes: number;
  /** Whether there is a bias (default true). */
  readonly bias?: boolean;
}

// Sizes have errors of their own.
const HEAD: Rules<HeadSize> = { features: ANY, classes: ANY, bias: FLAG };

const SIZE = "an object with features and classes";

function head(weight: Matrix, bias: Float32Array | null): Network {
  const layers = [{ _tag: "dense", weight, bias, frozen: false }] as const;
  return { _tag: "network", inputs: weight.cols, outputs: weight.rows, layers };
}

/**
 * A head from given parameters: C × D row-major weights and C biases or none. Typed arrays are taken over.
 * Errors: `WrongKind`, `InvalidSize`, `ShapeMismatch`, `NotFinite`.
 *
 * @example
 * ```ts
 * import { linearHead } from "fgn";
 *
 * console.log(linearHead({ features: 3, classes: 2 }, [1, 0, 0, 0, 1, 0], [0.5, -0.5])._tag); // Right
 * ```
 */
export function linearHead(
  size: HeadSize,
  weight: Numbers,
  bias: Numbers | null,
): E.Either<FgnError, Network> {
  return guard("linearHead", { size, weight, bias }, () => makeHead(size, weight, bias));
}

/** A head from its arrays. */
function makeHead(
  size: HeadSize,
  weight: Numbers,
  bias: Numbers | null,
): E.Either<FgnError, Network> {
  const kind = checkObject("the size", size, SIZE);
  if (kind._tag === "Left") return kind;
  const checked = checkOptions(size, HEAD);
  if (checked._tag === "Left") return checked;
  const classes = checkSize("classes", size.classes, 2);
  if (classes._tag === "Left") return classes;
  const w = makeMatrix("weight parameters", size.classes, size.features, weight);
  if (w._tag === "Left") return w;
  if (bias === null) return E.right(head(w.right, null));
  const b = readNumbers("bias parameters", bias, size.classes);
  return b._tag === "Left" ? b : E.right(head(w.right, b.right));
}

function initialHead(size: HeadSize, initial: "zero" | "glorot", seed: number): E.Either<FgnError, Network> {
  const kind = checkObject("the size", size, SIZE);
  if (kind._tag === "Left") return kind;
  const checked = checkOptions(size, HEAD);
  if (checked._tag === "Left") return checked;
  const { features, classes, bias = true } = checked.right;
  const outputs = checkSize("classes", classes, 2);
  if (outputs._tag === "Left") return outputs;
  const inputs = checkSize("features", features, 1);
  if (inputs._tag === "Left") return inputs;
  const count = checkSize("the number of parameters", classes * features, 2);
  if (count._tag === "Left") return count;
  return initialise({ inputs: features, layers: [dense(classes, { bias, initial })], seed });
}

/**
 * A head of zeros: the usual start of a linear classifier, whose loss is convex. Errors: `InvalidSize`,
 * `OutOfMemory`.
 *
 * @example
 * ```ts
 * import { zeroHead } from "fgn";
 *
 * console.log(zeroHead({ features: 384, classes: 10 })._tag); // Right
 * ```
 */
export function zeroHead(size: HeadSize): E.Either<FgnError, Network> {
  return guard("zeroHead", { size }, () => initialHead(size, "zero", 0));
}

/**
 * A head with weights uniform in ±√(6/(D + C)) (Glorot and Bengio 2010, equation 16) and zero biases, the
 * same for the same seed in every runtime. Errors: `InvalidSize`, `OutOfMemory`.
 *
 * @example
 * ```ts
 * import { randomHead } from "fgn";
 *
 * console.log(randomHead({ features: 384, classes: 10 }, 1)._tag); // Right
 * ```
 */
export function randomHead(size: HeadSize, seed: number): E.Either<FgnError, Network> {
  return guard("randomHead", { size, seed }, () => initialHead(size, "glorot", seed));
}

/**
 * Fast Gauss-Newton for softmax classifiers: a second-order step that costs little more than a gradient step.
 *
 * @module
 */

// Data
export { type Matrix, matrix } from "./src/matrix.ts";
export { type Batch, batch, type BatchInput } from "./src/batch.ts";
export { type HeadSize, type LinearHead, linearHead, randomHead, zeroHead } from "./src/network/linear.ts";

// The step
export { fgnStep, type Step, type StepOptions, type StepReport } from "./src/step.ts";
export {
  constant,
  type ConstantDamping,
  type Damping,
  type LevenbergMarquardt,
  levenbergMarquardt,
  type LevenbergMarquardtOptions,
  relative,
  type RelativeDamping,
} from "./src/damping.ts";
export type { Solver, SolverOptions, Stop } from "./src/solver/solver.ts";

// Training and prediction
export { type Position, type Progress, train, type TrainOptions } from "./src/train.ts";
export { evaluate, type Evaluation, logits, probabilities } from "./src/evaluate.ts";

// Looking inside
export { type LossAndGradient, lossAndGradient, type RowSystem, rowSystem } from "./src/gradient.ts";

// Randomness, errors, the kernel
export { type Random, seedRandom, shuffle } from "./src/random.ts";
export { type ErrorText, type FgnError, type FgnErrorCases, type FgnErrorTag, showError } from "./src/error.ts";
export { type Kernel, releaseKernel } from "./src/kernel/kernel.ts";
export type { KernelOption } from "./src/session.ts";
export type { Either, Left, Right } from "fp-ts/lib/Either.js";

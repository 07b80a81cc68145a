/**
 * Fast Gauss-Newton for softmax classifiers: a second-order step that costs little more than a gradient step.
 *
 * @module
 */

// Data
export { type Matrix, matrix } from "./src/matrix.ts";
export { type Features, fromRows, isSparse, sparse, type SparseMatrix } from "./src/sparse.ts";
export { type Batch, batch, type BatchInput } from "./src/batch.ts";

// Models
export { type HeadSize, linearHead, randomHead, zeroHead } from "./src/network/head.ts";
export {
  type AffineOptions,
  type AffineSpec,
  dense,
  embedding,
  gelu,
  type Initial,
  initialise,
  layerNorm,
  type LayerNormOptions,
  type LayerNormSpec,
  type LayerSpec,
  leakyRelu,
  mlp,
  type MlpSpec,
  type NetworkSpec,
  relu,
  residual,
  type ResidualSpec,
  sigmoid,
  silu,
  tanh,
} from "./src/network/spec.ts";
export { network } from "./src/network/network.ts";
export type {
  Activation,
  ActivationKind,
  Adapter,
  Dense,
  Embedding,
  Layer,
  LayerNorm,
  Network,
  Residual,
} from "./src/network/layer.ts";
export { type AdapterOptions, freeze, mergeAdapters, unfreeze, withAdapters } from "./src/network/adapter.ts";
export { parameterCount, parameters, withParameters } from "./src/network/flat.ts";
export { fromJson, type NetworkJson, type Plain, toJson } from "./src/network/json.ts";
export { type CustomModel, customModel, type ModelFunctions } from "./src/network/custom.ts";
export type { Model } from "./src/network/model.ts";

// The step
export { fgnStep, type Step, type StepReport } from "./src/step.ts";
export type { StepOptions } from "./src/plan.ts";
export type { MetricOptions } from "./src/row_system/metric_option.ts";
export type { CompetitorOptions } from "./src/row_system/competitors.ts";
export { type GgnOptions, ggnProduct, ggnStep } from "./src/ggn.ts";
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
export type { IterativeStop } from "./src/solver/cg.ts";
export type { RowSystemKind } from "./src/row_system/row_system.ts";
export type { ObjectiveOptions } from "./src/objective.ts";

// Optimizers
export { type LayerMoments, robust, type RobustOptions, type RobustState } from "./src/optimizer/robust.ts";
export type { Optimizer, Update, UpdateOptions } from "./src/optimizer/optimizer.ts";

// Training and prediction
export { type Position, type Progress, train, type TrainOptions } from "./src/train.ts";
export type { RunnerOptions } from "./src/runner.ts";
export { evaluate, type Evaluation, logits, probabilities } from "./src/evaluate.ts";

// Looking inside
export { jvp, type LossAndGradient, lossAndGradient, type RowSystem, rowSystem, vjp } from "./src/gradient.ts";

export { diagnose, type DiagnoseOptions, type Diagnosis, type Spectrum, type StepComparison } from "./src/diagnose.ts";
export type { Competitors, Trace, Traces } from "./src/dropped.ts";
export { showDiagnosis } from "./src/show_diagnosis.ts";

// Randomness, errors, the kernel
export { type Random, seedRandom, shuffle } from "./src/random.ts";
export { type ErrorText, type FgnError, type FgnErrorCases, type FgnErrorTag, showError } from "./src/error.ts";
export { type Kernel, releaseKernel } from "./src/kernel/kernel.ts";
export type { KernelOption } from "./src/session.ts";
export type { Either, Left, Right } from "fp-ts/lib/Either.js";

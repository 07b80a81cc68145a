/**
 * Fast Gauss-Newton for softmax classifiers: a second-order step that costs little more than a gradient step.
 *
 * @module
 */

// Data
export type { Numbers } from "./src/check/numbers.ts";
export { type Matrix, matrix } from "./src/data/matrix.ts";
export { type Features, fromRows, isSparse, sparse, type SparseMatrix } from "./src/data/sparse.ts";
export { type Batch, batch, type BatchInput } from "./src/data/batch.ts";
export { type ColumnScales, columnScales, type ColumnScalesOptions, type OddColumn } from "./src/data/scales.ts";
export { standardise } from "./src/data/select.ts";
export { shuffle } from "./src/data/shuffle.ts";

// Models
export { type HeadSize, linearHead, randomHead, zeroHead } from "./src/network/head.ts";
export {
  type AffineOptions,
  type AffineSpec,
  dense,
  embedding,
  type Initial,
  initialise,
  layerNorm,
  type LayerNormOptions,
  type LayerNormSpec,
  type LayerSpec,
  mlp,
  type MlpSpec,
  type NetworkSpec,
  residual,
  type ResidualSpec,
} from "./src/network/layers.ts";
export {
  type Activation,
  type ActivationKind,
  type ACTIVATIONS, // for its type alone, which names the kinds
  gelu,
  leakyRelu,
  relu,
  sigmoid,
  silu,
  tanh,
} from "./src/network/activations.ts";
export { network } from "./src/network/network.ts";
export type { Adapter, Dense, Embedding, Layer, LayerNorm, Network, Residual } from "./src/network/layer.ts";
export { type AdapterOptions, freeze, mergeAdapters, unfreeze, withAdapters } from "./src/network/adapter.ts";
export { foldScales, unfoldScales } from "./src/network/fold.ts";
export { growClasses } from "./src/network/grow.ts";
export { foldTemperature } from "./src/network/temperature.ts";
export { parameterCount, parameters } from "./src/network/flat.ts";
export { fromJson, type NetworkJson, type Plain, toJson } from "./src/network/json.ts";
export { type CustomModel, customModel, type ModelFunctions } from "./src/network/custom.ts";
export { type Model, withParameters } from "./src/network/model.ts";

// The step
export { fgnStep, type Step, type StepReport } from "./src/step/step.ts";
export type { Momentum, StepOptions } from "./src/step/options.ts";
export type { MetricOptions } from "./src/row_system/metric_option.ts";
export type { CompetitorOptions } from "./src/row_system/competitors.ts";
export { type GgnOptions, ggnProduct, ggnStep } from "./src/step/ggn.ts";
export * from "./src/damping/damping.ts";
export type { Solver, SolverOptions, SolverStop } from "./src/solver/solver.ts";
export type { IterativeStop } from "./src/solver/cg.ts";
export type { RowSystemKind } from "./src/solver/row_matrix.ts";
export type { ObjectiveOptions } from "./src/problem/objective.ts";

// Optimizers
export { robust, type RobustOptions, type RobustState } from "./src/optimizer/robust.ts";
export type { LayerMoments } from "./src/optimizer/running_moments.ts";
export { fgn, type FgnOptions, type FgnState, paper } from "./src/optimizer/fgn.ts";
export {
  clipGlobalNorm,
  type Counted,
  l2Penalty,
  momentum,
  type MomentumState,
  scaled,
  type StatefulTransform,
  type Transform,
  trustRegion,
  weightDecay,
} from "./src/optimizer/transform.ts";
export type { Averages } from "./src/optimizer/average.ts";
export { averaged, type AveragedState } from "./src/optimizer/averaged.ts";
export { always, cosineDecay, type Schedule, stepDecay, times, warmUp } from "./src/optimizer/schedule.ts";
export { online, type OnlineOptions, type OnlineState } from "./src/optimizer/online.ts";
export type { InputMoments } from "./src/optimizer/moments.ts";
export { observe } from "./src/optimizer/observe.ts";
export { adapt, type AdaptOptions } from "./src/optimizer/adapt.ts";
export type { Optimizer, ShrinkOptions, Update, UpdateOptions } from "./src/optimizer/optimizer.ts";
export type { Shrinkage } from "./src/optimizer/shrink.ts";

// Training and prediction
export type { Stepped, Stopped } from "./src/train/course.ts";
export { type Measured, type Position, type Progress, train } from "./src/train/train.ts";
export type { Abortable, Checkpointing, EarlyStopping, ShrinkageOption, TrainOptions } from "./src/train/options.ts";
export { type EpochEvaluation, fit, type FitOptions, type Trained } from "./src/train/fit.ts";
export { explain } from "./src/train/explain.ts";
export { holdOut, type Split } from "./src/train/split.ts";
export { type Checkpoint, readCheckpoint } from "./src/train/checkpoint.ts";
export { evaluate, type Evaluation, logits, probabilities } from "./src/passes/evaluate.ts";

// Measures of predictions
export type { LabelOptions, MeasureOptions } from "./src/measures/labelled.ts";
export {
  type ClassReport,
  classReport,
  type ClassReportOptions,
  type ClassScores,
  type Scores,
} from "./src/measures/class_report.ts";
export { type ConfusedPair, type Confusion, confusion, type ConfusionOptions } from "./src/measures/confusion.ts";
export {
  type Reliability,
  reliability,
  type ReliabilityBin,
  type ReliabilityOptions,
} from "./src/measures/reliability.ts";
export {
  applyTemperature,
  type Temperature,
  temperature,
  type TemperatureOptions,
} from "./src/measures/temperature.ts";
export { type Threshold, thresholdFor, type Thresholds } from "./src/measures/thresholds.ts";
export { conformalSets, type ConformalThreshold, conformalThreshold } from "./src/measures/conformal.ts";
export { type Suspect, suspects, type SuspectsOptions } from "./src/measures/suspects.ts";

// Features from rows, and classifiers that know their labels
export { type Cell, type Column, type Table, table, type TableSource } from "./src/features/table.ts";
export {
  type CategoryColumn,
  type ColumnRecipe,
  type ColumnsRecipe,
  type FeatureRecipe,
  type NumberColumn,
  type SparseRecipe,
  type TextColumn,
  type TextRule,
  type VectorColumn,
  type VectorRecipe,
  widthOf,
} from "./src/features/recipe.ts";
export { makeFeatures, type Rows } from "./src/features/features.ts";
export { inferRecipe, type RecipeOptions } from "./src/features/infer.ts";
export type { Label, Labels } from "./src/classifier/labels.ts";
export type { Classifier, Measurement } from "./src/classifier/classifier.ts";
export { classifierOf, type ClassifierOfOptions } from "./src/classifier/classifier_of.ts";
export type { LabelledRows } from "./src/classifier/data.ts";
export type { ClassifierOptions } from "./src/classifier/options.ts";
export { trainClassifier, type TrainedClassifier } from "./src/classifier/train_classifier.ts";
export { classify, type ClassifyOptions, type Likely, type Prediction } from "./src/classifier/classify.ts";
export {
  type Answered,
  type ClassifierReport,
  type ConfusedLabels,
  type LabelScores,
  report,
  type ReportOptions,
} from "./src/classifier/report.ts";
export { learn, type LearnOptions } from "./src/classifier/learn.ts";
export { decodeClassifier, encodeClassifier } from "./src/classifier/file.ts";

// Files
export { decodePlain, encodePlain } from "./src/io/plain.ts";
export { type CheckpointStore, memoryStore } from "./src/io/store.ts";
export {
  readSafetensors,
  type Safetensors,
  type SkippedTensor,
  type Tensor,
  type TensorData,
  writeSafetensors,
} from "./src/io/safetensors.ts";

// Looking inside
export { jvp, type LossAndGradient, lossAndGradient, type RowSystem, rowSystem, vjp } from "./src/passes/gradient.ts";

export {
  diagnose,
  type DiagnoseOptions,
  type Diagnosis,
  type Spectrum,
  type StepComparison,
} from "./src/diagnosis/diagnose.ts";
export type { Competitors, Trace, Traces } from "./src/diagnosis/dropped.ts";
export { showDiagnosis } from "./src/diagnosis/show.ts";

// Randomness, errors, the kernel
export { type Permutation, type Random, seedRandom } from "./src/math/random.ts";
export { type ErrorText, type FgnError, type FgnErrorCases, type FgnErrorTag, showError } from "./src/check/error.ts";
export { getOrThrow } from "./src/check/get_or_throw.ts";
export type { Faulty } from "./src/check/rule.ts";
export { type Kernel, releaseKernel } from "./src/kernel/kernel.ts";
export { type Preparation, prepareKernel, type PrepareOptions } from "./src/step/prepare_kernel.ts";
export type { KernelOption } from "./src/problem/session.ts";
export type { Either, Left, Right } from "fp-ts/lib/Either.js";
export type { Task } from "fp-ts/lib/Task.js";
export type { TaskEither } from "fp-ts/lib/TaskEither.js";

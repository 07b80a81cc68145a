/**
 * Backends: where parameters and data lie and steps are computed, behind one interface.
 *
 * @module
 */

import type { TaskEither } from "fp-ts/lib/TaskEither.js";
import type { FgnError } from "../check/error.ts";
import type { Damping } from "../damping/damping.ts";
import type { Batch } from "../data/batch.ts";
import type { Matrix } from "../data/matrix.ts";
import type { Network } from "../network/layer.ts";
import type { Evaluation } from "../passes/evaluate.ts";
import type { StepReport } from "../step/step.ts";
import type { Traffic } from "./device/traffic.ts";
import type { BackendStepOptions } from "./step/options.ts";

/** The parameters of a network where a backend computes: a handle, never written to, to be released. */
export interface Resident {
  /** Parameters on a backend. */
  readonly _tag: "resident";
  /** D, the inputs of the network. */
  readonly inputs: number;
  /** C, its classes. */
  readonly classes: number;
}

/** A batch where a backend computes: a handle, to be released. */
export interface ResidentBatch {
  /** A batch on a backend. */
  readonly _tag: "residentBatch";
  /** B, the examples of the batch. */
  readonly examples: number;
  /** D, the features of each. */
  readonly inputs: number;
}

/** The result of a step on a backend. */
export interface ResidentStep {
  /** The new parameters, a handle of its own also where the step was rejected. */
  readonly params: Resident;
  /** The damping for the next step. */
  readonly damping: Damping;
  /** B row coefficients of the step, as in `Step`. */
  readonly dual: Float64Array;
  /** The numbers of the step, as in `Step`. */
  readonly report: StepReport;
}

/** A place where steps are computed. */
export interface Backend {
  /** The kind of backend. */
  readonly name: "cpu" | "webgpu";
  /** The kernel, or the device as its driver names it. */
  readonly description: string;
  /**
   * Puts a network where the backend computes. Errors: `WrongKind`, `ShapeMismatch`, `InvalidLayer`, `InvalidSize`,
   * `Unsupported`, `OutOfMemory`, `DeviceLost`, `DeviceFailure`.
   */
  readonly onDevice: (params: Network) => TaskEither<FgnError, Resident>;
  /** Puts a batch where the backend computes. Errors: as {@link Backend.onDevice}, `EmptyBatch`. */
  readonly batchOnDevice: (batch: Batch) => TaskEither<FgnError, ResidentBatch>;
  /**
   * `fgnStep` on parameters and a batch that are there. The device takes every damping, `lossAfter`, `curvature`,
   * `classWeights`, weights and the options of the solver, and answers others with `Unsupported`; the system is solved on
   * the CPU, in float64. On a device, conjugate gradient on more than 1,024 examples takes its products with the Gram matrix
   * from there, in float32. Errors: those of `fgnStep`, `Unsupported`, `Released`, `DeviceLost`, `DeviceFailure`.
   */
  readonly fgnStep: (
    params: Resident,
    batch: ResidentBatch,
    damping?: Damping,
    options?: BackendStepOptions,
  ) => TaskEither<FgnError, ResidentStep>;
  /** `evaluate` on parameters and a batch that are there. Errors: as {@link Backend.fgnStep}. */
  readonly evaluate: (params: Resident, batch: ResidentBatch) => TaskEither<FgnError, Evaluation>;
  /** B × C logits. Errors: as {@link Backend.fgnStep}. */
  readonly logits: (params: Resident, batch: ResidentBatch) => TaskEither<FgnError, Matrix>;
  /** The network as plain data. Errors: `Released`, `DeviceLost`, `DeviceFailure`, `OutOfMemory`. */
  readonly download: (params: Resident) => TaskEither<FgnError, Network>;
  /** Gives memory back, at once and once: using the handle later is an error, releasing it again is not. */
  readonly release: (resident: Resident | ResidentBatch) => void;
  /** Transfers over the bus so far, and buffers that lie on the device. */
  readonly traffic: () => Traffic;
  /** Ends the backend: releases everything, and destroys the device if it was not the caller's. */
  readonly close: () => void;
}

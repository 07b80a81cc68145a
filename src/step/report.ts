/**
 * Results of steps: new parameters, the damping for the next step and a report.
 *
 * @module
 */

import type { Damping } from "../damping/damping.ts";
import type { Model } from "../network/model.ts";
import type { RowSystemKind } from "../solver/row_matrix.ts";
import type { SolverStop } from "../solver/solver.ts";

/** The report of a step. Losses are those of the objective: (weighted) means over the batch, with penalty. */
export interface StepReport {
  /** Cross-entropy at the given parameters, natural logarithm. */
  readonly lossBefore: number;
  /** Cross-entropy on the same batch at the returned parameters. */
  readonly lossAfter: number | undefined;
  /** ‖g‖₂ of the mean loss, from the float32 Gram matrix: good to about 1e-3 of the norm of its largest term. */
  readonly gradientNorm: number;
  /**
   * −(gᵀd + ½ dᵀHd) of the last attempt, H the undamped curvature of the step: full when refined, with competitor rows if
   * any. NaN where a trust region shortened the step and the loss after it was not asked for.
   */
  readonly predictedReduction: number;
  /** Loss before − loss after of the last attempt, also when it was rejected. */
  readonly actualReduction: number | undefined;
  /** Actual over predicted reduction; undefined where one is unknown or the predicted one is 0. */
  readonly gainRatio: number | undefined;
  /** False when every attempt was rejected: the parameters are then the given ones. */
  readonly accepted: boolean;
  /** Attempts rejected before the last one. */
  readonly rejections: number;
  /** λ of the last attempt. */
  readonly lambda: number;
  /** Whether the row system was an explicit Gram matrix or matrix-free. */
  readonly system: RowSystemKind;
  /** The solver used. */
  readonly solver: "cholesky" | "cg";
  /** Its iterations (0 for Cholesky). */
  readonly iterations: number;
  /** Why it stopped. */
  readonly stop: SolverStop;
  /** ‖r − (S + λI)u‖/‖r‖ reached; of the full Gauss-Newton system when that was solved. */
  readonly residual: number;
}

/** The result of a step. */
export interface Step<M extends Model = Model> {
  /** The new parameters. */
  readonly params: M;
  /** The damping for the next step. */
  readonly damping: Damping;
  /**
   * B row coefficients a of the step, d = Jᵀa (with ℓ2, soft targets or momentum: of its part in the row space; with
   * `competitors`: of the examples' own rows): a warm start for the same batch; zero when the full system was solved.
   */
  readonly dual: Float64Array;
  /** Losses, damping and solver of the step. */
  readonly report: StepReport;
}

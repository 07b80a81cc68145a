/**
 * An open batch at which steps are attempted.
 *
 * @module
 */

import type { GgnBuffers } from "../solver/full_system.ts";
import type { RowMatrix } from "../solver/row_matrix.ts";
import type { CheckedSolver } from "../solver/solver.ts";
import type { Penalty } from "../tape/penalty.ts";
import type { Workspace } from "../tape/workspace.ts";

/** Which curvature a step uses: that of the margins, or the full Gauss-Newton matrix by conjugate gradient. */
export type Method =
  | { readonly _tag: "fgn" }
  | {
    readonly _tag: "ggn";
    readonly preconditioner: "none" | "fgn";
    readonly tolerance: number;
    readonly maxIterations: number;
  };

/** Addresses of parameter vectors, by use. */
export interface Vectors {
  /** Products of a matrix-free row system. */
  readonly product: number;
  /** v; NONE where it is zero. */
  readonly remainder: number;
  /** The step as a vector: that of the products where it is what they leave; NONE where it is Jᵀ of a dual. */
  readonly direction: number;
  /** Trial parameters; NONE where there is no second attempt. */
  readonly trial: number;
  /** βd₋ of momentum; NONE without. */
  readonly previous: number;
  /** The addresses of the full Gauss-Newton system, or null. */
  readonly ggn: GgnBuffers | null;
}

/** An open batch at which steps are attempted, with products with S that somebody else makes. */
export interface OpenStage {
  readonly ws: Workspace;
  readonly system: Pick<RowMatrix, "kind" | "meanDiagonal">;
  readonly vectors: Vectors;
  /** ½ ℓ2 θᵀPθ of the objective. */
  readonly penalty: Penalty;
  readonly solver: CheckedSolver;
  readonly method: Method;
  /** η of the two-stage system, or 0. */
  readonly twoStage: number;
  /** The share of its own size that a layer may move by, or 0: no limit. */
  readonly limit: number;
  /** Whether steps are judged by their loss, and with it by their model. */
  readonly judged: boolean;
}

/** The same with its products. */
export interface Stage extends OpenStage {
  readonly system: RowMatrix;
}

/** The part of a plan that attempts at its step read. */
export type Asked = Pick<OpenStage, "solver" | "method" | "twoStage" | "limit" | "judged">;

/** The stage of a plan over what was opened for it. */
export function stageOf<S extends OpenStage["system"]>(
  { solver, method, twoStage, limit, judged }: Asked,
  { ws, system, vectors, penalty }: Pick<OpenStage, "ws" | "vectors" | "penalty"> & { readonly system: S },
): OpenStage & { readonly system: S } {
  return { ws, system, vectors, penalty, solver, method, twoStage, limit, judged };
}

/**
 * Solvers of the damped row system (S + λI)u = r, in float64.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { invalid } from "../damping.ts";
import { fail, type FgnError } from "../error.ts";
import type { Workspace } from "../kernel/linear.ts";
import { finishSolution, solveCholesky, solveConjugateGradient, type StepModel } from "../kernel/system.ts";

/** How the row system is solved. `auto`: Cholesky up to 256 rows, conjugate gradient above. */
export type Solver = "auto" | "cholesky" | "cg";

/** Options of the solvers. */
export interface SolverOptions {
  /** Default `auto`. */
  readonly solver?: Solver;
  /** Conjugate gradient stops at this relative residual (default 1e-6: the Gram matrix is float32). */
  readonly tolerance?: number;
  /** Conjugate gradient stops after this many iterations (default 200). */
  readonly maxIterations?: number;
}

/** Why the solver stopped: `direct` is Cholesky; the others are conjugate gradient's. */
export type Stop = "direct" | "converged" | "iterationCap" | "breakdown";

/** A solved system. */
export interface Solution extends StepModel {
  readonly solver: "cholesky" | "cg";
  readonly iterations: number;
  readonly stop: Stop;
}

/** Checked options; internal. */
export type CheckedSolver = Required<SolverOptions>;

/** Rows up to which Cholesky is chosen (`npm run bench`: conjugate gradient is cheaper above). */
const DIRECT_ROWS = 256;
const STOPS = ["converged", "iterationCap", "breakdown"] as const;

/** Fills in and checks the options; internal. Errors: `InvalidOption`. */
export function checkSolver(options: SolverOptions): E.Either<FgnError, CheckedSolver> {
  const { solver = "auto", tolerance = 1e-6, maxIterations = 200 } = options;
  if (!["auto", "cholesky", "cg"].includes(solver)) return invalid("solver", solver, "auto, cholesky or cg");
  if (!(tolerance > 0 && tolerance < 1)) return invalid("tolerance", tolerance, "a number in (0, 1)");
  if (!(Number.isInteger(maxIterations) && maxIterations >= 1 && maxIterations < 2 ** 31)) {
    return invalid("maxIterations", maxIterations, "a whole number from 1");
  }
  return E.right({ solver, tolerance, maxIterations });
}

/** Solves the workspace's system and leaves the dual in it; internal. Errors: `NotPositiveDefinite`. */
export function solve(ws: Workspace, lambda: number, options: CheckedSolver): E.Either<FgnError, Solution> {
  const direct = options.solver === "cholesky" || (options.solver === "auto" && ws.rows <= DIRECT_ROWS);
  if (direct) {
    const row = solveCholesky(ws, lambda);
    if (row < ws.rows) {
      return fail(
        "NotPositiveDefinite",
        { row, lambda },
        `with λ = ${lambda} the row system is singular to working precision at row ${row}`,
        "Raise the damping: below about 1e-7 of the Gram matrix float32 cannot resolve it",
      );
    }
    return E.right({ solver: "cholesky", iterations: 0, stop: "direct", ...finishSolution(ws, lambda) });
  }
  const { code, iterations } = solveConjugateGradient(ws, lambda, options.tolerance, options.maxIterations);
  const stop = STOPS[code] ?? "breakdown";
  return E.right({ solver: "cg", iterations, stop, ...finishSolution(ws, lambda) });
}

/**
 * Solvers of the damped row system (S + λ'I)u = r, in float64; λ' = λ + ℓ2 is all that they know of damping.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import { readNumbers } from "../check/numbers.ts";
import { ANY, oneOf, type Rules, SHARE } from "../check/rule.ts";
import { f64 } from "../kernel/arena.ts";
import type { Workspace } from "../tape/workspace.ts";
import { conjugateGradient, type IterativeStop, type Products, rowSpace } from "./cg.ts";
import { factorize } from "./cholesky.ts";
import type { RowSystemKind } from "./row_matrix.ts";

/** How the row system is solved. `auto`: Cholesky up to 256 rows of an explicit system, else conjugate gradient. */
export type Solver = "auto" | "cholesky" | "cg";

/** Options of the solvers. */
export interface SolverOptions {
  /** Default `auto`. */
  readonly solver?: Solver;
  /**
   * Conjugate gradient stops when its own running residual, each row weighed by what it does to the step, falls to this
   * share (default 1e-6: the Gram matrix is float32); the report's `residual` is measured, and its rows count alike.
   */
  readonly tolerance?: number;
  /** Conjugate gradient stops after this many iterations (default 200). */
  readonly maxIterations?: number;
  /** The form of the row system (default `auto`: the cheaper one by flops and memory, see `StepReport.system`). */
  readonly system?: "auto" | RowSystemKind;
  /**
   * The `dual` of an earlier step on the same batch: conjugate gradient starts there (Cholesky needs no start). Not with
   * `refine` and `competitors`.
   */
  readonly warmStart?: Float64Array;
}

/** Why the solver stopped: `direct` is Cholesky; the others are conjugate gradient's. */
export type SolverStop = "direct" | IterativeStop;

/** How a system was solved. */
export interface Solved {
  readonly solver: "cholesky" | "cg";
  readonly iterations: number;
  readonly stop: SolverStop;
}

/**
 * Checked options.
 * @internal
 */
export type CheckedSolver =
  & Required<Omit<SolverOptions, "warmStart">>
  & { readonly warmStart: Float64Array | null };

/** Rows up to which Cholesky is chosen: above, its B³/6 outweigh the usual ten to forty iterations of B². */
const DIRECT_ROWS = 256;

/**
 * Rules of the options of the solvers.
 * @internal
 */
export const SOLVER: Rules<SolverOptions> = {
  solver: /* @__PURE__ */ oneOf("auto", "cholesky", "cg"),
  tolerance: SHARE,
  maxIterations: [
    (value) => Number.isInteger(value) && value as number >= 1 && value as number < 2 ** 31,
    "a whole number from 1",
  ],
  system: /* @__PURE__ */ oneOf("auto", "gram", "matrixFree"),
  warmStart: ANY, // The reader of numbers says more.
};

/**
 * Fills in the options.
 * @internal
 */
export function solverOf(options: SolverOptions): CheckedSolver {
  const { solver = "auto", tolerance = 1e-6, maxIterations = 200, system = "auto", warmStart = null } = options;
  return { solver, tolerance, maxIterations, system, warmStart };
}

/**
 * The options with the start of conjugate gradient, where there is one, as doubles: one a row. Errors: `WrongKind`,
 * `ShapeMismatch`, `NotFinite`.
 * @internal
 */
export function readStart(options: CheckedSolver, rows: number): E.Either<FgnError, CheckedSolver> {
  if (options.warmStart === null) return E.right(options);
  const start = readNumbers("warmStart", options.warmStart, rows, 0, new Float64Array(rows));
  return start._tag === "Left" ? start : E.right({ ...options, warmStart: start.right });
}

/**
 * out ← (S + λ'I)⁻¹ rhs, of products with S; `warm`: `out` holds a start. A damped row system ready to be solved for several
 * right-hand sides.
 * @internal
 */
export type Damped = (rhs: number, out: number, warm: boolean) => Products<Solved>;

function factorSystem(ws: Workspace, lambdaPrime: number): E.Either<FgnError, Damped> {
  const { kernel, at, rows, stride } = ws;
  const factored = factorize(ws, lambdaPrime, "row system");
  if (factored._tag === "Left") return factored;
  // deno-lint-ignore require-yield
  return E.right(function* (rhs, out) {
    kernel.exports.choleskySolve(rows, at.factor, stride, rhs, out);
    return { solver: "cholesky", iterations: 0, stop: "direct" };
  });
}

/**
 * ‖Ĵᵀ(S + λ'I)⁻¹ρ‖ by the diagonal, in the scale of its largest factor: what a residual ρ does to the step. The right-hand
 * sides of confidently wrong rows are up to e^15 times the others', and their weights take that out of the step again:
 * by its plain norm a residual would count as small beside them that is all that the other rows have (docs/speed.md).
 */
function effectOnStep({ kernel, at, rows }: Workspace, jacobi: Float64Array): (residual: number) => number {
  const diagonal = f64(kernel, at.diagonal, rows), w = f64(kernel, at.rowWeight, rows);
  const effect = jacobi.map((j, i) => (w[i] as number) * Math.sqrt(diagonal[i] as number) / j);
  const most = effect.reduce((top, v) => Math.max(top, v), 0) || 1, shares = effect.map((v) => v / most);
  return (residual) =>
    Math.sqrt(f64(kernel, residual, rows).reduce((sum, v, i) => sum + (v * (shares[i] as number)) ** 2, 0));
}

function iterate(ws: Workspace, lambdaPrime: number, options: CheckedSolver): Damped {
  const { kernel, at, rows } = ws;
  const space = rowSpace(kernel, rows);
  const work = [0, 1, 2, 3].map((i) => at.krylov + 8 * rows * i) as [number, number, number, number];
  // The Jacobi preconditioner: diag(S) + λ', S_ii = w_i² K_ii.
  const diagonal = f64(kernel, at.diagonal, rows), w = f64(kernel, at.rowWeight, rows);
  const jacobi = Float64Array.from(diagonal, (k, i) => (w[i] as number) ** 2 * k + lambdaPrime);
  const size = effectOnStep(ws, jacobi);
  return function* (rhs, out, warm) {
    const run = yield* conjugateGradient(
      space,
      {
        apply: (x, y) => {
          space.axpy(lambdaPrime, x, y);
          return space.dot(x, y);
        },
        size,
        precondition: (x, y) => {
          f64(kernel, y, rows).set(f64(kernel, x, rows).map((v, i) => v / (jacobi[i] as number)));
        },
      },
      rhs,
      out,
      work,
      { ...options, warm },
    );
    return { solver: "cg", ...run };
  };
}

/**
 * Whether an explicit system of so many rows is factorised.
 * @internal
 */
export const isDirect = ({ solver }: Pick<CheckedSolver, "solver">, rows: number): boolean =>
  solver === "cholesky" || solver === "auto" && rows <= DIRECT_ROWS;

/**
 * Prepares the system at λ'. Errors: `NotPositiveDefinite`.
 * @internal
 */
export const prepareDamped = (
  ws: Workspace,
  kind: RowSystemKind,
  lambdaPrime: number,
  options: CheckedSolver,
): E.Either<FgnError, Damped> =>
  kind === "gram" && isDirect(options, ws.rows)
    ? factorSystem(ws, lambdaPrime)
    : E.right(iterate(ws, lambdaPrime, options));

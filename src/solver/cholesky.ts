/**
 * The Cholesky factor of what lies in the workspace as its row system.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError } from "../check/error.ts";
import type { LoadedKernel } from "../kernel/kernel.ts";
import type { Workspace } from "../tape/workspace.ts";

/** Where a symmetric matrix and its factor lie. */
interface Factored {
  readonly rows: number;
  readonly from: number;
  readonly to: number;
  readonly stride: number;
}

/** The factor of the row system S + λ'I; `what` names it. Errors: `NotPositiveDefinite`. */
export const factorize = (
  { kernel, at, rows, stride }: Workspace,
  lambdaPrime: number,
  what: string,
): E.Either<FgnError, void> =>
  factorizeMatrix(kernel, { rows, from: at.whitened, to: at.factor, stride }, lambdaPrime, what);

/** The factor of a matrix + λ'I; `what` names it. Errors: `NotPositiveDefinite`. */
export function factorizeMatrix(
  kernel: LoadedKernel,
  { rows, from, to, stride }: Factored,
  lambdaPrime: number,
  what: string,
): E.Either<FgnError, void> {
  const row = kernel.exports.cholesky(rows, from, to, stride, lambdaPrime);
  return row >= rows ? E.right(undefined) : fail(
    "NotPositiveDefinite",
    { row, lambda: lambdaPrime },
    `with λ = ${lambdaPrime} the ${what} is singular to working precision at row ${row}`,
    "Raise the damping: float32 resolves about 1e-7 of the Gram matrix",
  );
}

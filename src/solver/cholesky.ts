/**
 * The Cholesky factor of what lies in the workspace as its row system.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError } from "../check/error.ts";
import type { Workspace } from "../tape/workspace.ts";

/** The factor of S + λ'I; `what` names the system. Errors: `NotPositiveDefinite`. */
export function factorize(
  { kernel, at, rows, stride }: Workspace,
  lambdaPrime: number,
  what: string,
): E.Either<FgnError, void> {
  const row = kernel.exports.cholesky(rows, at.whitened, at.factor, stride, lambdaPrime);
  return row >= rows ? E.right(undefined) : fail(
    "NotPositiveDefinite",
    { row, lambda: lambdaPrime },
    `with λ = ${lambdaPrime} the ${what} is singular to working precision at row ${row}`,
    "Raise the damping: float32 resolves about 1e-7 of the Gram matrix",
  );
}

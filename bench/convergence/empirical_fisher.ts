// The damped step of the empirical Fisher matrix F = Jᵀ diag(α s²) J, J the Jacobian of the margins: −s J_i is the
// gradient of example i, so F is their second moment. The same row system as a Fast Gauss-Newton step with other row
// weights: w² = α s², w∘r = α s.

import * as E from "fp-ts/lib/Either.js";
import type { Batch, FgnError, Network, Optimizer, StepReport } from "../../mod.ts";
import { overflow } from "../../src/check/error.ts";
import { f64 } from "../../src/kernel/arena.ts";
import { arraysOf } from "../../src/network/flat.ts";
import { copyModel } from "../../src/network/model.ts";
import { openBatch } from "../../src/problem/session.ts";
import { gramSystem } from "../../src/row_system/gram.ts";
import { drive } from "../../src/solver/cg.ts";
import { prepareDamped, solverOf } from "../../src/solver/solver.ts";
import { addDual, sendBack, weigh } from "../../src/tape/jacobian.ts";
import { forward, storeVector } from "../../src/tape/tape.ts";
import { margins } from "../../src/tape/margins.ts";
import type { Workspace } from "../../src/tape/workspace.ts";
import { gradientReport } from "./gradient.ts";

/** Row weights √α s and right-hand side √α, in place of those of the margins' curvature. */
function weighBySlope({ kernel, at, rows }: Workspace): void {
  const alpha = f64(kernel, at.alpha, rows), slope = f64(kernel, at.slope, rows);
  const w = f64(kernel, at.rowWeight, rows), r = f64(kernel, at.rhs, rows);
  for (let i = 0; i < rows; i++) {
    const root = Math.sqrt(alpha[i] as number);
    w[i] = (slope[i] as number) / root;
    r[i] = root;
  }
}

/** Solves the row system and steps; the parameters that `into` names are overwritten. */
function step(params: Network, batch: Batch, ratio: number, into: Network): E.Either<FgnError, StepReport> {
  const session = openBatch(params, batch, { signals: true, gram: true }, {});
  if (session._tag === "Left") return session;
  const { ws } = session.right;
  const { kernel, tape, at, rows } = ws;
  forward(tape, { vector: tape.theta, trial: false });
  const loss = margins(ws);
  if (!Number.isFinite(loss)) return overflow("the loss");
  weighBySlope(ws);
  sendBack(ws, at.exponentials);
  const system = gramSystem(ws);
  const lambda = ratio * system.meanDiagonal / rows;
  const prepared = prepareDamped(ws, system.kind, lambda, solverOf({ solver: "cholesky" }));
  if (prepared._tag === "Left") return prepared;
  system.multiply(at.rhs, at.image);
  const norm = Math.sqrt(Math.max(0, kernel.exports.dot64(rows, at.rhs, at.image)));
  drive(prepared.right(at.rhs, at.solution, false), system.multiply);
  weigh(ws, at.solution, at.dual);
  addDual(ws, at.dual, tape.theta);
  if (kernel.exports.allFinite(tape.length, tape.theta) === 0) return overflow("the new parameters");
  storeVector(tape, tape.theta, arraysOf(into));
  return E.right({ ...gradientReport(loss, norm), lambda, system: "gram", solver: "cholesky" });
}

/** (F + λI)d = −g with λ = ratio · K̄/B, K̄ the mean diagonal of J Jᵀ: for unweighted, labelled examples. */
export function empiricalFisher(ratio: number): Optimizer<Network, null> {
  return {
    name: "empiricalFisher",
    notes: [`damping relative ${ratio}`],
    init: () => null,
    update: (params, state, batch, { donate = false } = {}) => {
      const next = donate ? params : copyModel(params);
      const report = step(params, batch, ratio, next);
      return report._tag === "Left" ? report : E.right({ params: next, state, report: report.right });
    },
    result: (params) => params,
  };
}

/**
 * The kernel opened for a plan: its session, its parameter vectors and its row system.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import { judges } from "../damping/tagged.ts";
import type { Batch } from "../data/batch.ts";
import { NONE } from "../kernel/arena.ts";
import type { Pieces } from "../kernel/pieces.ts";
import type { Model } from "../network/model.ts";
import { openChecked, type Session, type Wants } from "../problem/session.ts";
import { writeVector } from "../problem/vectors.ts";
import { gramSystem, sumGram } from "../row_system/gram.ts";
import { matrixFreeSystem } from "../row_system/matrix_free.ts";
import { metricView } from "../row_system/metric.ts";
import { gatherColumns, sumTwoStageGram } from "../row_system/two_stage.ts";
import type { RowMatrix } from "../solver/row_matrix.ts";
import { sendBack } from "../tape/jacobian.ts";
import type { Workspace } from "../tape/workspace.ts";
import type { StepOptions } from "./options.ts";
import type { Plan } from "./plan.ts";
import type { Vectors } from "./stage.ts";

/** The kernel opened for a plan. */
export function openPlan(
  model: Model,
  batch: Batch,
  { competes, damping, method, kind, judged, remainder, metric, twoStage, limit, previous }: Plan,
  options: StepOptions,
): E.Either<FgnError, { readonly session: Session; readonly vectors: Vectors }> {
  const retries = judges(damping);
  const full = method._tag === "ggn", mixed = twoStage > 0;
  // These directions are formed as vectors: their projections do not add up to what is there.
  const carries = previous !== null;
  const formed = remainder || full || metric !== null || mixed || limit > 0 || carries;
  let count = 0;
  const next = (used: boolean): number => used ? count++ : -1;
  const free = kind === "matrixFree", byParts = free && model._tag === "network";
  const product = next(free && !byParts), rest = next(remainder), formedAt = next(formed);
  const trial = next(retries), carried = next(carries), work = [next(full), next(full), next(full)] as const;
  const wants: Wants = {
    signals: true,
    tangents: (free && !byParts) || remainder || full || carries || (limit > 0 && judged),
    trial: retries,
    blocks: kind === "gram" && !formed && !competes,
    moves: kind === "gram" && !formed && judged,
    metric: metric !== null,
    mixed,
    products: byParts,
    gram: kind === "gram",
    curvature: full,
    ...(carries && { allFeatures: true }),
    vectors: count,
    panels: full ? 7 : 0,
  };
  const session = openChecked(model, batch, wants, options);
  if (session._tag === "Left") return session;
  const { vectors, panels } = session.right.ws;
  const place = (index: number): number => vectors[index] ?? NONE;
  const direction = place(formedAt);
  const { ws } = session.right;
  if (previous !== null) writeVector(ws, model, previous, place(carried));
  return E.right({
    session: session.right,
    vectors: {
      product: place(product),
      remainder: place(rest),
      direction,
      trial: place(trial),
      previous: place(carried),
      ggn: full ? { direction, vectors: [place(work[0]), place(work[1]), place(work[2])], panels } : null,
    },
  });
}

/** The row system of margins whose pass is done. Errors: `ModelMismatch`, `ModelFailure`. */
export function* openSystem(
  ws: Workspace,
  { kind, metric, twoStage }: Plan,
  vectors: Vectors,
): Pieces<E.Either<FgnError, RowMatrix>> {
  sendBack(ws, ws.at.exponentials);
  yield;
  const set = metric?.set(metricView(ws));
  if (set?._tag === "Left") return set;
  if (twoStage > 0) yield* gatherColumns(ws, twoStage);
  return kind === "gram"
    ? E.right(gramSystem(ws, twoStage > 0 ? sumTwoStageGram : sumGram))
    : matrixFreeSystem(ws, vectors.product);
}

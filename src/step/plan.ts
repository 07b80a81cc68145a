/**
 * Plans of steps: a batch, a damping and options, checked.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError, invalid } from "../check/error.ts";
import type { Damping } from "../damping/damping.ts";
import { checkDamping, judges, type TaggedDamping } from "../damping/tagged.ts";
import type { Batch } from "../data/batch.ts";
import { arraysOf } from "../network/flat.ts";
import type { Model } from "../network/model.ts";
import { leavesRowSpace } from "../problem/objective.ts";
import { systemFor } from "../problem/session.ts";
import { checkVector } from "../problem/vectors.ts";
import { countCopies, withCopies } from "../row_system/competitors.ts";
import { metricNamed } from "../row_system/metric_option.ts";
import type { MetricUpdate } from "../row_system/metric_rule.ts";
import type { RowSystemKind } from "../solver/row_matrix.ts";
import { type CheckedSolver, readStart, solverOf } from "../solver/solver.ts";
import { checkAt, type StepOptions, wantedAt, worksAt } from "./options.ts";
import { hasTwoStageLayer, placesOf } from "./places.ts";
import type { Method } from "./stage.ts";

/** The method that the options of `fgnStep` ask for. */
export const methodOf = ({ refine = 0 }: StepOptions): Method =>
  refine === 0
    ? { _tag: "fgn" }
    : { _tag: "ggn", preconditioner: "fgn", tolerance: Number.MIN_VALUE, maxIterations: refine };

/** A step to be, checked. */
export interface Plan {
  /** The examples, followed by the copies that carry the rows of their competitors. */
  readonly batch: Batch;
  /** Whether there are such copies. */
  readonly competes: boolean;
  readonly damping: TaggedDamping;
  readonly solver: CheckedSolver;
  readonly method: Method;
  readonly kind: RowSystemKind;
  /** Whether the loss after a step is evaluated: where it is asked for, or decides on another attempt. */
  readonly judged: boolean;
  /** Whether the gradient has a part outside the margins' row space. */
  readonly remainder: boolean;
  readonly majorized: boolean;
  /** The rule of the layers' metrics at work, or null: all are Euclidean. */
  readonly metric: MetricUpdate<unknown> | null;
  /** η, or 0. */
  readonly twoStage: number;
  /** The share of its own size that a layer may move by, or 0. */
  readonly limit: number;
  /** βd₋, or null. */
  readonly previous: Float32Array | null;
}

/** Checks that the options go along, the metric of an optimizer's rule included. Errors: `InvalidOption`. */
function checkTogether(
  model: Model,
  options: StepOptions,
  remainder: boolean,
  method: Method,
  rule: MetricUpdate<unknown> | null,
): E.Either<FgnError, void> {
  const { system, twoStage = 0, warmStart } = options, places = placesOf(model, remainder);
  if (method._tag === "ggn") places.push("refine");
  if (system === "matrixFree") places.push("matrixFree");
  if (twoStage > 0) places.push("twoStage");
  if (warmStart !== undefined) places.push("warmStart");
  for (const place of places) {
    if (rule !== null && !worksAt("metric", place)) return invalid("optimizer", rule.name, wantedAt(place, "metric"));
    const checked = checkAt(place, options);
    if (checked._tag === "Left") return checked;
  }
  return E.right(undefined);
}

/** The metric and the two-stage system by themselves. Errors: `InvalidOption`. */
function checkVariants(
  model: Model,
  batch: Batch,
  { metric = "euclidean", twoStage = 0 }: StepOptions,
  rule: MetricUpdate<unknown> | null,
): E.Either<FgnError, Pick<Plan, "metric" | "twoStage">> {
  if (twoStage > 0 && !hasTwoStageLayer(model, batch)) {
    const wanted = "it where the last layer is dense, trains and reads no sparse features";
    return rule === null ? invalid("twoStage", twoStage, wanted) : invalid("optimizer", rule.name, wanted);
  }
  return E.right({ metric: rule ?? metricNamed(metric), twoStage });
}

/** βd₋, or null where it is zero. Errors: `ShapeMismatch`, `NotFinite`. */
function checkMomentum(model: Model, { momentum }: StepOptions): E.Either<FgnError, Float32Array | null> {
  if (momentum === undefined) return E.right(null);
  const { decay, previous } = momentum;
  if (previous === null || decay === 0) return E.right(null);
  const step = checkVector(model, "momentum", previous);
  return step._tag === "Left" ? step : E.right(step.right.map((v) => decay * v));
}

/** A step on a batch that matches the model, by options that fit each by itself. Errors: `InvalidDamping`, `InvalidOption`, `ShapeMismatch`, `NotFinite`. */
export function plan(
  model: Model,
  batch: Batch,
  damping: Damping,
  options: StepOptions,
  method: Method,
  rule: MetricUpdate<unknown> | null,
): E.Either<FgnError, Plan> {
  const checked = checkDamping(damping);
  if (checked._tag === "Left") return checked;
  const started = readStart(solverOf(options), batch.labels.length);
  if (started._tag === "Left") return started;
  const { system } = started.right;
  if (arraysOf(model).length === 0) {
    return fail(
      "InvalidLayer",
      { layer: "layers", reason: "every layer is frozen" },
      "the network has nothing to train: every layer is frozen",
      "Unfreeze a layer, or add adapters",
    );
  }
  const { lossAfter = true, trustRegion = 0 } = options;
  const previous = checkMomentum(model, options);
  if (previous._tag === "Left") return previous;
  const remainder = leavesRowSpace(batch, options);
  const together = checkTogether(model, options, remainder, method, rule);
  if (together._tag === "Left") return together;
  const variants = checkVariants(model, batch, options, rule);
  if (variants._tag === "Left") return variants;
  const { metric, twoStage } = variants.right;
  const copies = countCopies(options, model.outputs), rows = withCopies(batch, copies);
  if (rows._tag === "Left") return rows;
  // Without a preconditioner the full system needs K̄ alone, which is cheap without the Gram matrix.
  const plain = method._tag === "ggn" && method.preconditioner === "none";
  const explicit = started.right.solver === "cholesky";
  const wanted = system !== "auto" ? system : plain ? "matrixFree" : explicit ? "gram" : "auto";
  const kind = systemFor(model, rows.right.features, wanted, options, twoStage > 0);
  if (kind._tag === "Left") return kind;
  return E.right({
    batch: rows.right,
    competes: copies > 0,
    damping: checked.right,
    solver: started.right,
    method,
    kind: kind.right,
    judged: lossAfter || judges(checked.right),
    remainder,
    majorized: options.curvature === "majorized",
    metric,
    twoStage,
    limit: trustRegion,
    previous: previous.right,
  });
}

/**
 * What a step is asked for, checked, and the kernel opened for it.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError, invalid } from "../check/error.ts";
import type { Damping } from "../damping/damping.ts";
import { checkDamping, judges, type TaggedDamping } from "../damping/tagged.ts";
import type { Batch } from "../data/batch.ts";
import { checkLength } from "../data/matrix.ts";
import { isSparse } from "../data/sparse.ts";
import { arraysOf } from "../network/flat.ts";
import type { Model } from "../network/model.ts";
import { leavesRowSpace, type ObjectiveOptions } from "../problem/objective.ts";
import { checkBatch, type KernelOption, systemFor } from "../problem/session.ts";
import { checkVector } from "../problem/vectors.ts";
import { checkCompetitors, type CompetitorOptions, withCopies } from "../row_system/competitors.ts";
import type { MetricView } from "../row_system/metric.ts";
import { type MetricOptions, METRICS } from "../row_system/metric_option.ts";
import type { RowSystemKind } from "../solver/row_matrix.ts";
import { type CheckedSolver, checkSolver, type SolverOptions } from "../solver/solver.ts";
import type { Method } from "./stage.ts";

/** Options of {@link fgnStep}. */
export interface StepOptions extends SolverOptions, ObjectiveOptions, KernelOption, MetricOptions, CompetitorOptions {
  /**
   * Whether to evaluate the batch loss after the step (default true). Without it the step is cheaper by a
   * forward pass (or by B²C multiply-adds for a linear head) and the report lacks what needs it.
   * Levenberg–Marquardt and backtracking always evaluate it.
   */
  readonly lossAfter?: boolean;
  /**
   * The curvature weight of a margin: `gaussNewton` is p s, the second derivative of the loss (default); `majorized` is
   * κ = tanh(|m|/2)/(2|m|) ≥ p s (Jaakkola and Jordan 1997), with which the quadratic model lies above the loss: where
   * margins are linear in the parameters, as those of a linear head with two classes, no step on the whole data raises
   * it. κ does not vanish where the model is confidently wrong, so that damping matters less.
   */
  readonly curvature?: "gaussNewton" | "majorized";
  /**
   * η ≥ 0 of the two-stage system (default 0: none): adds Σ α_i η s_i ‖dW h_i + db‖² for a dense last layer, in place of
   * the curvature that FGN drops; ½ bounds it from above. The factored metric divides the entries of dW h_i + db by o.
   * Same conditions as `metric`.
   */
  readonly twoStage?: number;
  /**
   * Puts the dropped curvature back: so many iterations of conjugate gradient on the full Gauss-Newton system,
   * preconditioned by the FGN inverse (default 0: the FGN step itself). The first gives the FGN step its best
   * length; each costs one full product. The report's solver is then that of the full system.
   */
  readonly refine?: number;
  /**
   * The share of its own size that a layer may move by: its step is scaled by min(1, share · max(rms W, fan-in^−½)/rms dW)
   * (default 0: no limit). For networks with two and more layers that train.
   */
  readonly trustRegion?: number;
  /**
   * Draws the step towards the one before: minimises the damped model with ½λ‖d − βd₋‖² in place of ½λ‖d‖², that is
   * (H + λI)d = −g + λβd₋ (momentum through the right-hand side; Goldshlager, Abrahamsen and Lin 2024), λM for λI in
   * another metric. Not with `twoStage`, `refine` or `ggnStep`. The transform `momentum` keeps d₋.
   */
  readonly momentum?: Momentum;
  /**
   * The parameters are given up (default false): a step that is taken goes on in the memory of their trainable arrays, which
   * saves large models the time that fresh pages take. Those arrays, and every other view of their memory, are empty from
   * then on, so that nothing is ever overwritten under a reader; a later call with them is told `DonatedParameters`. After
   * an error or a rejected step they are as they were. Frozen arrays stay shared. An array is copied, and stays, where it
   * is not all of its buffer, or where another array of the model has the same one. The result has the same bytes.
   */
  readonly donate?: boolean;
}

/** The step before and how much of it counts. */
export interface Momentum {
  /** β in [0, 1). */
  readonly decay: number;
  /** d₋: P numbers in the order of `parameters`, or null: none yet. */
  readonly previous: ArrayLike<number> | null;
}

/** The method that the options of `fgnStep` ask for. Errors: `InvalidOption`. */
export function methodOf({ refine = 0 }: StepOptions): E.Either<FgnError, Method> {
  if (!(Number.isSafeInteger(refine) && refine >= 0)) return invalid("refine", refine, "a whole number from 0");
  return E.right(
    refine === 0
      ? { _tag: "fgn" }
      : { _tag: "ggn", preconditioner: "fgn", tolerance: Number.MIN_VALUE, maxIterations: refine },
  );
}

/** What an optimizer decides within a step; internal. */
export interface StepRule {
  /** Of the optimizer, for errors. */
  readonly name: string;
  /** Sets the metrics of the layers. */
  readonly metric: (view: MetricView) => void;
}

/** What a step is asked for, checked. */
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
  /** Sets the metrics of the layers, or null: the Euclidean ones. */
  readonly metric: ((view: MetricView) => void) | null;
  /** η, or 0. */
  readonly twoStage: number;
  /** The share of its own size that a layer may move by, or 0. */
  readonly limit: number;
  /** βd₋, or null. */
  readonly previous: Float32Array | null;
}

/** What the centred metric and the two-stage system cannot go with yet, checked. Errors: `InvalidOption`. */
function checkVariants(
  model: Model,
  batch: Batch,
  { metric = "euclidean", twoStage = 0, system }: StepOptions,
  remainder: boolean,
  method: Method,
  rule: StepRule | null,
): E.Either<FgnError, Pick<Plan, "metric" | "twoStage">> {
  if (!Object.hasOwn(METRICS, metric)) return invalid("metric", metric, "euclidean, centred or factored");
  if (!(twoStage >= 0 && twoStage < Infinity)) return invalid("twoStage", twoStage, "a number of at least 0");
  const sets = rule?.metric ?? METRICS[metric];
  if (sets === null && twoStage === 0) return E.right({ metric: sets, twoStage });
  const refused = (wanted: string): E.Either<FgnError, never> => {
    if (rule !== null) return invalid("optimizer", rule.name, wanted);
    return sets === null ? invalid("twoStage", twoStage, wanted) : invalid("metric", metric, wanted);
  };
  if (model._tag === "custom") return refused("it with a network only");
  if (method._tag === "ggn") return refused("it without refine");
  if (system === "matrixFree") return refused("it with an explicit row system only");
  if (remainder) return refused("it without soft targets, label smoothing and ℓ2");
  const last = model.layers.at(-1);
  const reads = model.layers.length === 1 && isSparse(batch.features);
  if (twoStage > 0 && (last?._tag !== "dense" || last.frozen || reads)) {
    const wanted = "it to networks whose last layer is dense, trains and does not read sparse features";
    return rule === null ? invalid("twoStage", twoStage, wanted) : refused(wanted);
  }
  return E.right({ metric: sets, twoStage });
}

/** βd₋, or null where it is zero. Errors: `InvalidOption`, `ShapeMismatch`, `NotFinite`. */
function checkMomentum(
  model: Model,
  { momentum, twoStage = 0 }: StepOptions,
  method: Method,
): E.Either<FgnError, Float32Array | null> {
  if (momentum === undefined) return E.right(null);
  const { decay, previous } = momentum;
  if (!(decay >= 0 && decay < 1)) return invalid("momentum", decay, "a number in [0, 1)");
  if (twoStage > 0 || method._tag === "ggn") {
    return invalid("momentum", decay, "it without twoStage, refine and ggnStep");
  }
  if (previous === null || decay === 0) return E.right(null);
  const step = checkVector(model, "momentum", previous);
  return step._tag === "Left" ? step : E.right(step.right.map((v) => decay * v));
}

/** Errors: `InvalidDamping`, `InvalidOption`, `ShapeMismatch`, `NotFinite`. */
export function plan(
  model: Model,
  batch: Batch,
  damping: Damping,
  options: StepOptions,
  method: Method,
  rule: StepRule | null,
): E.Either<FgnError, Plan> {
  const checked = checkDamping(damping);
  if (checked._tag === "Left") return checked;
  const solver = checkSolver(options);
  if (solver._tag === "Left") return solver;
  const fits = checkBatch(model, batch);
  if (fits._tag === "Left") return fits;
  const { warmStart, system } = solver.right;
  if (warmStart !== null) {
    const length = checkLength("warmStart", warmStart.length, batch.labels.length);
    if (length._tag === "Left") return length;
    if (!warmStart.every(Number.isFinite)) return invalid("warmStart", warmStart, "finite numbers");
  }
  if (arraysOf(model).length === 0) {
    return fail(
      "InvalidLayer",
      { layer: "layers", reason: "every layer is frozen" },
      "the network has nothing to train: every layer is frozen",
      "Unfreeze a layer, or add adapters",
    );
  }
  const { lossAfter = true, curvature = "gaussNewton", trustRegion = 0, donate = false } = options;
  if (typeof donate !== "boolean") return invalid("donate", donate, "true or false");
  if (!(trustRegion >= 0 && trustRegion < Infinity)) {
    return invalid("trustRegion", trustRegion, "a number of at least 0");
  }
  const previous = checkMomentum(model, options, method);
  if (previous._tag === "Left") return previous;
  if (curvature !== "gaussNewton" && curvature !== "majorized") {
    return invalid("curvature", curvature, "gaussNewton or majorized");
  }
  const remainder = leavesRowSpace(batch, options);
  const variants = checkVariants(model, batch, options, remainder, method, rule);
  if (variants._tag === "Left") return variants;
  const { metric, twoStage } = variants.right;
  const copies = checkCompetitors(options, model.outputs, method._tag === "ggn");
  if (copies._tag === "Left") return copies;
  const rows = withCopies(batch, copies.right);
  if (rows._tag === "Left") return rows;
  // Without a preconditioner the full system needs K̄ alone, which is cheap without the Gram matrix.
  const plain = method._tag === "ggn" && method.preconditioner === "none";
  const explicit = metric !== null || twoStage > 0 || solver.right.solver === "cholesky";
  const wanted = system !== "auto" ? system : plain ? "matrixFree" : explicit ? "gram" : "auto";
  const kind = systemFor(model, rows.right.features, wanted, options);
  if (kind._tag === "Left") return kind;
  return E.right({
    batch: rows.right,
    competes: copies.right > 0,
    damping: checked.right,
    solver: solver.right,
    method,
    kind: kind.right,
    judged: lossAfter || judges(checked.right),
    remainder,
    majorized: curvature === "majorized",
    metric,
    twoStage,
    limit: trustRegion,
    previous: previous.right,
  });
}

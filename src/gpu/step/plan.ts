/**
 * Requests of steps on the device, checked.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { type FgnError, invalid } from "../../check/error.ts";
import { checkObject } from "../../check/kind.ts";
import type { Damping } from "../../damping/damping.ts";
import { checkDamping, judges, type TaggedDamping } from "../../damping/tagged.ts";
import type { Batch } from "../../data/batch.ts";
import type { Network } from "../../network/layer.ts";
import { type Aim, aimOf } from "../../problem/objective.ts";
import { checkSolver, readStart } from "../../solver/solver.ts";
import { refusedAt } from "../../step/options.ts";
import type { Asked } from "../../step/stage.ts";
import { failUnsupported } from "../device/faults.ts";
import type { BackendStepOptions } from "./options.ts";

/** A checked request. */
export interface Request extends Asked {
  readonly damping: TaggedDamping;
  readonly aim: Aim;
  readonly majorized: boolean;
}

/** The parts that steps on the device lack. */
const PLAIN = { method: { _tag: "fgn" }, twoStage: 0, limit: 0 } as const;

/**
 * Errors: `WrongKind`.
 * @internal
 */
export const checkOptions = (options: BackendStepOptions): E.Either<FgnError, BackendStepOptions> =>
  checkObject("the options", options, "an object with options, or nothing");

/** Errors: `Unsupported`. */
function checkSupported(options: BackendStepOptions & { readonly microBatch?: number }): E.Either<FgnError, void> {
  const name = options.microBatch === undefined ? refusedAt("device", options) : "microBatch";
  return name === undefined ? E.right(undefined) : failUnsupported(`the option ${name}`);
}

/** Errors: those of `fgnStep` for bad options, `Unsupported`. */
export function checkRequest(
  network: Network,
  batch: Batch,
  damping: Damping,
  options: BackendStepOptions,
): E.Either<FgnError, Request> {
  const object = checkOptions(options);
  if (object._tag === "Left") return object;
  const supported = checkSupported(options);
  if (supported._tag === "Left") return supported;
  const tagged = checkDamping(damping);
  if (tagged._tag === "Left") return tagged;
  const solver = checkSolver(options);
  if (solver._tag === "Left") return solver;
  const started = readStart(solver.right, batch.labels.length);
  if (started._tag === "Left") return started;
  const { lossAfter = true, curvature = "gaussNewton" } = options;
  if (curvature !== "gaussNewton" && curvature !== "majorized") {
    return invalid("curvature", curvature, "gaussNewton or majorized");
  }
  const aim = aimOf(batch, network.outputs, options);
  return aim._tag === "Left" ? aim : E.right({
    damping: tagged.right,
    solver: started.right,
    aim: aim.right,
    majorized: curvature === "majorized",
    judged: lossAfter || judges(tagged.right),
    ...PLAIN,
  });
}

/**
 * Requests of steps on the device, checked.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../../check/error.ts";
import { checkOptions, type Rules, without } from "../../check/rule.ts";
import type { Damping } from "../../damping/damping.ts";
import { checkDamping, judges, type TaggedDamping } from "../../damping/tagged.ts";
import type { Batch } from "../../data/batch.ts";
import type { Network } from "../../network/layer.ts";
import { type Aim, aimOf } from "../../problem/objective.ts";
import { readStart, solverOf } from "../../solver/solver.ts";
import { refusedAt, STEP, type StepOptions } from "../../step/options.ts";
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
 * Rules of the options of a step on a backend.
 * @internal
 */
export const BACKEND_STEP: Rules<BackendStepOptions> = /* @__PURE__ */ without(STEP, "kernel");

/** Errors: `Unsupported`. */
function checkSupported(options: BackendStepOptions): E.Either<FgnError, void> {
  const name = refusedAt("device", options);
  return name === undefined ? E.right(undefined) : failUnsupported(`the option ${name}`);
}

/** Errors: those of `fgnStep` for bad options, `Unsupported`. */
export function checkRequest(
  network: Network,
  batch: Batch,
  damping: Damping,
  given: BackendStepOptions & { readonly microBatch?: number },
): E.Either<FgnError, Request> {
  if (given?.microBatch !== undefined) return failUnsupported("the option microBatch");
  const fits = checkOptions<StepOptions>(given, STEP);
  if (fits._tag === "Left") return fits;
  const options = fits.right;
  const supported = checkSupported(options);
  if (supported._tag === "Left") return supported;
  const tagged = checkDamping(damping);
  if (tagged._tag === "Left") return tagged;
  const started = readStart(solverOf(options), batch.labels.length);
  if (started._tag === "Left") return started;
  const { lossAfter = true, curvature } = options;
  const aim = aimOf(batch, network, options);
  return aim._tag === "Left" ? aim : E.right({
    damping: tagged.right,
    solver: started.right,
    aim: aim.right,
    majorized: curvature === "majorized",
    judged: lossAfter || judges(tagged.right),
    ...PLAIN,
  });
}

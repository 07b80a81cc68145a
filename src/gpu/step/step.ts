/**
 * One step on the device: the passes there, the solver of the B × B system here, in float64.
 *
 * Per step four scalars an example come down, and the Gram matrix or, where that is large, B numbers of each of its
 * products; per attempt B row coefficients go up and, where the loss after is wanted, the scalars come down again;
 * parameters, features and activations stay.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError, overflow } from "../../check/error.ts";
import type { Damping } from "../../damping/damping.ts";
import { f64 } from "../../kernel/arena.ts";
import type { LoadedKernel } from "../../kernel/kernel.ts";
import { failRange, isRange } from "../../row_system/gram.ts";
import { type Candidate, computeShift, shorten } from "../../step/attempt.ts";
import type { StepReport } from "../../step/report.ts";
import { type Attempt, type Search, search, type Tried } from "../../step/search.ts";
import { up4 } from "../../tape/tape.ts";
import type { Workspace } from "../../tape/workspace.ts";
import type { Device } from "../device/device.ts";
import { type Scope, scope as openScope } from "../device/pool.ts";
import { checkFits, type Range, type View, view, whole } from "../device/view.ts";
import type { Examples } from "../tape/examples.ts";
import { backward, compile, forward, marginPass, type Tape } from "../tape/tape.ts";
import { type Parameters, retainTensors, type Tensor } from "../tape/tensor.ts";
import { mirror, takeDiagonal } from "./gram.ts";
import type { Request } from "./plan.ts";
import { margins, meanLoss, openRows, STATS } from "./rows.ts";
import { type DeviceGram, deviceSystem, hostSystem, type RowSystem, staysOnDevice } from "./solve.ts";

/** The result of a step on the device; whoever takes it holds its tensors. */
export interface DeviceStep {
  readonly params: Parameters;
  readonly damping: Damping;
  readonly dual: Float64Array;
  readonly report: StepReport;
}

/** A step under way. */
interface Running {
  readonly device: Device;
  readonly params: Parameters;
  readonly examples: Examples;
  readonly request: Request;
  readonly ws: Workspace;
  readonly tape: Tape;
  readonly scope: Scope;
  /** B × 4. */
  readonly stats: View;
  /** B × 1. */
  readonly scale: View;
  readonly fault: Range;
  /** Whether the Gram matrix stays on the device. */
  readonly stays: boolean;
}

/** Lays out a step. Errors: `OutOfMemory`, `InvalidLayer`. */
function open(
  device: Device,
  kernel: LoadedKernel,
  params: Parameters,
  examples: Examples,
  request: Request,
  scope: Scope,
): E.Either<FgnError, Running> {
  if (!params.tensors.some(({ trains }) => trains)) {
    return fail(
      "InvalidLayer",
      { layer: "layers", reason: "every layer is frozen" },
      "the network has nothing to train: every layer is frozen",
      "Unfreeze a layer, or add adapters",
    );
  }
  const B = examples.features.rows, { limits } = device;
  const stays = staysOnDevice(request.solver, B, device.hostRows);
  const fits = checkFits(limits, "the Gram matrix", B, up4(B) + (stays ? 0 : STATS));
  if (fits._tag === "Left") return fits;
  const ws = openRows(kernel, request.aim.alpha, !stays);
  if (ws._tag === "Left") return ws;
  const needs = { signals: true, trial: request.judged };
  const tape = compile(limits, params.skeleton, examples.features, scope, needs);
  if (tape._tag === "Left") return tape;
  const stats = view(scope.acquire(4 * STATS * B), B, STATS), scale = view(scope.acquire(4 * B), B, 1);
  const fault = { buffer: scope.acquire(4), offset: 0, size: 4 };
  return E.right({
    device,
    params,
    examples,
    request,
    ws: ws.right,
    tape: tape.right,
    scope,
    stats,
    scale,
    fault,
    stays,
  });
}

/** Forward and backward pass and the Gram matrix; leaves the margins in the rows. */
async function linearise(running: Running): Promise<E.Either<FgnError, { lossBefore: number; system: RowSystem }>> {
  const { device, params: { tensors }, examples: { labels }, request, ws, tape, scope, stats, stays } = running;
  const { rows } = tape, ld = up4(rows), column = (): View => view(scope.acquire(4 * rows), rows, 1);
  let gram: DeviceGram | null = null;
  const submitted = await device.submit((encoder) => {
    const K = view(scope.acquire(4 * rows * ld), rows, ld);
    forward(tape, encoder, tensors, false);
    marginPass(tape, encoder, labels, stats, { trial: false, signals: true });
    backward(tape, encoder, tensors);
    encoder.clear(whole(K));
    for (const op of tape.ops) op.gram(encoder, K);
    if (!stays) return [whole(stats), whole(K)];
    gram = { K, x: column(), y: column() };
    mirror(device.limits, encoder, K);
    takeDiagonal(device.limits, encoder, K, gram.y);
    return [whole(stats), whole(gram.y)];
  });
  if (submitted._tag === "Left") return submitted;
  const scalars = new Float32Array(submitted.right, 0, STATS * rows);
  const lossBefore = margins(ws, scalars, request.majorized);
  if (!Number.isFinite(lossBefore)) return overflow("the loss");
  const rest = new Float32Array(submitted.right, 4 * STATS * rows);
  const system = gram === null ? hostSystem(request, ws, rest) : deviceSystem(device, request, ws, gram, rest);
  return E.right({ lossBefore, system });
}

/** New tensors in place of those that train. */
function newTensors({ params, scope }: Running): readonly Tensor[] {
  return params.tensors.map((tensor) =>
    tensor.trains ? { ...tensor, buffer: scope.acquire(4 * tensor.rows * tensor.cols), offset: 0, holders: 0 } : tensor
  );
}

/**
 * Writes θ + Jᵀa for the dual a of the candidate at hand, and gives the loss there if it is judged. Errors: `Overflow`,
 * those of the device.
 */
async function tryTensors(
  running: Running,
  tensors: readonly Tensor[],
  candidate: Candidate,
): Promise<E.Either<FgnError, Tried>> {
  const { device, params, examples: { labels }, request: { judged }, ws, tape, stats, scale, fault } = running;
  const submitted = await device.submit((encoder) => {
    encoder.write(scale.buffer, Float32Array.from(f64(ws.kernel, ws.at.dual, ws.rows)));
    encoder.clear(fault);
    for (const op of tape.ops) op.update(encoder, { from: params.tensors, to: tensors, scale, fault });
    if (judged) {
      forward(tape, encoder, tensors, true);
      marginPass(tape, encoder, labels, stats, { trial: true, signals: false });
    }
    return judged ? [fault, whole(stats)] : [fault];
  });
  if (submitted._tag === "Left") return submitted;
  const finite = new Uint32Array(submitted.right, 0, 1)[0] === 0;
  if (!judged) return finite ? E.right({ candidate, lossAfter: undefined }) : overflow("the new parameters");
  return E.right({ candidate, lossAfter: finite ? meanLoss(ws, new Float32Array(submitted.right, 4)) : NaN });
}

/** Makes an attempt and tries it out, or says that its system could not be solved. Errors: those of the device. */
async function tryOut(
  running: Running,
  { stage, attempt }: RowSystem,
  tensors: readonly Tensor[],
  asked: Attempt,
): Promise<E.Either<FgnError, E.Either<FgnError, Tried>>> {
  const solved = asked._tag === "solve"
    ? await attempt(asked.lambda)
    : E.right(E.right(shorten(stage, asked.candidate, asked.share)));
  if (solved._tag === "Left") return solved;
  if (solved.right._tag === "Left") return E.right(solved.right);
  return E.map((tried: Tried) => E.right(tried))(await tryTensors(running, tensors, solved.right.right));
}

/** Runs a search whose attempts are awaited, as `tryAtOnce` does on the CPU. Errors: those of the device. */
async function tryOnDevice<A>(
  running: Running,
  system: RowSystem,
  tensors: readonly Tensor[],
  steps: Search<A>,
): Promise<E.Either<FgnError, A>> {
  let next = steps.next();
  while (next.done !== true) {
    const tried = await tryOut(running, system, tensors, next.value);
    if (tried._tag === "Left") return tried;
    next = steps.next(tried.right);
  }
  return E.right(next.value);
}

/** The step of an open problem. */
async function run(running: Running, given: Damping): Promise<E.Either<FgnError, DeviceStep>> {
  const { params, examples, request: { damping, aim: { totalWeight } }, ws, scope } = running;
  const linear = await linearise(running);
  if (linear._tag === "Left") return linear;
  const { lossBefore, system } = linear.right, { stage } = system;
  const { meanDiagonal } = stage.system;
  // Zero where there is no gradient, or where the products of the features have left float32.
  if (!isRange(meanDiagonal) && (meanDiagonal !== 0 || examples.tiny)) return failRange();
  computeShift(ws, stage.vectors);
  const norm = await system.gradientNorm();
  if (norm._tag === "Left") return norm;
  const ready = { stage, lossBefore, totalWeight, examples: ws.rows }, trial = newTensors(running);
  const steps = search(ready, norm.right, given, damping);
  const ended = E.flatten(await tryOnDevice(running, system, trial, steps));
  if (ended._tag === "Left") return ended;
  const { report: { accepted } } = ended.right;
  const tensors = accepted ? trial : params.tensors;
  for (const { buffer } of accepted ? tensors : []) scope.keep(buffer);
  retainTensors(tensors);
  return E.right({ params: { skeleton: params.skeleton, tensors }, ...ended.right });
}

/** A step on the device; its tensors are held once for the caller. Errors: those of `Backend.fgnStep`. */
export async function stepOnDevice(
  device: Device,
  kernel: LoadedKernel,
  params: Parameters,
  examples: Examples,
  given: Damping,
  request: Request,
): Promise<E.Either<FgnError, DeviceStep>> {
  const scope = openScope(device.pool);
  try {
    const opened = open(device, kernel, params, examples, request, scope);
    return opened._tag === "Left" ? opened : await run(opened.right, given);
  } finally {
    scope.close();
  }
}

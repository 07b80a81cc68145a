/**
 * The CPU kernels behind the interface of backends.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { TaskEither } from "fp-ts/lib/TaskEither.js";
import { fail, type FgnError } from "../check/error.ts";
import { checkOptions } from "../check/rule.ts";
import { relative } from "../damping/damping.ts";
import { type Batch, checkBatchKind } from "../data/batch.ts";
import { checkModelKind } from "../network/flat.ts";
import type { Network } from "../network/layer.ts";
import { checkNetwork } from "../network/network.ts";
import { evaluate, logits } from "../passes/evaluate.ts";
import { KERNEL, type KernelOption } from "../problem/session.ts";
import { fgnStep } from "../step/step.ts";
import type { Backend, Resident, ResidentBatch } from "./backend.ts";
import { failLost } from "./device/faults.ts";
import { noTraffic } from "./device/traffic.ts";
import { handles } from "./handles.ts";
import { BACKEND_STEP } from "./step/plan.ts";
import { guardBackend } from "./total.ts";

/** A network alone. Errors: `WrongKind`, `ShapeMismatch`, `InvalidLayer`, `InvalidSize`, `InvalidOption`. */
function checkParameters(network: Network): E.Either<FgnError, Network> {
  const kind = checkModelKind(network);
  if (kind._tag === "Left") return kind;
  if (kind.right._tag === "custom") {
    const details = { option: "params", value: "a custom model" };
    return fail("InvalidOption", details, "the model is one of your own", "Give a network: backends take no functions");
  }
  const checked = checkNetwork(network);
  return checked._tag === "Left" ? checked : E.right(network);
}

const residentOf = ({ inputs, outputs }: Network): Resident => ({ _tag: "resident", inputs, classes: outputs });

/**
 * The CPU kernels as a backend, with all options of `fgnStep`: nothing moves and nothing is counted, but handles end as
 * they do on a device. Given arrays are kept without copying and not written to. An option that does not fit is the error of
 * every task.
 *
 * @example
 * ```ts
 * import { batch, matrix, zeroHead } from "fgn";
 * import { cpu } from "fgn/gpu";
 * import { pipe } from "fp-ts/lib/function.js";
 * import * as TE from "fp-ts/lib/TaskEither.js";
 *
 * const backend = cpu();
 * const data = TE.fromEither(pipe(matrix(2, 2, [1, 0, 0, 1]), (m) => m._tag === "Left" ? m : batch({ features: m.right, labels: [0, 1] })));
 * const step = await pipe(
 *   TE.Do,
 *   TE.bind("head", () => pipe(TE.fromEither(zeroHead({ features: 2, classes: 2 })), TE.chain(backend.onDevice))),
 *   TE.bind("data", () => pipe(data, TE.chain(backend.batchOnDevice))),
 *   TE.chain(({ head, data }) => backend.fgnStep(head, data)),
 * )();
 * if (step._tag === "Right") console.log(step.right.report.lossAfter);
 * ```
 */
export function cpu(given: KernelOption = {}): Backend {
  const fits = checkOptions(given, KERNEL), option = fits._tag === "Right" ? fits.right : {};
  const parameters = handles<Resident, Network>({ what: "the parameters", maker: "onDevice", dispose: () => {} });
  const batches = handles<ResidentBatch, Batch>({ what: "the batch", maker: "batchOnDevice", dispose: () => {} });
  let closed = false;
  /** The result of a task, unless the backend is closed. */
  const runTask = <A>(run: () => E.Either<FgnError, A>): TaskEither<FgnError, A> => () =>
    Promise.resolve(fits._tag === "Left" ? fits : closed ? failLost("the backend was closed") : run());
  const release = (resident: Resident | ResidentBatch): void => {
    // A handle of the other kind is none of theirs.
    parameters.release(resident as Resident);
    batches.release(resident as ResidentBatch);
  };
  const withBoth = <A>(
    resident: Resident,
    batch: ResidentBatch,
    run: (network: Network, data: Batch) => E.Either<FgnError, A>,
  ): E.Either<FgnError, A> => {
    const network = parameters.get(resident);
    if (network._tag === "Left") return network;
    const data = batches.get(batch);
    return data._tag === "Left" ? data : run(network.right, data.right);
  };
  return guardBackend({
    name: "cpu",
    description: option.kernel?.name ?? "simd128",
    onDevice: (network) =>
      runTask(() =>
        E.map((checked: Network) => parameters.make(residentOf(checked), checked))(checkParameters(network))
      ),
    batchOnDevice: (batch) =>
      runTask(() =>
        E.map((data: Batch) => {
          const { rows, cols } = data.features;
          return batches.make({ _tag: "residentBatch", examples: rows, inputs: cols }, data);
        })(checkBatchKind(batch))
      ),
    fgnStep: (resident, batch, damping = relative(1), stepOptions = {}) =>
      runTask(() => {
        const checked = checkOptions(stepOptions, BACKEND_STEP);
        if (checked._tag === "Left") return checked;
        const { donate = false, ...options } = checked.right;
        const stepped = withBoth(resident, batch, (network, data) => {
          return fgnStep(network, data, damping, { ...options, ...option });
        });
        if (stepped._tag === "Left") return stepped;
        if (donate) release(resident);
        const { params, ...rest } = stepped.right;
        return E.right({ ...rest, params: parameters.make(residentOf(params), params) });
      }),
    evaluate: (resident, batch) =>
      runTask(() => withBoth(resident, batch, (network, data) => evaluate(network, data, option))),
    logits: (resident, batch) =>
      runTask(() => withBoth(resident, batch, (network, data) => logits(network, data.features, option))),
    download: (resident) => runTask(() => parameters.get(resident)),
    release,
    traffic: noTraffic,
    close: () => void (closed = true),
  });
}

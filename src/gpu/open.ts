/**
 * A backend over a device: handles of what lies there, and operations in turn.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { TaskEither } from "fp-ts/lib/TaskEither.js";
import { fail, type FgnError } from "../check/error.ts";
import { isObject } from "../check/kind.ts";
import { checkOptions, oneOf, type Rules } from "../check/rule.ts";
import { causeOf } from "../check/show.ts";
import { guardAsync } from "../check/total.ts";
import { relative } from "../damping/damping.ts";
import { instantiate, type LoadedKernel } from "../kernel/kernel.ts";
import { simd } from "../kernel/simd.generated.ts";
import type { Purpose } from "../problem/session.ts";
import type { Backend, Resident, ResidentBatch } from "./backend.ts";
import { type Device, type Lowered, openDevice } from "./device/device.ts";
import { failNoGpu } from "./device/faults.ts";
import { type Handles, handles } from "./handles.ts";
import { checkRequest } from "./step/plan.ts";
import { evaluateOnDevice, logitsOnDevice } from "./step/predict.ts";
import { stepOnDevice } from "./step/step.ts";
import { checkExamples, checkMatch, type Examples } from "./tape/examples.ts";
import { type Parameters, releaseTensors, retainTensors } from "./tape/tensor.ts";
import { checkParameters, type CountedExamples, download, releaseBatch, upload, uploadBatch } from "./tape/upload.ts";
import { guardBackend } from "./total.ts";
import type { WebGpuOptions } from "./web_gpu_options.ts";

const WEB_GPU: Rules<WebGpuOptions> = {
  device: [(value) => isObject(value) && typeof value.createBuffer === "function", "a GPUDevice, or nothing"],
  powerPreference: /* @__PURE__ */ oneOf("low-power", "high-performance"),
};

/** An open backend: its device, its kernel and what lies there. */
interface Opened {
  readonly device: Device;
  readonly kernel: LoadedKernel;
  readonly parameters: Handles<Resident, Parameters>;
  readonly batches: Handles<ResidentBatch, CountedExamples>;
}

/** Runs a task on parameters, in its turn; they are held until it is done, whatever the caller releases meanwhile. */
function withParameters<A>(
  { device, parameters }: Opened,
  resident: Resident,
  task: (params: Parameters) => Promise<E.Either<FgnError, A>>,
): TaskEither<FgnError, A> {
  return async () => {
    const params = parameters.get(resident);
    if (params._tag === "Left") return params;
    retainTensors(params.right.tensors);
    try {
      return await device.inTurn(() => task(params.right));
    } finally {
      releaseTensors(device.pool, params.right.tensors);
    }
  };
}

/** Runs a task on parameters and examples that match, in its turn. */
function withBoth<A>(
  opened: Opened,
  resident: Resident,
  batch: ResidentBatch,
  purpose: Purpose,
  task: (params: Parameters, examples: Examples) => Promise<E.Either<FgnError, A>>,
): TaskEither<FgnError, A> {
  return async () => {
    const params = opened.parameters.get(resident);
    if (params._tag === "Left") return params;
    const examples = opened.batches.get(batch);
    if (examples._tag === "Left") return examples;
    const matched = checkMatch(params.right.skeleton, examples.right, purpose);
    if (matched._tag === "Left") return matched;
    examples.right.holders++;
    try {
      return await withParameters(opened, resident, (kept) => task(kept, examples.right))();
    } finally {
      releaseBatch(opened.device, examples.right);
    }
  };
}

const residentOf = ({ skeleton }: Parameters): Resident => ({
  _tag: "resident",
  inputs: skeleton.inputs,
  classes: skeleton.outputs,
});

/** The driver's name of an adapter. */
function describe(device: GPUDevice): string {
  const { vendor = "", architecture = "", device: model = "", description = "" } = device.adapterInfo ?? {};
  return description || [vendor, architecture, model].filter((word) => word !== "").join(" ") || "unnamed device";
}

function stepsOf(opened: Opened): Pick<Backend, "fgnStep" | "evaluate" | "logits"> {
  const { device, kernel, parameters } = opened;
  return {
    fgnStep: (resident, batch, damping = relative(1), options = {}) => async () => {
      const stepped = await withBoth(opened, resident, batch, "train", (params, examples) => {
        const request = checkRequest(params.skeleton, examples.batch, damping, options);
        if (request._tag === "Left") return Promise.resolve(request);
        return stepOnDevice(device, kernel, params, examples, damping, request.right);
      })();
      if (stepped._tag === "Left") return stepped;
      if (options.donate === true) parameters.release(resident);
      const { params } = stepped.right;
      return E.right({ ...stepped.right, params: parameters.make(residentOf(params), params) });
    },
    evaluate: (resident, batch) =>
      withBoth(
        opened,
        resident,
        batch,
        "predict",
        (params, examples) => evaluateOnDevice(device, kernel, params, examples),
      ),
    logits: (resident, batch) =>
      withBoth(opened, resident, batch, "predict", (params, examples) => logitsOnDevice(device, params, examples)),
  };
}

/**
 * A backend over an open device.
 * @internal
 */
export function backendOn(device: Device, kernel: LoadedKernel, description: string): Backend {
  const parameters = handles<Resident, Parameters>({
    what: "the parameters",
    maker: "onDevice",
    dispose: ({ tensors }) => releaseTensors(device.pool, tensors),
  });
  const batches = handles<ResidentBatch, CountedExamples>({
    what: "the batch",
    maker: "batchOnDevice",
    dispose: (examples) => releaseBatch(device, examples),
  });
  const opened = { device, kernel, parameters, batches };
  return guardBackend({
    name: "webgpu",
    description,
    onDevice: (network) => async () => {
      const checked = checkParameters(network);
      if (checked._tag === "Left") return checked;
      const uploaded = await device.inTurn(() => upload(device, checked.right));
      return E.map((state: Parameters) => parameters.make(residentOf(state), state))(uploaded);
    },
    batchOnDevice: (batch) => async () => {
      const checked = checkExamples(batch);
      if (checked._tag === "Left") return checked;
      const uploaded = await device.inTurn(() => uploadBatch(device, checked.right));
      return E.map((state: CountedExamples) => {
        const { rows, cols } = state.features;
        return batches.make({ _tag: "residentBatch", examples: rows, inputs: cols }, state);
      })(uploaded);
    },
    ...stepsOf(opened),
    download: (resident) => withParameters(opened, resident, (params) => download(device, params)),
    release: (resident) => {
      // A handle of the other kind is none of theirs.
      parameters.release(resident as Resident);
      batches.release(resident as ResidentBatch);
    },
    traffic: () => ({ ...device.counts }),
    close: device.close,
  });
}

/** A device with its adapter's limits. Errors: `UnsupportedRuntime`, `DeviceFailure`. */
async function requestDevice({ powerPreference }: WebGpuOptions): Promise<E.Either<FgnError, GPUDevice>> {
  const gpu = (globalThis.navigator as Navigator | undefined)?.gpu;
  if (gpu === undefined) return failNoGpu("navigator.gpu is missing");
  try {
    const adapter = await gpu.requestAdapter(powerPreference === undefined ? {} : { powerPreference });
    if (adapter === null) return failNoGpu("there is no adapter");
    const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits;
    return E.right(await adapter.requestDevice({ requiredLimits: { maxBufferSize, maxStorageBufferBindingSize } }));
  } catch (cause) {
    const text = causeOf(cause);
    return fail(
      "DeviceFailure",
      { cause: text },
      `the adapter gives no device (${text})`,
      "Use the CPU backend, or pass a device",
    );
  }
}

/**
 * `webGpu` with lower limits than the device's, for tests of splitting and of the solve on the device.
 * @internal
 */
export function webGpuWithin(options: WebGpuOptions, limits: Lowered): TaskEither<FgnError, Backend> {
  return () => guardAsync("webGpu", { options }, openWebGpu(options, limits));
}

/** Opens a device, the caller's or one of our own. */
function openWebGpu(options: WebGpuOptions, limits: Lowered): TaskEither<FgnError, Backend> {
  return async () => {
    const checked = checkOptions(options, WEB_GPU);
    if (checked._tag === "Left") return checked;
    const own = checked.right.device as GPUDevice | undefined;
    const device = own === undefined ? await requestDevice(checked.right) : E.right(own);
    if (device._tag === "Left") return device;
    // A kernel of its own: what lies in its memory outlives the turns of a step.
    const kernel = instantiate(simd);
    if (kernel._tag === "Left") return kernel;
    const opened = openDevice(device.right, own === undefined, limits);
    return E.right(backendOn(opened, kernel.right, describe(device.right)));
  };
}

/**
 * The WebGPU backend.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { TaskEither } from "fp-ts/lib/TaskEither.js";
import type { Batch } from "../batch.ts";
import { relative } from "../damping/damping.ts";
import { fail, type FgnError, invalid } from "../error.ts";
import { instantiate, type LoadedKernel } from "../kernel/kernel.ts";
import { simd } from "../kernel/simd.generated.ts";
import { checkModelKind } from "../network/flat.ts";
import type { Layer, Network } from "../network/layer.ts";
import { checkNetwork } from "../network/network.ts";
import type { Backend, Resident, ResidentBatch } from "./backend.ts";
import { type Device, openDevice } from "./device.ts";
import { checkExamples, checkMatch, type Examples } from "./examples.ts";
import { causeOf, noGpu, unsupported } from "./faults.ts";
import { type Handles, handles } from "./handles.ts";
import { scope as openScope } from "./pool.ts";
import { evaluateOnDevice, logitsOnDevice } from "./predict.ts";
import { checkRequest } from "./request.ts";
import { mapArrays } from "./skeleton.ts";
import { stepOnDevice } from "./step.ts";
import { hold, letGo, type Parameters, type Tensor } from "./tensor.ts";
import { checkFits, view, whole } from "./view.ts";

/** Options of {@link webGpu}. */
export interface WebGpuOptions {
  /** The caller's device, which stays the caller's; default: one requested with its adapter's limits. */
  readonly device?: GPUDevice;
  /** Which adapter to ask for. */
  readonly powerPreference?: GPUPowerPreference;
}

/** A backend's parts. */
interface Parts {
  readonly device: Device;
  readonly kernel: LoadedKernel;
  readonly parameters: Handles<Resident, Parameters>;
  readonly batches: Handles<ResidentBatch, HeldExamples>;
}

/** Examples and how many hold them. */
interface HeldExamples extends Examples {
  holders: number;
}

const EMPTY = new Float32Array();

/** Errors: `WrongKind`, `ShapeMismatch`, `InvalidLayer`, `InvalidSize`, `Unsupported`. */
function checkParameters(network: Network): E.Either<FgnError, Network> {
  const kind = checkModelKind(network);
  if (kind._tag === "Left") return kind;
  if (kind.right._tag === "custom") return unsupported("models of your own");
  const checked = checkNetwork(network);
  if (checked._tag === "Left") return checked;
  const embeds = (layers: readonly Layer[]): boolean =>
    layers.some((layer) => layer._tag === "embedding" || (layer._tag === "residual" && embeds(layer.layers)));
  return embeds(network.layers) ? unsupported("embedding layers") : E.right(network);
}

/** Copies a network to the device; held once. */
async function upload(device: Device, network: Network): Promise<E.Either<FgnError, Parameters>> {
  const arrays: { data: Float32Array; rows: number; cols: number; trains: boolean }[] = [];
  const skeleton = mapArrays(network, (data, rows, cols, trains) => {
    arrays.push({ data, rows, cols, trains });
    return EMPTY;
  });
  for (const { rows, cols } of arrays) {
    const fits = checkFits(device.limits, "a layer's parameters", rows, cols);
    if (fits._tag === "Left") return fits;
  }
  const scope = openScope(device.pool);
  try {
    const tensors: Tensor[] = [];
    const done = await device.submit((encoder) => {
      for (const { data, rows, cols, trains } of arrays) {
        const tensor = { ...view(scope.acquire(data.byteLength), rows, cols), trains, holders: 1 };
        encoder.write(tensor.buffer, data);
        tensors.push(tensor);
      }
      return [];
    });
    if (done._tag === "Left") return done;
    for (const { buffer } of tensors) scope.keep(buffer);
    return E.right({ skeleton, tensors });
  } finally {
    scope.close();
  }
}

/** Copies a batch to the device; held once. */
async function uploadBatch(device: Device, batch: Batch): Promise<E.Either<FgnError, HeldExamples>> {
  const { features: { rows, cols, data }, labels } = batch;
  const fits = checkFits(device.limits, "the features", rows, cols);
  if (fits._tag === "Left") return fits;
  const scope = openScope(device.pool);
  try {
    const features = view(scope.acquire(data.byteLength), rows, cols), words = view(scope.acquire(4 * rows), rows, 1);
    const done = await device.submit((encoder) => {
      encoder.write(features.buffer, data);
      encoder.write(words.buffer, labels);
      return [];
    });
    if (done._tag === "Left") return done;
    for (const { buffer } of [features, words]) scope.keep(buffer);
    const kept = { ...batch, features: { rows: 0, cols, data: EMPTY } };
    return E.right({ features, labels: words, batch: kept, holders: 1 });
  } finally {
    scope.close();
  }
}

/** Reads a network back. */
async function downloaded(
  device: Device,
  { skeleton, tensors }: Parameters,
): Promise<E.Either<FgnError, Network>> {
  const arrays: Float32Array[] = [];
  for (const tensor of tensors) {
    const done = await device.submit(() => [whole(tensor)]);
    if (done._tag === "Left") return done;
    arrays.push(new Float32Array(done.right));
  }
  let at = 0;
  return E.right(mapArrays(skeleton, () => arrays[at++] ?? EMPTY));
}

function letBatchGo({ pool }: Device, examples: HeldExamples): void {
  examples.holders--;
  if (examples.holders > 0) return;
  for (const { buffer } of [examples.features, examples.labels]) pool.release(buffer);
}

/** Runs a task on parameters, in its turn; they are held until it is done, whatever the caller releases meanwhile. */
function withParameters<A>(
  { device, parameters }: Parts,
  resident: Resident,
  task: (params: Parameters) => Promise<E.Either<FgnError, A>>,
): TaskEither<FgnError, A> {
  return async () => {
    const found = parameters.get(resident);
    if (found._tag === "Left") return found;
    hold(found.right.tensors);
    const result = await device.inTurn(() => task(found.right));
    letGo(device.pool, found.right.tensors);
    return result;
  };
}

/** The same on parameters and examples that match. */
function withBoth<A>(
  parts: Parts,
  resident: Resident,
  batch: ResidentBatch,
  task: (params: Parameters, examples: Examples) => Promise<E.Either<FgnError, A>>,
): TaskEither<FgnError, A> {
  return async () => {
    const params = parts.parameters.get(resident);
    if (params._tag === "Left") return params;
    const found = parts.batches.get(batch);
    if (found._tag === "Left") return found;
    const matched = checkMatch(params.right.skeleton, found.right);
    if (matched._tag === "Left") return matched;
    found.right.holders++;
    const result = await withParameters(parts, resident, (held) => task(held, found.right))();
    letBatchGo(parts.device, found.right);
    return result;
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

function stepsOf(parts: Parts): Pick<Backend, "fgnStep" | "evaluate" | "logits"> {
  const { device, kernel, parameters } = parts;
  return {
    fgnStep: (resident, batch, damping = relative(1), options = {}) => async () => {
      const stepped = await withBoth(parts, resident, batch, (params, examples) => {
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
      withBoth(parts, resident, batch, (params, examples) => evaluateOnDevice(device, kernel, params, examples)),
    logits: (resident, batch) =>
      withBoth(parts, resident, batch, (params, examples) => logitsOnDevice(device, params, examples)),
  };
}

/** A backend over an open device; internal. */
export function backendOn(device: Device, kernel: LoadedKernel, description: string): Backend {
  const parameters = handles<Resident, Parameters>({
    what: "the parameters",
    maker: "onDevice",
    dispose: ({ tensors }) => letGo(device.pool, tensors),
  });
  const batches = handles<ResidentBatch, HeldExamples>({
    what: "the batch",
    maker: "batchOnDevice",
    dispose: (examples) => letBatchGo(device, examples),
  });
  const parts = { device, kernel, parameters, batches };
  return {
    name: "webgpu",
    description,
    onDevice: (network) => async () => {
      const checked = checkParameters(network);
      if (checked._tag === "Left") return checked;
      const made = await device.inTurn(() => upload(device, checked.right));
      return E.map((state: Parameters) => parameters.make(residentOf(state), state))(made);
    },
    batchOnDevice: (batch) => async () => {
      const checked = checkExamples(batch);
      if (checked._tag === "Left") return checked;
      const made = await device.inTurn(() => uploadBatch(device, checked.right));
      return E.map((state: HeldExamples) => {
        const { rows, cols } = state.features;
        return batches.make({ _tag: "residentBatch", examples: rows, inputs: cols }, state);
      })(made);
    },
    ...stepsOf(parts),
    download: (resident) => withParameters(parts, resident, (params) => downloaded(device, params)),
    release: (resident) => {
      if (resident?._tag === "resident") parameters.release(resident);
      else batches.release(resident);
    },
    traffic: () => ({ ...device.counts }),
    close: device.close,
  };
}

/** A device with its adapter's limits. Errors: `UnsupportedRuntime`, `DeviceFailure`. */
async function requestDevice({ powerPreference }: WebGpuOptions): Promise<E.Either<FgnError, GPUDevice>> {
  const gpu = (globalThis.navigator as Navigator | undefined)?.gpu;
  if (gpu === undefined) return noGpu("navigator.gpu is missing");
  try {
    const adapter = await gpu.requestAdapter(powerPreference === undefined ? {} : { powerPreference });
    if (adapter === null) return noGpu("there is no adapter");
    const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits;
    return E.right(await adapter.requestDevice({ requiredLimits: { maxBufferSize, maxStorageBufferBindingSize } }));
  } catch (cause) {
    const said = causeOf(cause);
    return fail(
      "DeviceFailure",
      { cause: said },
      `the adapter gives no device (${said})`,
      "Use the CPU backend, or pass a device",
    );
  }
}

/** {@link webGpu} with a lower limit of a binding than the device's; internal, for tests of splitting. */
export function webGpuWithin(options: WebGpuOptions, binding: number): TaskEither<FgnError, Backend> {
  return async () => {
    const { device: given } = options;
    if (given !== undefined && typeof given?.createBuffer !== "function") {
      return invalid("device", given, "a GPUDevice, or nothing");
    }
    const kernel = instantiate(simd);
    if (kernel._tag === "Left") return kernel;
    const device = given === undefined ? await requestDevice(options) : E.right(given);
    if (device._tag === "Left") return device;
    const opened = openDevice(device.right, given === undefined, binding);
    return E.right(backendOn(opened, kernel.right, describe(device.right)));
  };
}

/**
 * A backend on a GPU by WebGPU. Results are those of the CPU to about 1e-5, not to the byte: devices round differently.
 *
 * Without options it asks for an adapter and a device with its limits; `close()` then destroys the device. A device of
 * the caller's is left alone. Operations of one backend run one after another, in the order they were started in.
 *
 * Errors: `UnsupportedRuntime` (no WebGPU, no adapter), `DeviceFailure`, `InvalidOption`, `CompilationForbidden`.
 *
 * @example
 * ```ts
 * import { webGpu } from "@fgn/fgn/gpu";
 *
 * const backend = await webGpu()();
 * console.log(backend._tag === "Right" ? backend.right.description : backend.left.remedy);
 * if (backend._tag === "Right") backend.right.close();
 * ```
 */
export const webGpu = (options: WebGpuOptions = {}): TaskEither<FgnError, Backend> => webGpuWithin(options, Infinity);

/**
 * The WebGPU backend, or `fallback` where this runtime has no WebGPU or no adapter; `name` says which it is. Other errors
 * stay errors. Errors: as {@link webGpu}, without `UnsupportedRuntime`.
 *
 * @example
 * ```ts
 * import { cpu, preferGpu } from "@fgn/fgn/gpu";
 *
 * const backend = await preferGpu(cpu())();
 * if (backend._tag === "Right") {
 *   console.log(backend.right.name); // webgpu, or cpu
 *   backend.right.close();
 * }
 * ```
 */
export function preferGpu(fallback: Backend, options: WebGpuOptions = {}): TaskEither<FgnError, Backend> {
  return async () => {
    const made = await webGpu(options)();
    return made._tag === "Left" && made.left._tag === "UnsupportedRuntime" ? E.right(fallback) : made;
  };
}

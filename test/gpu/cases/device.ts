// The device itself: limits, loss, faults, whose it is. These cases open devices of their own, through navigator.gpu.

import { getOrThrow, mlp, relative } from "../../../mod.ts";
import { cpu, preferGpu, webGpu } from "../../../src/gpu/gpu.ts";
import { webGpuWithin } from "../../../src/gpu/open.ts";
import { examples } from "../../support/random_network.ts";
import { problem } from "../../support/reference.ts";
import { check, close, type DeviceCase, done, equal, lent, refused } from "../check.ts";
import { sameStep } from "../same_step.ts";
import { everyKind } from "./steps.ts";

/** A device of the caller's. */
export async function requestDevice(): Promise<GPUDevice> {
  const adapter = await navigator.gpu.requestAdapter();
  if (adapter === null) throw new Error("no adapter");
  return await adapter.requestDevice();
}

const { head, data } = problem(20, 6, 4);

const splitting: DeviceCase = {
  name: "parameters, features, activations and Gram matrices are split over bindings",
  long: true,
  run: async () => {
    // Rows of 200 numbers: blocks of 64 rows; narrower matrices are cut elsewhere.
    const binding = 4 * 64 * 200, B = 150;
    const split = await done(webGpuWithin({}, { binding })), whole = await done(webGpu());
    const wide = problem(B, 70, 200, { weights: Array.from({ length: B }, (_, i) => i % 4) });
    await sameStep(split, wide.head, wide.data, 0.1, {}, 1e-4, "a head");
    await lent(
      whole,
      wide.head,
      wide.data,
      (params, batch) =>
        lent(split, wide.head, wide.data, async (parts, same) => {
          const one = await done(whole.fgnStep(params, batch)), two = await done(split.fgnStep(parts, same));
          close(two.report.lossAfter, one.report.lossAfter, 1e-5, "loss after");
          equal(await done(split.logits(parts, same)), await done(whole.logits(params, batch)), "logits");
        }),
    );
    const deep = getOrThrow(mlp({ inputs: 20, hidden: [150], classes: 200 }));
    await sameStep(split, deep, examples(B, 20, 200, 5), relative(1), {}, 1e-4, "a network");
    const narrow = await done(webGpuWithin({}, { binding: 4 * 64 * 300, groups: 128 }));
    await sameStep(narrow, everyKind(), examples(280, 9, 5, 8), 0.1, {}, 1e-4, "every kind of layer");
    for (const backend of [split, whole, narrow]) backend.close();
  },
};

const tooLarge: DeviceCase = {
  name: "what no binding and no buffer holds is OutOfMemory, with the size",
  run: async () => {
    const narrow = await done(webGpuWithin({}, { binding: 1000 })),
      small = await done(webGpuWithin({}, { buffer: 500 }));
    const wide = problem(100, 6, 4);
    refused(await narrow.batchOnDevice(wide.data)(), "OutOfMemory", "features beyond a binding");
    refused(await narrow.onDevice(problem(2, 30, 70).head)(), "OutOfMemory", "parameters beyond a binding");
    refused(await small.onDevice(problem(2, 30, 70).head)(), "OutOfMemory", "parameters beyond a buffer");
    refused(await narrow.onDevice(problem(2, 3, 255).head)(), "OutOfMemory", "a bias beyond a binding");
    await lent(small, head, data, async (params, batch) => {
      refused(await small.fgnStep(params, batch)(), "OutOfMemory", "a Gram matrix beyond a buffer");
      check((await small.logits(params, batch)())._tag === "Right", "logits still work");
      check((await small.evaluate(params, batch)())._tag === "Right", "evaluation still works");
    });
    for (const backend of [narrow, small]) backend.close();
  },
};

const ownership: DeviceCase = {
  name: "a device of the caller's is the caller's: closing ends the backend alone",
  long: true,
  run: async () => {
    const device = await requestDevice(), backend = await done(webGpu({ device }));
    await sameStep(backend, head, data, 0.1);
    const params = await done(backend.onDevice(head));
    backend.close();
    backend.close();
    backend.release(params);
    refused(await backend.download(params)(), "Released", "released parameters of a closed backend");
    refused(await backend.onDevice(head)(), "DeviceLost", "a closed backend");
    equal(backend.traffic().buffers, 0, "buffers");
    const again = await done(webGpu({ device }));
    await sameStep(again, head, data, 0.1, {}, 1e-4, "another backend on the same device");
    again.close();
    device.destroy();
    refused(await webGpu({ device: {} as GPUDevice })(), "InvalidOption", "what is no device");
  },
};

const loss: DeviceCase = {
  name: "a lost device answers what is under way and all that comes, with DeviceLost",
  run: async () => {
    const device = await requestDevice(), backend = await done(webGpu({ device }));
    const params = await done(backend.onDevice(head)), batch = await done(backend.batchOnDevice(data));
    const step = await done(backend.fgnStep(params, batch));
    const running = [backend.fgnStep(params, batch)(), backend.evaluate(params, batch)(), backend.download(params)()];
    device.destroy();
    for (const result of await Promise.all(running)) {
      check(result._tag === "Right" || result.left._tag === "DeviceLost", `under way: ${JSON.stringify(result)}`);
    }
    refused(await backend.fgnStep(params, batch)(), "DeviceLost", "a step");
    refused(await backend.fgnStep(step.params, batch)(), "DeviceLost", "a step from the last one");
    refused(await backend.evaluate(params, batch)(), "DeviceLost", "evaluate");
    refused(await backend.logits(params, batch)(), "DeviceLost", "logits");
    refused(await backend.download(params)(), "DeviceLost", "download");
    refused(await backend.onDevice(head)(), "DeviceLost", "parameters");
    refused(await backend.batchOnDevice(data)(), "DeviceLost", "a batch");
    for (const handle of [params, batch, step.params]) backend.release(handle);
    backend.close();
    const closed = await done(webGpu());
    const under = closed.onDevice(head)();
    closed.close();
    refused(await under, "DeviceLost", "under way while closing");
  },
};

/** GPUBufferUsage.STORAGE alone: a buffer that can be neither written nor read, nor be a uniform. */
const STORAGE = 128;

/** A device with some of its methods replaced. */
function altered(device: GPUDevice, changes: Partial<Record<keyof GPUDevice, unknown>>): GPUDevice {
  return new Proxy(device, {
    get: (target, name) => {
      if (name in changes) return changes[name as keyof GPUDevice];
      const value = target[name as keyof GPUDevice] as unknown;
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

const faults: DeviceCase = {
  name: "what the device refuses is a typed error, and the backend goes on when it can",
  long: true,
  run: async () => {
    const device = await requestDevice();
    let fault: "none" | "memory" | "validation" | "throws" | "creation" = "none", popped = 0;
    const backend = await done(webGpu({
      device: altered(device, {
        popErrorScope: async () => {
          const real = await device.popErrorScope(), place = popped++ % 3;
          if (fault === "memory" && place === 2) return { message: "injected" } as GPUError;
          return fault === "validation" && place === 0 ? { message: "injected" } as GPUError : real;
        },
        createBuffer: (descriptor: GPUBufferDescriptor) => {
          if (fault === "throws") throw new RangeError("injected");
          return device.createBuffer(fault === "creation" ? { ...descriptor, usage: STORAGE } : descriptor);
        },
      }),
    }));
    await sameStep(backend, head, data, 0.1);
    for (
      const [kind, tag] of [
        ["memory", "OutOfMemory"],
        ["validation", "DeviceFailure"],
        ["throws", "DeviceFailure"],
        ["creation", "DeviceFailure"],
      ] as const
    ) {
      const fresh = problem(21 + tag.length + kind.length, 6, 4);
      await lent(backend, fresh.head, fresh.data, async (params, batch) => {
        fault = kind;
        refused(await backend.fgnStep(params, batch)(), tag, `${kind}: a step`);
        refused(await backend.onDevice(problem(3, 33, 9).head)(), tag, `${kind}: parameters`);
        fault = "none";
        await done(backend.fgnStep(params, batch));
      });
      await sameStep(backend, fresh.head, fresh.data, 0.1, {}, 1e-4, `after ${kind}`);
    }
    await lent(backend, head, data, async (params, batch) => {
      const failing = async (): Promise<number> => {
        for (let n = 0; n < 5; n++) refused(await backend.fgnStep(params, batch)(), "OutOfMemory", "a step");
        return backend.traffic().buffers;
      };
      fault = "memory";
      const few = await failing();
      // The pool may have let go of some meanwhile: what counts is that no failure leaves one behind.
      const more = await failing();
      check(more <= few, `${more} buffers after more failures, where ${few} were there`);
      fault = "none";
    });
    backend.close();
    device.destroy();
  },
};

const preference: DeviceCase = {
  name: "preferGpu takes the device where there is one",
  run: async () => {
    const backend = await done(preferGpu(cpu(), { powerPreference: "low-power" }));
    equal(backend.name, "webgpu", "name");
    check(backend.description.length > 0, "description");
    await sameStep(backend, head, data, 0.1);
    backend.close();
  },
};

/** Cases that need WebGPU. */
export const deviceCases: readonly DeviceCase[] = [splitting, tooLarge, ownership, loss, faults, preference];

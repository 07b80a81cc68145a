// Backends where there is no GPU: the cases on the CPU, and what a runtime without WebGPU is told. `npm run test:gpu`
// runs the same cases on a device.

import { afterEach, describe, expect, it } from "vitest";
import { getOrThrow, showError } from "../../mod.ts";
import { type Backend, cpu, preferGpu, webGpu, type WebGpuOptions } from "../../src/gpu/gpu.ts";
import { left, problem } from "../support/reference.ts";
import { cases } from "./cases.ts";
import { given } from "./given.ts";

describe("the CPU as a backend", () => {
  const data = given();
  for (const { name, run } of cases) it(name, () => run(cpu(), data));

  it("ends when it is closed", async () => {
    const backend = cpu(), { head } = problem(3, 2, 2);
    const params = getOrThrow(await backend.onDevice(head)());
    backend.close();
    expect(left(await backend.download(params)())._tag).toBe("DeviceLost");
  });

  it("keeps the caller's arrays as they are", async () => {
    const backend = cpu(), { head, data } = problem(6, 3, 3), before = JSON.stringify(head);
    const params = getOrThrow(await backend.onDevice(head)()), batch = getOrThrow(await backend.batchOnDevice(data)());
    const step = getOrThrow(await backend.fgnStep(params, batch, undefined, { donate: true })());
    getOrThrow(await backend.fgnStep(step.params, batch, undefined, { donate: true })());
    expect(JSON.stringify(head)).toBe(before);
  });
});

const original = Object.getOwnPropertyDescriptor(globalThis, "navigator");

function setNavigator(value: unknown): void {
  Object.defineProperty(globalThis, "navigator", { value, configurable: true, writable: true });
}

/** A navigator whose WebGPU gives this adapter. */
const withAdapter = (requestAdapter: () => Promise<unknown>): void => setNavigator({ gpu: { requestAdapter } });

describe("webGpu() without a device", () => {
  afterEach(() => {
    if (original === undefined) Reflect.deleteProperty(globalThis, "navigator");
    else Object.defineProperty(globalThis, "navigator", original);
  });

  const refusals: readonly (readonly [string, unknown])[] = [
    ["no navigator", undefined],
    ["a navigator without gpu", {}],
    ["no adapter", { gpu: { requestAdapter: () => Promise.resolve(null) } }],
  ];
  for (const [what, navigator] of refusals) {
    it(`says that there is none: ${what}`, async () => {
      setNavigator(navigator);
      const error = left(await webGpu()());
      expect(error._tag).toBe("UnsupportedRuntime");
      expect(showError(error)).toContain("cpu()");
      expect(getOrThrow(await preferGpu(cpu())()).name).toBe("cpu");
    });
  }

  it("keeps other errors: preferGpu falls back only where there is no GPU", async () => {
    const broken = {
      limits: { maxBufferSize: 1, maxStorageBufferBindingSize: 1 },
      requestDevice: () => Promise.reject(new Error("broken driver")),
    };
    withAdapter(() => Promise.resolve(broken));
    expect(left(await webGpu()())).toMatchObject({ _tag: "DeviceFailure", cause: "broken driver" });
    expect(left(await preferGpu(cpu())())._tag).toBe("DeviceFailure");
    withAdapter(() => Promise.reject(new TypeError("no")));
    expect(left(await preferGpu(cpu())())._tag).toBe("DeviceFailure");
    expect(left(await webGpu({ device: 3 as unknown as GPUDevice })())._tag).toBe("InvalidOption");
  });

  it("refuses what is no options and no backend", async () => {
    expect(left(await webGpu(null as unknown as WebGpuOptions)())._tag).toBe("WrongKind");
    expect(left(await preferGpu(undefined as unknown as Backend)())._tag).toBe("WrongKind");
  });

  it("makes nothing before the task is run", () => {
    let asked = 0;
    withAdapter(() => Promise.resolve(asked++));
    webGpu();
    preferGpu(cpu());
    expect(asked).toBe(0);
  });
});

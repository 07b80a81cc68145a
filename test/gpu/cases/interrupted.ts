// A run whose device is lost, and one without any.

import { type Batch, getOrThrow, mlp, relative, toJson } from "../../../mod.ts";
import { type Backend, cpu, preferGpu, type Resident, type ResidentStep, webGpu } from "../../../src/gpu/gpu.ts";
import { examples } from "../../support/random_network.ts";
import { check, type DeviceCase, done, equal, refused } from "../check.ts";
import { requestDevice } from "./device.ts";

const data: Batch = examples(24, 10, 5, 31), model = getOrThrow(mlp({ inputs: 10, hidden: [12], classes: 5 }));

/** Steps from `params`, which are given away. */
async function go(backend: Backend, params: Resident, steps: number): Promise<Resident> {
  const held = await done(backend.batchOnDevice(data));
  for (let n = 0; n < steps; n++) {
    const step: ResidentStep = await done(backend.fgnStep(params, held, relative(1), { donate: true }));
    params = step.params;
  }
  backend.release(held);
  return params;
}

/** A run that loses its device. */
export const interrupted: DeviceCase = {
  name: "a run whose device is lost goes on from its checkpoint on another, to the same parameters",
  long: true,
  run: async () => {
    const device = await requestDevice(), first = await done(webGpu({ device }));
    const early = await go(first, await done(first.onDevice(model)), 5), saved = await done(first.download(early));
    // Lost between two of the steps: while the next one is under way.
    const running = go(first, early, 1000).then(() => "ran to its end", (error: Error) => error.message);
    await new Promise((later) => setTimeout(later, 20));
    device.destroy();
    check((await running).includes("the device is gone"), `the run says that the device is gone: ${await running}`);
    refused(await first.onDevice(saved)(), "DeviceLost", "another try on it");
    first.close();
    const second = await done(webGpu());
    const resumed = await go(second, await done(second.onDevice(saved)), 5);
    const whole = await go(second, await done(second.onDevice(model)), 10);
    equal(toJson(await done(second.download(resumed))), toJson(await done(second.download(whole))), "parameters");
    second.close();
  },
};

/** For where there is no adapter. */
export const absent: DeviceCase = {
  name: "without an adapter: webGpu() says so, preferGpu() trains on the CPU",
  run: async () => {
    const { cause } = refused(await webGpu()(), "UnsupportedRuntime", "webGpu()") as unknown as { cause: string };
    check(/navigator\.gpu is missing|no adapter/.test(cause), `why: ${cause}`);
    const backend = await done(preferGpu(cpu()));
    equal(backend.name, "cpu", "preferGpu()");
    const params = await go(backend, await done(backend.onDevice(model)), 5);
    check(params._tag === "resident", "parameters");
    backend.release(params);
  },
};

// All cases: those that run on any backend, and those of the device itself. One import for a bundle.

import { handles } from "./cases/handles.ts";
import { steps } from "./cases/steps.ts";
import type { Case } from "./check.ts";

export { type DeviceCase, deviceCases } from "./cases/device.ts";

/** The cases; the files of test/golden (linear_*, mlp_*) are given to them, since not every runtime has a file system. */
export const cases: readonly Case[] = [...steps, ...handles];

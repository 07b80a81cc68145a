// All cases.

import { deviceCases as own } from "./cases/device.ts";
import { handles } from "./cases/handles.ts";
import { interrupted } from "./cases/interrupted.ts";
import { kindsCase } from "./cases/kinds.ts";
import { overflow, units, vanishing } from "./cases/overflow.ts";
import { deviceSolves, solves } from "./cases/solve.ts";
import { steps } from "./cases/steps.ts";
import { training } from "./cases/training.ts";
import { variants } from "./cases/variants.ts";
import type { Case, DeviceCase } from "./check.ts";

/** The cases that run on any backend. */
export const cases: readonly Case[] = [
  ...steps,
  kindsCase,
  ...variants,
  ...solves,
  ...handles,
  overflow,
  vanishing,
  units,
  ...training,
];

/** The cases that need WebGPU, and open devices of their own. */
export const deviceCases: readonly DeviceCase[] = [...own, ...deviceSolves, interrupted];

// All cases, the same in every runtime.

import { checkpoint } from "./cases/checkpoint.ts";
import { errors } from "./cases/errors.ts";
import { files } from "./cases/files.ts";
import { golden } from "./cases/golden.ts";
import { hasRelaxed, kernel } from "./cases/kernel.ts";
import { online } from "./cases/online.ts";
import { predict } from "./cases/predict.ts";
import { hasThreads, threads } from "./cases/threads.ts";
import { training } from "./cases/training.ts";
import type { Cases } from "./check.ts";

/** The cases of a runtime that lets a program compile bytes, or forbids it. */
export const cases = (forbidden: boolean): Cases => ({
  ...golden,
  ...training,
  ...checkpoint,
  ...predict,
  ...online,
  ...files,
  ...errors,
  ...kernel(forbidden),
  ...threads(forbidden),
});

/** The kernels that run here. */
export const kernels = (forbidden: boolean): string =>
  ["simd128", ...hasRelaxed() ? ["relaxed"] : [], ...hasThreads(forbidden) ? ["threads"] : []].join(", ");

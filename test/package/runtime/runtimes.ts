// All runtimes that the suite runs in, in the order of the table.

import { chromium } from "./chromium.ts";
import { edgeRuntime } from "./edge_runtime.ts";
import { processes } from "./processes.ts";
import type { Runtime } from "./runtime.ts";
import { workerd } from "./workerd.ts";

export const RUNTIMES: readonly Runtime[] = [...processes, workerd, edgeRuntime, ...chromium];

// Phases in a page, which is asked for them.

import { timed } from "../phases.ts";

(globalThis as { timed?: unknown }).timed = timed;

// Faults that are known and not mended yet: by function and words of what came of the call. To be empty.

import type { Fault } from "./attack.ts";

/** Whether a fault is known. */
export const isKnown = (_: Fault): boolean => false;

// Faults that are known and not mended yet: by function and words of what came of the call. To be empty.

import type { Fault } from "./attack.ts";

/** Constructors whose options are not checked where they are given. */
const CONSTRUCTORS =
  /^(fgn|robust|paper|online|l2Penalty|trustRegion|misfit|levenbergMarquardt|backtracking|shuffle|readSafetensors)$/;
/** Functions that look at the arrays or options they are given too late. */
const LATE = /^(fromRows|holdOut|readCheckpoint|ggnStep|averaged\(\)\(\).update)$/;
/** Messages that show a value which has no text. */
const SHOWN = /failed: (boom|Maximum call stack|Cannot convert|.*primitive value)/;

/** Whether a fault is known. */
export const isKnown = ({ name, text }: Fault): boolean =>
  CONSTRUCTORS.test(name) || LATE.test(name) || SHOWN.test(text);

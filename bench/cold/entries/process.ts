// Phases, named by the arguments, in a process of their own: writes their times as one line.

import { type Phase, timed } from "../phases.ts";

console.log(JSON.stringify(await timed(globalThis.process.argv.slice(2) as Phase[])));

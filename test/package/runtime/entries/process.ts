// The suite as a program: writes its report as one line.

import { report } from "../report.ts";

console.log(JSON.stringify(await report({ forbidden: false })));

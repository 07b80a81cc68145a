// The suite as a worker of a page: posts its report.

import { report } from "../report.ts";

postMessage(await report({ forbidden: false }));

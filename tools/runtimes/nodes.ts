// Other versions of Node: among the tools of this package they would stand in the way of the one that runs them.

import { installed } from "./installed.ts";

/** The program of a version, by its name in nodes/package.json. */
export const nodeOf = (name: string): Promise<string> => installed("tools/runtimes/nodes", `${name}/bin/node`);

// The golden vectors, where there is a file system.

import { readdirSync, readFileSync } from "node:fs";
import type { Golden } from "../golden_file.ts";

const folder = new URL("../golden/", import.meta.url);

/** The linear and network files of test/golden. */
export const goldenFiles = (): Golden[] =>
  readdirSync(folder).filter((name) => /^(linear|mlp)_.*\.json$/.test(name)).sort()
    .map((name) => JSON.parse(readFileSync(new URL(name, folder), "utf8")) as Golden);

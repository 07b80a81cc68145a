// The suite as programs, bundled for a fresh project of each runtime.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { freshProject, type Suite } from "../../../tools/runtimes/project.ts";

const GOLDEN = "test/golden";

/** The linear and network vectors. */
const vectors = (): unknown[] =>
  readdirSync(GOLDEN).filter((name) => /^(linear|mlp)_.*\.json$/.test(name)).sort()
    .map((name) => JSON.parse(readFileSync(join(GOLDEN, name), "utf8")) as unknown);

/** The suite's entries, with the golden vectors within. */
export const suite = (): Suite => ({
  folder: "test/package/runtime/entries",
  entries: ["process", "page", "web_worker", "workerd", "edge_runtime"],
  define: { GOLDEN: JSON.stringify(vectors()) },
});

/** A new project in a folder, with the tarball as its dependency and the suite in suite/. */
export const fresh = (folder: string, tarball: string, external?: string[]): Promise<string> =>
  freshProject(folder, tarball, suite(), external);

// The suite in edge-runtime.

import { readFileSync } from "node:fs";
import { type EdgeBundle, edgeBundle } from "../../../tools/runtimes/edge_runtime.ts";
import { failureOf, withForbidden } from "./forbidden.ts";
import type { Report } from "./report.ts";
import type { Run, Runtime } from "./runtime.ts";
import { fresh } from "./suite.ts";

/** The report, with the first step as it is seen from outside. */
async function told({ ask }: EdgeBundle): Promise<Report> {
  const { started, answers: [cold, report] } = await ask("/cold", "/report");
  return { ...JSON.parse(report?.text ?? "") as Report, importMs: null, firstStepMs: started + (cold?.ms ?? NaN) };
}

async function run(folder: string, tarball: string): Promise<Run> {
  const project = await fresh(folder, tarball), bundle = await edgeBundle(project, "edge-light");
  const report = await told(bundle), inlined = await edgeBundle(project, "inlined");
  const { version } = JSON.parse(readFileSync("node_modules/edge-runtime/package.json", "utf8")) as { version: string };
  return { version, entry: bundle.entry, report: withForbidden(report, await failureOf(told(inlined))) };
}

export const edgeRuntime: Runtime = { name: "edge-runtime", condition: "edge-light", run };

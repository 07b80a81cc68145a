// The worker of examples/worker as its users deploy it, up to the upload.

import { cpSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { nodeOf } from "../../../tools/runtimes/nodes.ts";
import { output } from "../../../tools/runtimes/output.ts";

const WRANGLER = "wrangler@4.164.0";

/** Copies the worker into a folder, installs the tarball and Wrangler there, and has it bundle what it would upload. */
export async function deploysWorker(folder: string, tarball: string): Promise<void> {
  mkdirSync(folder);
  for (const part of ["package.json", "wrangler.jsonc", "src"]) {
    cpSync(join("examples/worker", part), join(folder, part), { recursive: true });
  }
  await output("npm", ["install", "--no-audit", "--no-fund", tarball, WRANGLER], { cwd: folder, seconds: 180 });
  // Wrangler asks for a later Node than this package does.
  const said = await output(await nodeOf("node24"), [
    "node_modules/wrangler/bin/wrangler.js",
    "deploy",
    "--dry-run",
    "--outdir",
    "out",
  ], { cwd: folder, env: { WRANGLER_SEND_METRICS: "false" } });
  const made = readdirSync(join(folder, "out"));
  if (!made.includes("worker.js") || !made.some((name) => name.endsWith("kernel.simd.wasm"))) {
    throw new Error(`Wrangler made ${made.join(", ")}`);
  }
  if (!/env\.HEAD \(HeadObject\)\s+Durable Object/.test(said)) throw new Error(`Wrangler knows no HEAD:\n${said}`);
}

// Measurements that need a process of their own: bench/NAME.ts, run with --json, prints a table (`Printed`) as JSON in its
// last line. One that is not there is left out.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import process from "node:process";
import type { Printed } from "./report.ts";

const NAMES = ["cold_start", "memory"];

const bundleOf = (name: string): string => `node_modules/.cache/fgn/${name}.mjs`;
const sourceOf = (name: string): string => `bench/${name}.ts`;

/** Bundles them as tools/run.mjs does; in Node. */
export async function bundleProcesses(): Promise<void> {
  const { build } = await import("esbuild");
  for (const name of NAMES.filter((name) => existsSync(sourceOf(name)))) {
    await build({
      entryPoints: [sourceOf(name)],
      outfile: bundleOf(name),
      bundle: true,
      platform: "node",
      format: "esm",
      packages: "external",
    });
  }
}

function execute(name: string): Printed | null {
  const { deno, bun } = process.versions as Readonly<Record<string, string | undefined>>;
  const flags = deno !== undefined ? ["run", "-A", "--v8-flags=--expose-gc"] : bun !== undefined ? [] : ["--expose-gc"];
  const { stdout, status } = spawnSync(process.execPath, [...flags, bundleOf(name), "--json"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    return JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "") as Printed;
  } catch {
    console.log(`${sourceOf(name)} printed no table (exit ${status})`);
    return null;
  }
}

/** Runs those that are there, in this runtime. */
export function runProcesses(): readonly Printed[] {
  return NAMES.filter((name) => existsSync(sourceOf(name))).flatMap((name) => execute(name) ?? []);
}

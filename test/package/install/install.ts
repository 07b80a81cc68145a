// Installs the packed package as users do, in fresh folders, and runs the README's example there.
//
//   npm run test:install

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import { pack } from "../../../tools/pack.ts";
import { Missing } from "../../../tools/runtimes/missing.ts";
import { type Failure, type Skip, writeReport } from "../../../tools/tests/report.ts";
import { fileOf, serve } from "../../../tools/runtimes/serve.ts";
import { checkOutput, checkResumed } from "./example.ts";
import { type Fresh, freshProject } from "./fresh.ts";
import { pages } from "./pages.ts";
import { serveRegistry } from "./registry.ts";
import { deploysWorker } from "./wrangler.ts";

/** What a case is given: the tarball, and a project that it fills. */
interface Given extends Fresh {
  readonly tarball: string;
}

interface Case {
  readonly name: string;
  /** What the example is called there. */
  readonly file: string;
  readonly check: (given: Given) => Promise<void>;
}

async function typesAgree({ tarball, run }: Given): Promise<void> {
  await run("npm", "i", tarball, "fp-ts");
  const options = ["--strict", "--noEmit", "--target", "es2022", "--lib", "es2022,dom", "--types", ""];
  await run("tsc", ...options, "--module", "nodenext", "--moduleResolution", "nodenext", "main.mts");
  await run("tsc", ...options, "--module", "esnext", "--moduleResolution", "bundler", "main.mts");
}

/** A program that imports every entry, where there are no types of the DOM, of WebGPU or of Node. */
const EVERY_ENTRY = `import * as fgn from "fgn";
import * as file from "fgn/file";
import * as gpu from "fgn/gpu";
import * as onnx from "fgn/onnx";
import * as relaxed from "fgn/relaxed";
import * as threads from "fgn/threads";

export const backend = (device: gpu.GpuDevice) => gpu.webGpu({ device, powerPreference: "low-power" });
export const options: fgn.TrainOptions = { signal: { aborted: false } };
export const entries = [fgn, file, gpu, onnx, relaxed, threads];
`;

/** The same with the types of the DOM, whose devices and signals go along, and whose files `fgn/data` reads. */
const WITH_DOM = `import * as fgn from "fgn";
export * as data from "fgn/data";
import * as gpu from "fgn/gpu";

export const backend = (device: GPUDevice, powerPreference: GPUPowerPreference) =>
  gpu.webGpu({ device, powerPreference });
export const options: fgn.TrainOptions = { signal: new AbortController().signal };
`;

async function typesNeedNoDom({ tarball, folder, run }: Given): Promise<void> {
  await run("npm", "i", tarball, "fp-ts");
  writeFileSync(join(folder, "entries.mts"), EVERY_ENTRY);
  writeFileSync(join(folder, "dom.mts"), WITH_DOM);
  const options = ["--strict", "--noEmit", "--skipLibCheck", "false", "--target", "es2022", "--types", ""];
  const resolution = ["--module", "nodenext", "--moduleResolution", "nodenext"];
  await run("tsc", ...options, ...resolution, "--lib", "es2022", "entries.mts");
  await run("tsc", ...options, ...resolution, "--lib", "es2022,dom", "dom.mts");
}

/** mod.ts as it lies in the repository, from a server of plain files. */
async function fromUrl({ folder, run }: Given): Promise<void> {
  const sources = await serve((path) => /^\/(mod\.ts|src\/.*)$/.test(path) ? fileOf(".", path) : null);
  try {
    const imports = { fgn: `${sources.url}/mod.ts`, "fp-ts/": "npm:/fp-ts@^2.16.11/" };
    writeFileSync(join(folder, "deno.json"), JSON.stringify({ imports }));
    checkOutput(await run("deno", "run", `--allow-import=${new URL(sources.url).host}`, "main.ts"));
  } finally {
    await sources.close();
  }
}

const CASES: readonly Case[] = [
  {
    name: "npm i TARBALL, node",
    file: "main.mjs",
    check: async ({ tarball, run }) => {
      await run("npm", "i", tarball, "fp-ts");
      checkOutput(await run("node", "main.mjs"));
    },
  },
  {
    name: "npm i fgn, node",
    file: "main.mjs",
    check: async ({ run }) => {
      await run("npm", "i", "fgn", "fp-ts");
      checkOutput(await run("node", "main.mjs"));
      checkResumed(await run("node", "checkpoint.mjs"));
    },
  },
  { name: "npm i TARBALL, tsc --strict", file: "main.mts", check: typesAgree },
  { name: "npm i TARBALL, tsc --strict without the DOM", file: "main.mts", check: typesNeedNoDom },
  {
    name: "bun add TARBALL, bun",
    file: "main.ts",
    check: async ({ tarball, run }) => {
      await run("bun", "add", tarball, "fp-ts");
      checkOutput(await run("bun", "main.ts"));
    },
  },
  {
    name: "bun add fgn, bun",
    file: "main.ts",
    check: async ({ run }) => {
      await run("bun", "add", "fgn", "fp-ts");
      checkOutput(await run("bun", "main.ts"));
      checkResumed(await run("bun", "checkpoint.mjs"));
    },
  },
  {
    name: "deno add npm:fgn, deno",
    file: "main.ts",
    check: async ({ run }) => {
      await run("deno", "add", "npm:fgn", "npm:fp-ts");
      checkOutput(await run("deno", "run", "main.ts"));
      checkResumed(await run("deno", "run", "--allow-read=.", "--allow-write=.", "checkpoint.mjs"));
    },
  },
  { name: "mod.ts by its URL, deno", file: "main.ts", check: fromUrl },
];

let passed = 0;
const failed: Failure[] = [], skips: Skip[] = [];

/** Runs a case and says how it went. */
async function attempt(name: string, run: () => Promise<void>): Promise<void> {
  try {
    await run();
    passed++;
    console.log(`ok       ${name}`);
  } catch (error) {
    const skipped = error instanceof Missing && !process.env["CI"];
    const message = error instanceof Error ? error.message : String(error);
    if (skipped) skips.push({ name, why: "the runtime is not on this machine", remedy: message });
    else failed.push({ name, message: error instanceof Error ? error.stack ?? message : message });
    console.log(skipped ? `skipped  ${name}: ${message}` : `FAILED   ${name}`);
    if (!skipped) console.error(error);
  }
}

/** The packages that are installed along with one in a folder, as they lie here. */
function dependenciesOf(folder: string): string[] {
  const { dependencies = {} } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
    dependencies?: Record<string, string>;
  };
  return Object.keys(dependencies).map((name) => resolve("node_modules", name)).flatMap((one) => [
    one,
    ...dependenciesOf(one),
  ]);
}

const home = mkdtempSync(join(tmpdir(), "fgn-install-"));
const tarball = pack(home);
const registry = await serveRegistry([tarball, ...dependenciesOf(".").map((folder) => pack(home, folder))]);
try {
  for (const [index, { name, file, check }] of CASES.entries()) {
    await attempt(name, () => check({ tarball, ...freshProject(join(home, `${index}`), registry.url, file) }));
  }
  await attempt("examples/worker, wrangler deploy --dry-run", () => deploysWorker(join(home, "worker"), tarball));
  for (const { name, check } of pages(tarball)) await attempt(name, check);
} finally {
  await registry.close();
  rmSync(home, { recursive: true });
}
writeReport(process.argv, { passed, failed, skipped: skips });
if (failed.length > 0) process.exit(1);

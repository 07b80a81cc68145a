// The public documentation: `deno doc --lint` over the public entries, and every example of the pages and doc comments
// checked for types. That examples run and print what they say is the suite's (test/docs); those of the GPU run here,
// too, on the device that Deno finds. The types of fp-ts that our signatures use are re-exported; what the linter says
// of their own files in node_modules is not ours to mend.

import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import type { Example } from "./doc_examples.ts";
import { examplesIn, PAGES, SOURCES } from "./doc_pages.ts";
import { DENO_GPU } from "./runtimes/deno.ts";

const options = { encoding: "utf8", env: { ...process.env, ...DENO_GPU, NO_COLOR: "1" } } as const;

interface Output {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(command: string, ...args: readonly string[]): Output {
  const { status, stdout, stderr, error } = spawnSync(`node_modules/.bin/${command}`, args, options);
  if (error !== undefined) throw error;
  return { status, stdout, stderr };
}

function fail(...texts: readonly string[]): never {
  console.error(texts.filter((text) => text !== "").join("\n"));
  process.exit(1);
}

/** Ends with what the linter finds in our files. */
function lint(): void {
  const entries = [
    "mod.ts",
    "src/kernel/relaxed.ts",
    "src/io/file_store.ts",
    "src/readers/readers.ts",
    "src/threads/threads.ts",
    "src/gpu/gpu.ts",
    "src/onnx/onnx.ts",
  ];
  const { stderr } = run("deno", "doc", "--lint", ...entries);
  const findings = stderr.split("\n\n\n").filter((finding) => finding.includes("-->"));
  const ours = findings.filter((finding) => !/-->.*node_modules/.test(finding));
  if (ours.length > 0) fail(...ours);
  if (findings.length === 0 && stderr.includes("error")) fail(stderr);
}

const FOLDER = "node_modules/.cache/fgn/examples";
/** The project's options but for names that an example imports to show them; JavaScript is not checked. */
const TSCONFIG = {
  extends: "../../../../tsconfig.json",
  compilerOptions: { allowJs: true, noUnusedLocals: false, noUnusedParameters: false },
  include: ["*.ts", "*.js"],
  exclude: [],
};
/** Packages that examples use and that are not installed here. */
const ELSEWHERE = `declare module "webgpu" {\n  export const create: any, globals: any;\n}\n`;

/** The name of an example's file, in which its lines have the numbers that they have where it stands. */
const fileOf = ({ file, line, language }: Example): string => `${file.replaceAll("/", "__")}-${line}.${language}`;

/** Ends with what tsc finds, by the places of the examples. */
function checkTypes(examples: readonly Example[]): void {
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER, { recursive: true });
  for (const example of examples) {
    writeFileSync(join(FOLDER, fileOf(example)), `${"\n".repeat(example.line - 1)}${example.code}export {};\n`);
  }
  writeFileSync(join(FOLDER, "elsewhere.d.ts"), ELSEWHERE);
  writeFileSync(join(FOLDER, "tsconfig.json"), JSON.stringify(TSCONFIG));
  const { status, stdout, stderr } = run("tsc", "-p", FOLDER);
  const place = /^.*?examples\/(.*?)-\d+\.[tj]s\((\d+),\d+\)/gm;
  if (status !== 0) {
    fail(stdout.replace(place, (_, file: string, line: string) => `${file.replaceAll("__", "/")}:${line}`), stderr);
  }
}

/** Ends with what Deno says of the GPU's examples. Types are checked by tsc: here Deno would take the options of Node. */
function runOnDevice(): void {
  const { status, stdout, stderr } = run("deno", "test", "-A", "--doc", "--no-check", "src/gpu");
  if (status !== 0) fail(stdout, stderr);
}

lint();
const examples = [...PAGES, ...SOURCES].flatMap(examplesIn);
checkTypes(examples);
runOnDevice();
console.log(`public documentation: complete; ${examples.length} examples, their types checked`);

// Checks the package as it would be published: publint, are-the-types-wrong, a dry run of deno publish, what is in
// the tarball, where the links of its pages lead, and how much of it ends up in a bundle (minified, gzip -9), each
// within its budget.
//
//   npm run check:package

import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { deadLinks, showDeadLink } from "./links.ts";
import { pack } from "./pack.ts";

const NAME = "fgn";

/** What users need: entries, kernels, declarations, and what tells them about it. */
const WANTED = [
  /^package\/(package\.json|LICENSE|(README|ARCHITECTURE|CHANGELOG|CONTRIBUTING)\.md)$/,
  /^package\/docs\/\w+\.md$/,
  /^package\/bench\/convergence\/plots\/robust-adam\.svg$/,
  /^package\/dist\/(edge\/)?[\w-]+\.js$/,
  /^package\/dist\/kernel\.(simd|relaxed)\.wasm$/,
  /^package\/dist\/(src\/)?[\w/]+\.d\.ts$/,
];

/** Bundles of consumers: conditions, source, and the most bytes of it minified and compressed. */
const CONSUMERS = [
  { what: "uses nothing", conditions: [], source: `import * as fgn from "${NAME}";`, budget: 40 },
  { what: "fgnStep", conditions: [], source: `export { fgnStep } from "${NAME}";`, budget: 50_000 },
  { what: "fgnStep, workerd", conditions: ["workerd"], source: `export { fgnStep } from "${NAME}";`, budget: 32_700 },
  {
    what: "trainClassifier, classify",
    conditions: [],
    source: `export { classify, trainClassifier } from "${NAME}";`,
    budget: 86_200,
  },
  { what: "everything", conditions: [], source: `export * from "${NAME}";`, budget: 106_500 },
  { what: "toOnnx", conditions: [], source: `export { toOnnx } from "${NAME}/onnx";`, budget: 14_000 },
  // Without the parsers of CSV, zip and Parquet, which are packages of their own.
  { what: "readTable", conditions: [], source: `export { readTable } from "${NAME}/data";`, budget: 18_800 },
];

/** The most bytes of the kernel, compressed. */
const KERNEL = 15_000;
/**
 * The most bytes of the tarball: code for edges beside that for others, the same but for how it comes to the kernel, is half
 * of it; declarations with their comments are 100 kB, pages 70 kB.
 */
const TARBALL = 698_000;

let failed = false;

function report(what: string, ok: boolean, detail: string): void {
  failed ||= !ok;
  console.log(`${ok ? "ok    " : "FAILED"}  ${what.padEnd(28)} ${detail}`);
}

/** Runs a checker; its output is shown where it finds something. */
function runs(what: string, command: string, args: readonly string[]): void {
  const { status, stdout, stderr, error } = spawnSync(`node_modules/.bin/${command}`, args, {
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1" },
  });
  if (status !== 0) console.error(stdout, stderr, error?.message ?? "");
  report(what, status === 0, "");
}

function checkContents(tarball: string): void {
  const files = execFileSync("tar", ["-tzf", tarball], { encoding: "utf8" }).trim().split("\n");
  const others = files.filter((file) => !WANTED.some((pattern) => pattern.test(file)));
  const size = readFileSync(tarball).length;
  report(
    "contents",
    others.length === 0 && size <= TARBALL,
    others.join(" ") || `${files.length} files, ${size} of at most ${TARBALL} bytes packed`,
  );
  checkLinks(tarball, files);
}

/** Every page of the tarball links to what is in the tarball. */
function checkLinks(tarball: string, files: readonly string[]): void {
  const read = (file: string): string => execFileSync("tar", ["-xzOf", tarball, file], { encoding: "utf8" });
  const pages = new Map(files.filter((file) => file.endsWith(".md")).map((file) => [file, read(file)]));
  const dead = deadLinks(pages, (path) => files.some((file) => file === path || file.startsWith(`${path}/`)));
  report("links", dead.length === 0, dead.map(showDeadLink).join("; ") || `${pages.size} pages`);
}

/** The bytes of a bundle of a program that imports the installed package; kernels as files are counted apart. */
async function bundled(project: string, conditions: readonly string[], source: string): Promise<number> {
  const { outputFiles } = await build({
    stdin: { contents: source, resolveDir: project },
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    platform: "neutral",
    mainFields: ["module", "main"],
    conditions: [...conditions],
    external: ["*.wasm?module", "papaparse", "fflate", "hyparquet", "hyparquet-compressors"],
  });
  return gzipSync(outputFiles[0]?.contents ?? "", { level: 9 }).length;
}

async function checkSizes(tarball: string, project: string): Promise<void> {
  const home = join(project, "node_modules", NAME);
  mkdirSync(home, { recursive: true });
  for (const other of ["fp-ts", "@bufbuild"]) {
    symlinkSync(resolve("node_modules", other), join(project, "node_modules", other));
  }
  execFileSync("tar", ["-xzf", tarball, "--strip-components=1", "-C", home]);
  for (const { what, conditions, source, budget } of CONSUMERS) {
    const size = await bundled(project, conditions, source);
    report(`bundle: ${what}`, size <= budget, `${size} of at most ${budget} bytes`);
  }
  const kernel = gzipSync(readFileSync(join(home, "dist/kernel.simd.wasm")), { level: 9 }).length;
  report("kernel.simd.wasm", kernel <= KERNEL, `${kernel} of at most ${KERNEL} bytes`);
}

const folder = mkdtempSync(join(tmpdir(), "fgn-package-"));
try {
  const tarball = pack(folder);
  runs("publint", "publint", ["run", tarball, "--strict"]);
  runs("are the types wrong", "attw", [tarball, "--profile", "esm-only"]);
  runs("deno publish --dry-run", "deno", ["publish", "--dry-run", "--allow-dirty"]);
  checkContents(tarball);
  await checkSizes(tarball, join(folder, "project"));
} finally {
  rmSync(folder, { recursive: true });
}
if (failed) process.exit(1);

// docs/compatibility.md is what `npm run test:runtimes -- --write` writes: its text, its rows, and what its suite comes to.

import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";
import { hashOf, type Report } from "../package/runtime/report.ts";
import { RUNTIMES } from "../package/runtime/runtimes.ts";
import { suite } from "../package/runtime/suite.ts";
import { page, type Row } from "../package/runtime/table.ts";

const PAGE = readFileSync("docs/compatibility.md", "utf8");
const MANIFEST = JSON.parse(readFileSync("package.json", "utf8")) as {
  readonly exports: { readonly ".": Readonly<Record<string, string>> };
  readonly devDependencies: Readonly<Record<string, string>>;
};

const CELLS = PAGE.split("\n").filter((line) => line.startsWith("| ")).slice(2).map((line) =>
  line.split("|").slice(1, -1).map((cell) => cell.trim().replaceAll("`", ""))
);

/** A row of the page as the run that it tells of. */
function rowOf([name = "", version = "", found = "", kernel = "", cases = "", hash = ""]: readonly string[]): Row {
  const [passed = NaN, all = NaN] = cases.split("/").map(Number), at = found.indexOf(": ");
  return {
    runtime: { name, condition: at < 0 ? null : found.slice(0, at), run: () => Promise.reject(new Error("not here")) },
    run: {
      version,
      entry: at < 0 ? found : found.slice(at + 2),
      report: {
        kernel,
        passed,
        failed: Array.from({ length: all - passed }, (_, i) => ({ name: `${i}`, message: "" })),
        numbers: {},
        importMs: 0,
        firstStepMs: 0,
      },
    },
    hash,
    problem: "",
  };
}

const ROWS = CELLS.map(rowOf);

/** The suite over the sources, in a process of its own. */
async function runSuite(): Promise<Report> {
  const folder = resolve("node_modules/.cache/fgn/compatibility");
  mkdirSync(folder, { recursive: true });
  try {
    const { folder: entries, define } = suite();
    await build({
      entryPoints: [join(entries, "process.ts")],
      outdir: folder,
      outExtension: { ".js": ".mjs" },
      bundle: true,
      splitting: true,
      format: "esm",
      target: "es2022",
      platform: "node",
      define: { ...define },
      alias: {
        "fgn": "./mod.ts",
        "fgn/file": "./src/io/file_store.ts",
        "fgn/gpu": "./src/gpu/gpu.ts",
        "fgn/relaxed": "./src/kernel/relaxed.ts",
        "fgn/threads": "./src/threads/threads.ts",
      },
      external: ["fp-ts/*"],
    });
    const { stdout } = await promisify(execFile)(process.execPath, [join(folder, "process.mjs")]);
    return JSON.parse(stdout) as Report;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe("docs/compatibility.md", () => {
  it("has the text of the program that writes it", () => {
    expect(ROWS.length).toBeGreaterThan(0);
    expect(PAGE).toBe(page(ROWS));
  });

  it("has a row for each runtime, which loads what the package exports there", () => {
    expect(ROWS.map(({ runtime: { name, condition } }) => [name, condition]))
      .toEqual(RUNTIMES.map(({ name, condition }) => [name, condition]));
    for (const { runtime: { condition }, run } of ROWS) {
      expect(`./${run?.entry}`).toBe(condition === null ? "./dist/index.js" : MANIFEST.exports["."][condition]);
    }
  });

  it("has the versions that are installed", () => {
    const versions = new Map(ROWS.map(({ runtime: { name }, run }) => [name, run?.version]));
    const { deno, bun, workerd = "", "edge-runtime": edge } = MANIFEST.devDependencies;
    const [, date = ""] = workerd.split("."), day = date.replace(/(....)(..)(..)/, "$1-$2-$3");
    expect(["Deno", "Bun", "edge-runtime", "workerd"].map((name) => versions.get(name))).toEqual([
      deno,
      bun,
      edge,
      day,
    ]);
  });

  it("has the cases and the hash that the suite comes to: npm run test:runtimes -- --write", async () => {
    const report = await runSuite();
    expect(report.failed).toEqual([]);
    const hash = await hashOf(report), forbidden = ["workerd", "edge-runtime", "Chromium, module script"];
    for (const { runtime: { name }, run, hash: told } of ROWS) {
      // Where compiling bytes is forbidden, there is a case for that.
      const passed = report.passed + (forbidden.includes(name) ? 1 : 0);
      expect([name, run?.report.passed, run?.report.failed.length, told]).toEqual([name, passed, 0, hash]);
    }
  });
});

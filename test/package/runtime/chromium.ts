// Chromium, three ways: a page with modules, a bundle in a page, a bundle in a worker.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { openFolder } from "../../../tools/runtimes/chromium.ts";
import { bundleProject } from "../../../tools/runtimes/project.ts";
import { failureOf, withForbidden } from "./forbidden.ts";
import type { Report } from "./report.ts";
import type { Run, Runtime } from "./runtime.ts";
import { fresh } from "./suite.ts";

/** Bundles load the package when they ask for it. */
const PARTS = { output: { splitting: true } } as const;

/** The report of a module of the page. */
const fromPage = async (page: Page): Promise<Report> => {
  await page.waitForFunction(() => "reported" in globalThis, null, { timeout: 30_000 });
  return await page.evaluate(() => (globalThis as unknown as { reported: Promise<Report> }).reported);
};

/** The report that a worker posts. */
const fromWorker = (page: Page): Promise<Report> =>
  page.evaluate(() =>
    new Promise<Report>((found, failed) => {
      const worker = new Worker("/web_worker.js", { type: "module" });
      worker.onmessage = ({ data }: MessageEvent<Report>) => found(data);
      worker.onerror = ({ message }) => failed(new Error(message ?? "the worker failed"));
    })
  );

/** What makes a page cross-origin isolated: it may share memory with workers. */
const ISOLATED = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};

const html = (...scripts: readonly string[]): string => `<!doctype html>\n<title>fgn</title>\n${scripts.join("\n")}\n`;

/** The standalone file of the package takes the place of "fgn" in modules of the page. */
async function modules(folder: string, tarball: string): Promise<Run> {
  const project = await fresh(folder, tarball, ["fgn", "fgn/*"]), entry = "dist/index.js";
  const installed = "/node_modules/fgn/";
  const imports = {
    fgn: `${installed}${entry}`,
    "fgn/relaxed": `${installed}dist/relaxed.js`,
    "fgn/threads": `${installed}dist/threads.js`,
  };
  writeFileSync(
    join(project, "index.html"),
    html(
      `<script type="importmap">${JSON.stringify({ imports })}</script>`,
      '<script type="module" src="/suite/page.js"></script>',
    ),
  );
  const { version, report } = await openFolder(project, fromPage);
  const policy = { "content-security-policy": "script-src 'self' 'unsafe-inline'" };
  return { entry, version, report: withForbidden(report, await failureOf(openFolder(project, fromPage, policy))) };
}

async function bundled(folder: string, tarball: string): Promise<Run> {
  const project = await fresh(folder, tarball), { entry } = await bundleProject(project, "page", PARTS);
  writeFileSync(join(project, "index.html"), html('<script type="module" src="/page.js"></script>'));
  return { entry, ...await openFolder(project, fromPage, ISOLATED) };
}

async function worker(folder: string, tarball: string): Promise<Run> {
  const project = await fresh(folder, tarball), { entry } = await bundleProject(project, "web_worker", PARTS);
  writeFileSync(join(project, "index.html"), html());
  return { entry, ...await openFolder(project, fromWorker, ISOLATED) };
}

export const chromium: readonly Runtime[] = [
  { name: "Chromium, module script", condition: null, run: modules },
  { name: "Chromium, bundled", condition: "default", run: bundled },
  { name: "Chromium, Web Worker", condition: "default", run: worker },
];

// Chromium with WebGPU on SwiftShader, in a page and in a worker.

import { readFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { openPage } from "../../tools/runtimes/chromium.ts";
import type { File } from "../../tools/runtimes/serve.ts";
import { bundle } from "./bundle.ts";
import { type Hear, LIMIT, type Request } from "./suite.ts";

/** WebGPU in a browser without a screen, on the device that it brings. */
const FLAGS = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];

const HTML = '<!doctype html>\n<title>fgn</title>\n<script type="module" src="/browser.js"></script>\n';

type Go = (request: Request, hear: Hear) => Promise<void>;

const call = (name: "go" | "goInWorker", graphics = FLAGS) =>
async (
  given: string,
  request: Request,
  hear: Hear,
): Promise<void> => {
  const files: Readonly<Record<string, File>> = {
    "/": { type: "text/html", body: HTML },
    "/browser.js": { type: "text/javascript", body: await bundle("browser", "browser") },
    "/given.json": { type: "application/json", body: readFileSync(given) },
  };
  const ask = async (page: Page): Promise<void> => {
    await page.exposeFunction("hear", hear);
    await page.waitForFunction(() => "go" in globalThis);
    await page.evaluate(([name, request]) => {
      const { [name]: go, hear } = globalThis as unknown as { go: Go; goInWorker: Go; hear: Hear };
      return go(request, hear);
    }, [name, request] as const);
  };
  await openPage((path) => files[path] ?? null, ask, { graphics, limit: LIMIT });
};

/** The cases in a page, in a worker of it, and in the page of a browser that has no WebGPU. */
export const inPage = call("go"), inWorker = call("goInWorker"), inPageWithout = call("go", ["--disable-gpu"]);

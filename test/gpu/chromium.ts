// Chromium with WebGPU on SwiftShader, in a page and in a worker.

import { readFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { withBrowser } from "../package/runtime/browser.ts";
import { type File, serve } from "../package/runtime/serve.ts";
import { bundle } from "./bundle.ts";
import { type Hear, LIMIT, type Request } from "./suite.ts";

/** WebGPU in a browser without a screen, on the device that it brings. */
const FLAGS = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];

const HTML = '<!doctype html>\n<title>fgn</title>\n<script type="module" src="/browser.js"></script>\n';

type Go = (request: Request, hear: Hear) => Promise<void>;

async function open(
  given: string,
  hear: Hear,
  use: (page: Page) => Promise<void>,
  flags: readonly string[],
): Promise<void> {
  const script = await bundle("browser", "browser");
  const files: Readonly<Record<string, File>> = {
    "/": { type: "text/html", body: HTML },
    "/browser.js": { type: "text/javascript", body: script },
    "/given.json": { type: "application/json", body: readFileSync(given) },
  };
  const { url, close } = await serve((path) => files[path] ?? null);
  try {
    await withBrowser(async (browser) => {
      const page = await browser.newPage();
      const failure = new Promise<never>((_, failed) => {
        page.on("pageerror", failed);
        setTimeout(() => failed(new Error("the page took too long")), LIMIT).unref();
        page.on("crash", () => failed(new Error("the page crashed")));
        page.on("close", () => failed(new Error("the page was closed")));
      });
      await page.exposeFunction("hear", hear);
      await page.goto(url);
      await page.waitForFunction(() => "go" in globalThis);
      await Promise.race([use(page), failure]);
    }, flags);
  } finally {
    await close();
  }
}

const call =
  (name: "go" | "goInWorker", flags = FLAGS) => (given: string, request: Request, hear: Hear): Promise<void> =>
    open(given, hear, (page) =>
      page.evaluate(([name, request]) => {
        const { [name]: go, hear } = globalThis as unknown as { go: Go; goInWorker: Go; hear: Hear };
        return go(request, hear);
      }, [name, request] as const), flags);

/** The cases in a page, in a worker of it, and in the page of a browser that has no WebGPU. */
export const inPage = call("go"), inWorker = call("goInWorker"), inPageWithout = call("go", ["--disable-gpu"]);

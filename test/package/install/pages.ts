// The page of docs/browser.md in Chromium: with the package's index.js beside it, under policies that allow
// WebAssembly and that do not.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import type { Browser } from "playwright-core";
import { withBrowser } from "../../../tools/runtimes/chromium.ts";
import { serve } from "../../../tools/runtimes/serve.ts";
import { checkProbabilities } from "./example.ts";

function page(): string {
  const html = /```html\n([\s\S]*?)```/.exec(readFileSync("docs/browser.md", "utf8"))?.[1];
  if (html === undefined) throw new Error("docs/browser.md has no page");
  return html;
}

/** What the page shows, served with the given policy. */
async function shown(browser: Browser, tarball: string, policy: string | null): Promise<string> {
  const index = execFileSync("tar", ["-xzOf", tarball, "package/dist/index.js"], { encoding: "utf8" });
  const served = await serve((path) => {
    if (path === "/") return { type: "text/html", body: page() };
    return path === "/fgn/index.js" ? { type: "text/javascript", body: index } : null;
  }, policy === null ? {} : { "content-security-policy": policy });
  const tab = await browser.newPage();
  try {
    await tab.goto(served.url);
    await tab.waitForFunction("document.querySelector('#out').textContent !== ''", undefined, { timeout: 20_000 });
    return await tab.textContent("#out") ?? "";
  } finally {
    await tab.close();
    await served.close();
  }
}

function checkRefusal(text: string): void {
  if (!text.startsWith("CompilationForbidden") || !text.includes("add 'wasm-unsafe-eval' to the script-src")) {
    throw new Error(`the page shows no clear error: ${text}`);
  }
}

const PAGES = [
  { name: "index.js in a page", policy: null, check: checkProbabilities },
  {
    name: "index.js in a page that allows WebAssembly",
    policy: "script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'",
    check: checkProbabilities,
  },
  {
    name: "index.js in a page that forbids WebAssembly",
    policy: "script-src 'self' 'unsafe-inline'",
    check: checkRefusal,
  },
];

/** One case a policy. */
export const pages = (tarball: string): { name: string; check: () => Promise<void> }[] =>
  PAGES.map(({ name, policy, check }) => ({
    name,
    check: () => withBrowser(async (browser) => check(await shown(browser, tarball, policy))),
  }));

// Chromium, as the system has it.

import { existsSync } from "node:fs";
import process from "node:process";
import { type Browser, chromium, type Page } from "playwright-core";
import { Missing } from "./missing.ts";
import { type File, fileOf, serve } from "./serve.ts";

const PROGRAM = "/usr/bin/chromium";

const FLAGS = [
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/**
 * Hands over a new browser for a while, by default without a GPU. Throws {@link Missing} where there is none on this
 * machine.
 */
export async function withBrowser<A>(
  use: (browser: Browser) => Promise<A>,
  graphics: readonly string[] = ["--disable-gpu"],
): Promise<A> {
  if (!existsSync(PROGRAM)) throw new Missing("apt-get install chromium");
  const root = process.getuid?.() === 0;
  const browser = await chromium.launch({
    executablePath: PROGRAM,
    args: [...FLAGS, ...graphics],
    chromiumSandbox: !root,
    timeout: 30_000,
  });
  try {
    return await use(browser);
  } finally {
    await browser.close();
  }
}

/** How a page is served and watched. */
export interface Opening {
  readonly headers?: Readonly<Record<string, string>>;
  /** Flags of the browser; default: no GPU. */
  readonly graphics?: readonly string[];
  /** Milliseconds that what is asked of the page may take; default two minutes. */
  readonly limit?: number;
}

/** The answer of a page, and the version of the browser. */
export interface Opened<A> {
  readonly version: string;
  readonly report: A;
}

/** Opens the page that a server finds at / in a new browser and asks it for something; errors of the page end it. */
export async function openPage<A>(
  find: (path: string) => File | null,
  ask: (page: Page) => Promise<A>,
  { headers = {}, graphics, limit = 120_000 }: Opening = {},
): Promise<Opened<A>> {
  const { url, close } = await serve(find, headers);
  try {
    return await withBrowser(async (browser) => {
      const page = await browser.newPage(), version = browser.version();
      const failure = new Promise<never>((_, failed) => {
        page.on("pageerror", failed);
        page.on("crash", () => failed(new Error("the page crashed")));
        page.on("close", () => failed(new Error("the page was closed")));
        setTimeout(() => failed(new Error(`the page took longer than ${limit / 1000} s`)), limit).unref();
      });
      const asked = page.goto(url, { timeout: 30_000 }).then(() => ask(page));
      return { version, report: await Promise.race([asked, failure]) };
    }, graphics);
  } finally {
    await close();
  }
}

/** Opens index.html of a folder. */
export const openFolder = <A>(
  folder: string,
  ask: (page: Page) => Promise<A>,
  headers: Readonly<Record<string, string>> = {},
): Promise<Opened<A>> => openPage((path) => fileOf(folder, path), ask, { headers });

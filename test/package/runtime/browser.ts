// Chromium, as the system has it.

import { existsSync } from "node:fs";
import process from "node:process";
import { type Browser, chromium } from "playwright-core";
import { Missing } from "./runtime.ts";

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
  if (!existsSync(PROGRAM)) throw new Missing("install chromium");
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

/**
 * A progress line: rewritten in place on a terminal; elsewhere only what is to stay is printed.
 *
 * @module
 */

import process from "node:process";

const WIDTH = 24;
/** Back to the start of the line, and erase it. */
const RESTART = "\r\x1b[K";

/** A bar of fixed width, filled to `share` (0 to 1). */
export function bar(share: number): string {
  const filled = Math.round(Math.min(Math.max(share, 0), 1) * WIDTH);
  return "█".repeat(filled) + "░".repeat(WIDTH - filled);
}

/** Shows a text for now: the next call replaces it. */
export function showForNow(text: string): void {
  if (process.stdout.isTTY) process.stdout.write(RESTART + text);
}

/** Shows a text that stays. */
export function showForGood(text: string): void {
  process.stdout.write(`${process.stdout.isTTY ? RESTART : ""}${text}\n`);
}

// Programs that are run to their end, whatever that is; what they write is kept.

import { spawn } from "node:child_process";
import process from "node:process";

/** Minutes after which a runner is ended. */
const LIMIT = 15;

/** What a process writes, and by what it ended. */
export interface Ended {
  readonly end: string;
  readonly good: boolean;
  readonly said: string;
}

/** Runs a program to its end; what it writes is kept. */
export function runQuietly(command: string, args: readonly string[], minutes = LIMIT): Promise<Ended> {
  const child = spawn(command, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NO_COLOR: "1" },
    timeout: minutes * 60_000,
    killSignal: "SIGKILL",
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text: Buffer) => said += String(text));
  return new Promise((ended) => {
    child.on("error", ({ message }) => ended({ end: message, good: false, said }));
    child.on("close", (code, signal) => ended({ end: `ended with ${signal ?? code}`, good: code === 0, said }));
  });
}

/** The last part of a long text. */
export const tail = (text: string, length = 4000): string => text.length > length ? `…${text.slice(-length)}` : text;

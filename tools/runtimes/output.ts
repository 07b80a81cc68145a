// Programs that are run to their end, each within a time limit.

import { execFile } from "node:child_process";
import process from "node:process";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Where and for how long a program runs. */
export interface Place {
  readonly cwd?: string;
  readonly seconds?: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** What a program writes; throws what it says where it fails or takes too long (default a minute). */
export async function output(command: string, args: readonly string[], place: Place = {}): Promise<string> {
  const { cwd = ".", seconds = 60, env = {} } = place;
  const limits = { timeout: seconds * 1000, killSignal: "SIGKILL", maxBuffer: 2 ** 26 } as const;
  try {
    const { stdout } = await run(command, [...args], {
      cwd,
      ...limits,
      env: { ...process.env, NO_COLOR: "1", ...env },
    });
    return stdout;
  } catch (error) {
    const { killed, stdout = "", stderr = "", message } = error as Error & Partial<Record<string, string>>;
    if (killed) throw new Error(`${command} took longer than ${seconds} s`);
    throw new Error(`${command} failed: ${(stderr + stdout).trim().slice(-2000) || message}`);
  }
}

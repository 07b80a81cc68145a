// The cases on the device of the runtime that this runs in, and what is told of them.

import { webGpu } from "../../src/gpu/gpu.ts";
import { cases, deviceCases } from "./cases.ts";
import { soak } from "./cases/handles.ts";
import { absent } from "./cases/interrupted.ts";
import type { Case, Given } from "./check.ts";

/** Milliseconds that a place may take, a long soak included. */
export const LIMIT = 20 * 60_000;

/** What to run. */
export interface Request {
  /** Cases whose names match; default: all. */
  readonly pattern: string | null;
  /** A soak of so many steps in place of the cases. */
  readonly soak: number | null;
  /** The long cases whose names match, too. */
  readonly long: string | null;
  /** There is no adapter: the case for that in place of the others. */
  readonly absent?: boolean;
}

/** What is told: of the device or its absence, then of every case. */
export type Word =
  | { readonly _tag: "device"; readonly description: string }
  | { readonly _tag: "none"; readonly message: string }
  | { readonly _tag: "case"; readonly name: string; readonly ms: number; readonly failure: string | null };

/** What hears of it. */
export type Hear = (word: Word) => unknown;

async function attempt(name: string, run: () => Promise<void>, hear: Hear): Promise<void> {
  const began = performance.now(), word = { _tag: "case", name } as const;
  const ms = (): number => Math.round(performance.now() - began);
  try {
    await run();
    await hear({ ...word, ms: ms(), failure: null });
  } catch (error) {
    const failure = error instanceof Error ? `${error.message}\n${error.stack}` : String(error);
    await hear({ ...word, ms: ms(), failure });
  }
}

/** Runs the cases one after another. */
export async function runCases(given: Given, request: Request, hear: Hear): Promise<void> {
  const { pattern, soak: steps, long } = request;
  const chosen = pattern === null ? null : new RegExp(pattern);
  const matches = (one: Pick<Case, "name" | "long">): boolean =>
    (chosen?.test(one.name) ?? true) && (one.long !== true || long !== null && new RegExp(long).test(one.name));
  if (request.absent === true) {
    if (matches(absent)) await attempt(absent.name, () => absent.run(given), hear);
    return;
  }
  const opened = await webGpu()();
  if (opened._tag === "Left") {
    const { _tag, message } = opened.left;
    if (_tag !== "UnsupportedRuntime") throw new Error(message);
    await hear({ _tag: "none", message });
    return;
  }
  const backend = opened.right;
  await hear({ _tag: "device", description: backend.description });
  for (const { name, run } of steps === null ? cases.filter(matches) : [soak(steps)]) {
    await attempt(name, () => run(backend, given), hear);
  }
  backend.close();
  for (const { name, run } of steps === null ? deviceCases.filter(matches) : []) {
    await attempt(name, () => run(given), hear);
  }
}

// The cases in Deno, or in Node with Dawn: a word a line.
//
//   process.ts GIVEN REQUEST [DAWN]     a path, JSON, and where Dawn's module lies

import { readFileSync } from "node:fs";
import process from "node:process";
import { pathToFileURL } from "node:url";
import type { Given } from "../check.ts";
import { type Request, runCases } from "../suite.ts";

interface Dawn {
  readonly create: (flags: readonly string[]) => GPU;
  readonly globals: Readonly<Record<string, unknown>>;
}

const [, , given = "", request = "", dawn] = process.argv;
if (dawn !== undefined) {
  const { create, globals } = await import(pathToFileURL(dawn).href) as Dawn;
  Object.assign(globalThis, globals);
  Object.defineProperty(globalThis, "navigator", { value: { gpu: create([]) }, configurable: true });
}
await runCases(
  JSON.parse(readFileSync(given, "utf8")) as Given,
  JSON.parse(request) as Request,
  (word) => console.log(JSON.stringify(word)),
);
process.exit(0);

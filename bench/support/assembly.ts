// The small modules in assembly/bench. Node compiles them, once a run; what runs then, in whatever runtime, reads the
// bytes.

import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { instantiateSync } from "@assemblyscript/loader";
import { compile } from "../../tools/asc.ts";

const FOLDER = "node_modules/.cache/fgn";
const fileOf = (name: string): string => `${FOLDER}/${name}.wasm`;

/** Compiles assembly/bench/NAME.ts; in Node. */
export async function compileModule(name: string): Promise<void> {
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(fileOf(name), await compile([`assembly/bench/${name}.ts`]));
}

/** A compiled module: its exports, and the start of the SHA-256 of its bytes. */
export function loadModule<Exports>(name: string): { readonly exports: Exports; readonly hash: string } {
  const bytes = readFileSync(fileOf(name));
  const { exports } = instantiateSync(bytes, {});
  return {
    exports: exports as unknown as Exports,
    hash: createHash("sha256").update(bytes).digest("hex").slice(0, 16),
  };
}

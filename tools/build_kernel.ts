// Compiles assembly/ and writes the bytes into src/kernel/*.generated.ts. The files are committed, so that
// mod.ts also runs straight from its source; `--check` fails when they are not what the source gives.
//
//   node tools/run.mjs tools/build_kernel.ts [--check]

import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { hashOf } from "../src/math/hash.ts";
import { compile } from "./asc.ts";

/** The most pages of 64 KiB that a shared memory, which cannot be without an end, grows to: 2 GiB. */
const MOST = "32768";

const SHARED = ["--enable", "threads", "--importMemory", "--sharedMemory", "--maximumMemory", MOST];

/** The kernels, and how many imports each has: a memory that is shared is one. */
const VARIANTS = [
  { constant: "simd", name: "simd128", files: [], flags: [], imports: 0 },
  { constant: "relaxed", name: "relaxed-simd", files: [], flags: ["--enable", "relaxed-simd"], imports: 0 },
  {
    constant: "shared",
    name: "simd128",
    files: ["assembly/threads.ts"],
    flags: [...SHARED, "--zeroFilledMemory"],
    imports: 1,
  },
];

/** Entries of the import section (id 2), read from the bytes: Node 20 cannot validate relaxed SIMD. */
function importCount(wasm: Uint8Array): number {
  let at = 8;
  const leb = (): number => {
    let value = 0;
    for (let shift = 0;; shift += 7) {
      const byte = wasm[at++] ?? 0;
      value |= (byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  while (at < wasm.length) {
    const id = wasm[at++];
    const size = leb();
    if (id === 2) return leb();
    at += size;
  }
  return 0;
}

function generated(constant: string, name: string, wasm: Uint8Array): string {
  const hex = Buffer.from(wasm).toString("hex");
  return `// Written by tools/build_kernel.ts from assembly/: do not edit.

import type { KernelCode } from "./source.ts";

/** The ${name} kernel${constant === "shared" ? " on a memory that threads share" : ""}. */
export const ${constant}: KernelCode = {
  name: "${name}",
  hash: "${hashOf(hex)}",
  code: "${hex}",
};
`;
}

const check = process.argv.includes("--check");
for (const { constant, name, files, flags, imports } of VARIANTS) {
  const file = `src/kernel/${constant}.generated.ts`;
  const wasm = await compile(["assembly/index.ts", ...files], flags);
  if (importCount(wasm) !== imports) throw new Error(`the ${constant} kernel must have ${imports} imports`);
  const text = generated(constant, name, wasm);
  if (!check) writeFileSync(file, text);
  else if (readFileSync(file, "utf8") !== text) {
    console.error(`${file} is not what assembly/ gives: run npm run build:kernel`);
    process.exit(1);
  }
  console.log(`${constant}: ${wasm.length} bytes`);
}

// How an example is run in the runtime of the suite.

import type { Example, Importer } from "../../tools/doc_examples.ts";

/** Names that blocks may ask for: the runtimes of the suite, and others whose blocks are checked for types alone. */
export const RUNTIMES = ["node", "deno", "bun", "browser", "edge", "dawn"] as const;

const here: (typeof RUNTIMES)[number] = "Deno" in globalThis ? "deno" : "Bun" in globalThis ? "bun" : "node";

/**
 * Whether an example can run here. Those of the GPU's entry, which take the CPU in Node and Bun, would open a real device
 * in Deno, and do so in a process of its own (tools/check_docs.ts).
 */
export const runsHere = ({ runtimes, code }: Example): boolean =>
  (runtimes.length === 0 || runtimes.includes(here)) && !(here === "deno" && code.includes('"fgn/gpu"'));

/** The library's entries as the sources have them. */
const ENTRIES: Readonly<Record<string, () => Promise<unknown>>> = {
  "fgn": () => import("../../mod.ts"),
  "fgn/data": () => import("../../src/readers/readers.ts"),
  "fgn/file": () => import("../../src/io/file_store.ts"),
  "fgn/gpu": () => import("../../src/gpu/gpu.ts"),
  "fgn/onnx": () => import("../../src/onnx/onnx.ts"),
  "fgn/relaxed": () => import("../../src/kernel/relaxed.ts"),
  "fgn/threads": () => import("../../src/threads/threads.ts"),
};

export const load: Importer = (specifier) => (ENTRIES[specifier] ?? (() => import(specifier)))();

// edge-runtime with a bundle in it.

import { readFileSync } from "node:fs";
import { EdgeRuntime } from "edge-runtime";

/** A kernel compiled beforehand; none where this engine does not know its instructions. */
function compiled(file: string): WebAssembly.Module | undefined {
  const bytes = readFileSync(file);
  return WebAssembly.validate(bytes) ? new WebAssembly.Module(bytes) : undefined;
}

/** A bundle that runs. */
export interface Edge {
  /** The answer to a path; throws what is answered where that is an error. */
  readonly answer: (path: string) => Promise<string>;
  /** When the runtime began to be made, kernels and code at hand. */
  readonly began: number;
}

/** Evaluates a bundle in a new runtime, with kernels as "GLOBAL=FILE", and code generation forbidden. */
export function startEdge(bundle: string, kernels: readonly string[]): Edge {
  const globals = Object.fromEntries(kernels.map((kernel) => {
    const [name = "", file = ""] = kernel.split("=");
    return [name, compiled(file)];
  }));
  const code = readFileSync(bundle, "utf8"), began = performance.now();
  const runtime = new EdgeRuntime({
    codeGeneration: { strings: false, wasm: false },
    extend: (context) => Object.assign(context, globals),
  });
  runtime.evaluate(code);
  const answer = async (path: string): Promise<string> => {
    const response = await runtime.dispatchFetch(`http://127.0.0.1${path}`), text = await response.text();
    if (!response.ok) throw new Error(text);
    return text;
  };
  return { answer, began };
}

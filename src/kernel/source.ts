/**
 * Compiles the inlined kernel, synchronously. For runtimes that forbid compiling bytes the build puts a module
 * compiled beforehand in the place of the bytes (tools/build.ts).
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError } from "../error.ts";

/** A kernel as the package carries it; internal. */
export interface KernelCode {
  readonly name: "simd128" | "relaxed-simd";
  /** Of its bytes: that of the bytes a module was compiled from, too. */
  readonly hash: string;
  /** Its bytes in base64, or what a runtime compiled from them. */
  readonly code: string | WebAssembly.Module;
}

/** Cloudflare's types say that bytes make no module; where that is so, the constructor throws. */
type Compiler = { readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => WebAssembly.Module };

type Base64Decoder = { fromBase64?: (text: string) => Uint8Array<ArrayBuffer> };
type NodeBuffer = { Buffer?: { from: (text: string, encoding: "base64") => Uint8Array<ArrayBuffer> } };

/** By the engine, else by Node: the loop, which runs once and so never fast, takes 1 to 2 ms. */
function decode(base64: string): Uint8Array<ArrayBuffer> {
  const { fromBase64 } = Uint8Array as Base64Decoder, { Buffer: node } = globalThis as NodeBuffer;
  if (fromBase64 !== undefined) return fromBase64(base64);
  if (node !== undefined) return node.from(base64, "base64");
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** Explains why an engine refused the kernel. */
export function refusal(cause: unknown): E.Either<FgnError, never> {
  const text = cause instanceof Error ? cause.message : String(cause);
  if (/content security|unsafe-eval|disallowed by embedder|code generation|blocked by CSP/i.test(text)) {
    return fail(
      "CompilationForbidden",
      { cause: text },
      `this page or runtime forbids compiling WebAssembly (${text})`,
      "In a page, add 'wasm-unsafe-eval' to the script-src of its Content-Security-Policy; for a worker at the edge, bundle with the condition workerd or edge-light, which imports the kernel compiled beforehand",
    );
  }
  return fail(
    "UnsupportedRuntime",
    { cause: text },
    `this runtime cannot compile the kernel (${text})`,
    "WebAssembly with 128-bit SIMD is needed: Node ≥ 16.4, Deno ≥ 1.9, Bun, Chrome ≥ 91, Firefox ≥ 89, Safari ≥ 16.4 (relaxed SIMD: Chrome ≥ 114, Node ≥ 21)",
  );
}

/**
 * The module of a kernel. What is no text is one: `instanceof` would not know a module of another realm. Errors:
 * `UnsupportedRuntime`, `CompilationForbidden`.
 */
export function compile({ code }: KernelCode): E.Either<FgnError, WebAssembly.Module> {
  if (typeof WebAssembly === "undefined") return refusal("WebAssembly is missing");
  try {
    return E.right(typeof code === "string" ? new (WebAssembly as unknown as Compiler).Module(decode(code)) : code);
  } catch (cause) {
    return refusal(cause);
  }
}

/**
 * Compiles the inlined kernel bytes, synchronously. Runtimes that forbid compiling bytes get another file in
 * this one's place, which imports a module compiled beforehand.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError } from "../error.ts";

type Base64Decoder = { fromBase64?: (text: string) => Uint8Array<ArrayBuffer> };

function decode(base64: string): Uint8Array<ArrayBuffer> {
  const native = (Uint8Array as Base64Decoder).fromBase64;
  if (native !== undefined) return native(base64);
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
      "Add 'wasm-unsafe-eval' to the script-src of the Content-Security-Policy, or import a build with the module compiled beforehand",
    );
  }
  return fail(
    "UnsupportedRuntime",
    { cause: text },
    `this runtime cannot compile the kernel (${text})`,
    "WebAssembly with 128-bit SIMD is needed: Node ≥ 16.4, Deno ≥ 1.9, Bun, Chrome ≥ 91, Firefox ≥ 89, Safari ≥ 16.4 (relaxed SIMD: Chrome ≥ 114, Node ≥ 21)",
  );
}

/** Compiles a kernel from base64. Errors: `UnsupportedRuntime`, `CompilationForbidden`. */
export function compile(base64: string): E.Either<FgnError, WebAssembly.Module> {
  if (typeof WebAssembly === "undefined") return refusal("WebAssembly is missing");
  try {
    return E.right(new WebAssembly.Module(decode(base64)));
  } catch (cause) {
    return refusal(cause);
  }
}

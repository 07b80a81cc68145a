/**
 * A kernel as the package carries it, and what an engine that refuses it is told.
 *
 * @module
 */

import type * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError } from "../check/error.ts";
import { causeOf } from "../check/show.ts";

/** A WebAssembly.Module, whose type programs without that of the DOM lack. */
export type CompiledModule = object;

/**
 * A kernel as the package carries it.
 * @internal
 */
export interface KernelCode {
  readonly name: "simd128" | "relaxed-simd";
  /** Hash of the kernel's bytes, also where `code` is a module that was compiled from them. */
  readonly hash: string;
  /**
   * The kernel's bytes in hexadecimal, which compresses better than base64 as bytes stay apart, or a runtime's module of
   * them.
   */
  readonly code: string | CompiledModule;
}

/** The error of an engine that refused the kernel. */
export function refusalOf(cause: unknown): E.Either<FgnError, never> {
  const text = causeOf(cause);
  if (/content security|unsafe-eval|disallowed by embedder|code generation|blocked by CSP/i.test(text)) {
    return fail(
      "CompilationForbidden",
      { cause: text },
      `this page or runtime forbids compiling WebAssembly (${text})`,
      "In a page, add 'wasm-unsafe-eval' to the script-src of its policy; at the edge, bundle with the condition workerd or edge-light",
    );
  }
  return fail(
    "UnsupportedRuntime",
    { cause: text },
    `this runtime cannot compile the kernel (${text})`,
    "WebAssembly SIMD is needed: Node ≥ 16.4, Deno ≥ 1.9, Bun, Chrome ≥ 91, Firefox ≥ 89, Safari ≥ 16.4 (relaxed: Chrome ≥ 114, Node ≥ 21)",
  );
}

/**
 * Compiles the inlined kernel, synchronously. For runtimes that forbid compiling bytes the build puts a module
 * compiled beforehand in the place of the bytes (tools/build.ts).
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
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

/** Cloudflare's types say that bytes make no module; where that is so, the constructor throws. */
type Compiler = { readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => WebAssembly.Module };

/** Global objects that can decode text. */
interface Decoders {
  readonly Uint8Array: { readonly fromHex?: (text: string) => Uint8Array<ArrayBuffer> };
  /** Node's own. */
  readonly Buffer?: { readonly from: (text: string, encoding: "hex") => Uint8Array<ArrayBuffer> };
}

/**
 * Bytes of lower-case digits, decoded by the engine, else by Node: the loop runs once and so never fast.
 * @internal
 */
export function decode(
  hex: string,
  { Uint8Array: engine, Buffer: node }: Decoders = globalThis as Decoders,
): Uint8Array<ArrayBuffer> {
  if (engine.fromHex !== undefined) return engine.fromHex(hex);
  if (node !== undefined) return node.from(hex, "hex");
  const digit = (i: number): number => (hex.charCodeAt(i) & 15) + 9 * (hex.charCodeAt(i) >> 6);
  const bytes = new Uint8Array(hex.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = 16 * digit(2 * i) + digit(2 * i + 1);
  return bytes;
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

/**
 * The module of a kernel. Code that is no text is one: `instanceof` would not know a module of another realm. Errors:
 * `UnsupportedRuntime`, `CompilationForbidden`.
 */
export function compile({ code }: KernelCode): E.Either<FgnError, CompiledModule> {
  if (typeof WebAssembly === "undefined") return refusalOf("WebAssembly is missing");
  try {
    return E.right(typeof code === "string" ? new (WebAssembly as unknown as Compiler).Module(decode(code)) : code);
  } catch (cause) {
    return refusalOf(cause);
  }
}

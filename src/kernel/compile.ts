/**
 * Compiles the inlined kernel, synchronously. For runtimes that forbid compiling bytes the build puts a module
 * compiled beforehand in the place of the bytes, and of this file what gives it (tools/build.ts).
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import { type CompiledModule, type KernelCode, refusalOf } from "./source.ts";

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

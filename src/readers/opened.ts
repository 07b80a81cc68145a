/**
 * Bytes wherever they are: in a file, in memory, or still to come.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError } from "../check/error.ts";
import { checkKind, isObject } from "../check/kind.ts";
import { typedName } from "../check/show.ts";
import { outOfMemory, withinMemory } from "../check/size.ts";
import { failRead, failSize } from "./fault.ts";

/**
 * What is read: the path or file URL of a file (in Node, Deno and Bun), a Blob or File, bytes, or a stream of bytes: the
 * body of a response, a stream of Node's, whatever is iterated for Uint8Arrays.
 */
export type DataSource =
  | string
  | URL
  | Blob
  | Uint8Array
  | ArrayBuffer
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>;

/** A source that was opened. */
export interface Opened {
  /** Its name in messages. */
  readonly name: string;
  /** Number of bytes; null: a stream, which ends when it ends. */
  readonly size: number | null;
  /** Bytes [start, end) of a source with a size. */
  readonly read: (start: number, end: number) => Promise<E.Either<FgnError, Uint8Array>>;
  /** All bytes from the first one, in pieces; once. */
  readonly pieces: () => AsyncGenerator<E.Either<FgnError, Uint8Array>, void, undefined>;
  readonly close: () => Promise<void>;
}

/** Bytes of a piece. */
const PIECE = 2 ** 20;

/** The part of node:fs/promises that is used. */
interface FileHandle {
  stat(): Promise<{ readonly size: number; isFile(): boolean; isDirectory(): boolean }>;
  read(buffer: Uint8Array, offset: number, length: number, position: number | null): Promise<{ bytesRead: number }>;
  close(): Promise<void>;
}
interface FileSystem {
  open(path: string | URL, flags: "r"): Promise<FileHandle>;
}

/** Node's file system, which Deno and Bun have, too; asked for by name, so that bundles for browsers need none. */
function fileSystem(): FileSystem | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } };
  return process?.getBuiltinModule?.("node:fs/promises") as FileSystem | undefined;
}

/** A source that any part can be read of. */
function random(
  name: string,
  size: number,
  slice: (start: number, end: number) => Promise<Uint8Array>,
  close: () => Promise<void> = () => Promise.resolve(),
): Opened {
  const read: Opened["read"] = async (start, end) => {
    try {
      const bytes = await slice(start, end);
      if (bytes.length === end - start) return E.right(bytes);
      return failRead(name, `it ends after ${start + bytes.length} of ${size} bytes`);
    } catch (error) {
      if (error instanceof RangeError) return outOfMemory(name, end - start, "Read it as a stream, or in parts");
      return failRead(name, error);
    }
  };
  return {
    name,
    size,
    read,
    close,
    pieces: async function* () {
      for (let at = 0; at < size; at += PIECE) {
        const bytes = await read(at, Math.min(at + PIECE, size));
        yield bytes;
        if (bytes._tag === "Left") return;
      }
    },
  };
}

/** A source whose bytes come one piece after the other. */
function streamed(name: string, next: () => Promise<Uint8Array | null>, close: () => Promise<void>): Opened {
  return {
    name,
    size: null,
    read: () => Promise.resolve(failRead(name, "it is a stream")),
    close,
    pieces: async function* () {
      for (;;) {
        let piece: E.Either<FgnError, Uint8Array | null>;
        try {
          piece = E.right(await next());
        } catch (error) {
          piece = failRead(name, error);
        }
        if (piece._tag === "Right" && piece.right === null) return;
        if (piece._tag === "Right" && typedName(piece.right) !== "Uint8Array") {
          piece = checkKind(`a piece of ${name}`, piece.right, false, "a Uint8Array");
        }
        yield piece as E.Either<FgnError, Uint8Array>;
        if (piece._tag === "Left") return;
      }
    },
  };
}

/** Bytes in memory as a source. */
const ofBytes = (name: string, bytes: Uint8Array): Opened =>
  random(name, bytes.length, (start, end) => Promise.resolve(bytes.subarray(start, end)));

async function openFile(path: string | URL, name: string): Promise<E.Either<FgnError, Opened>> {
  const files = fileSystem();
  if (files === undefined) {
    const cause = "this runtime has no file system";
    return fail("UnsupportedRuntime", { cause }, `${name}: ${cause}`, "Give a File, bytes, or the body of a response");
  }
  try {
    const file = await files.open(path, "r"), close = () => file.close().catch(() => undefined);
    const slice = async (start: number, end: number, position: number | null = start): Promise<Uint8Array> => {
      const bytes = new Uint8Array(end - start);
      let at = 0;
      while (at < bytes.length) {
        const from = position === null ? null : start + at;
        const { bytesRead } = await file.read(bytes, at, Math.min(bytes.length - at, 2 ** 30), from);
        at += bytesRead;
        if (bytesRead === 0 || position === null) break;
      }
      return bytes.subarray(0, at);
    };
    const stat = await file.stat();
    if (stat.isDirectory()) {
      await close();
      return failRead(name, "it is a folder");
    }
    if (stat.isFile()) return E.right(random(name, stat.size, slice, close));
    // A pipe, or a terminal.
    const next = async () => {
      const bytes = await slice(0, PIECE, null);
      return bytes.length === 0 ? null : bytes;
    };
    return E.right(streamed(name, next, close));
  } catch (error) {
    return failRead(name, error);
  }
}

const has = (value: unknown, ...names: readonly string[]): boolean =>
  isObject(value) && names.every((name) => typeof value[name] === "function");

const isBlob = (value: unknown): value is Blob & { readonly name?: string } =>
  has(value, "slice", "arrayBuffer", "stream") && typeof (value as Blob).size === "number";

const isBuffer = (value: unknown): value is ArrayBuffer =>
  Object.prototype.toString.call(value) === "[object ArrayBuffer]";

/** The name of a source in messages. */
function nameOf(source: DataSource): string {
  if (typeof source === "string") return source;
  if (source instanceof URL) return decodeURIComponent(source.pathname);
  return isBlob(source) && typeof source.name === "string" && source.name !== "" ? source.name : "data";
}

/** Errors: `WrongKind`, `StorageFailed`, `UnsupportedRuntime`. */
export async function openSource(source: DataSource, given: string | null): Promise<E.Either<FgnError, Opened>> {
  const wanted = "a path, a File, bytes, or a stream of bytes";
  const name = given ?? nameOf(source);
  if (source instanceof URL && source.protocol !== "file:") {
    const message = `${source.href.slice(0, 80)} is not the URL of a file`;
    return fail("WrongKind", { what: "the source" }, message, "Fetch it, and give the body of the response");
  }
  if (typeof source === "string" && source !== "" || source instanceof URL) return await openFile(source, name);
  if (isBuffer(source)) return E.right(ofBytes(name, new Uint8Array(source)));
  if (typedName(source) === "Uint8Array") return E.right(ofBytes(name, source as Uint8Array));
  if (isBlob(source)) {
    return E.right(
      random(name, source.size, async (start, end) => new Uint8Array(await source.slice(start, end).arrayBuffer())),
    );
  }
  if (has(source, "getReader")) {
    const stream = source as ReadableStream<Uint8Array>;
    if (stream.locked) return failRead(name, "another reader has its stream");
    const reader = stream.getReader();
    const next = async () => (await reader.read()).value ?? null;
    return E.right(streamed(name, next, () => reader.cancel().catch(() => undefined)));
  }
  if (isObject(source) && Symbol.asyncIterator in source) {
    const iterator = (source as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
    const next = async () => {
      const { value, done } = await iterator.next();
      return done ? null : value;
    };
    return E.right(streamed(name, next, async () => void await iterator.return?.().catch(() => undefined)));
  }
  return checkKind("the source", source as never, false, wanted);
}

/** Pieces as one array. */
function join(name: string, pieces: readonly Uint8Array[], size: number): E.Either<FgnError, Uint8Array> {
  if (pieces.length === 1) return E.right(pieces[0] as Uint8Array);
  const bytes = withinMemory(() => new Uint8Array(size), () => null);
  if (bytes === null) return outOfMemory(name, size, "Give its path, so that it is read in parts");
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return E.right(bytes);
}

/** A source that any part can be read of: a stream is read to its end. Errors: `TooLarge`, `StorageFailed`, `OutOfMemory`. */
export async function gatherStream(opened: Opened, maxBytes: number): Promise<E.Either<FgnError, Opened>> {
  if (opened.size !== null) return E.right(opened);
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of opened.pieces()) {
    if (piece._tag === "Left") return piece;
    pieces.push(piece.right);
    size += piece.right.length;
    if (size > maxBytes) return failSize(`${opened.name} has more than ${maxBytes} bytes`, "maxBytes", maxBytes);
  }
  return E.map((bytes: Uint8Array): Opened => ({ ...ofBytes(opened.name, bytes), close: opened.close }))(
    join(opened.name, pieces, size),
  );
}

/** All bytes of a source. Errors: those of {@link gatherStream}. */
export async function readWhole(opened: Opened, maxBytes: number): Promise<E.Either<FgnError, Uint8Array>> {
  const gathered = await gatherStream(opened, maxBytes);
  if (gathered._tag === "Left") return gathered;
  const { size, read, name } = gathered.right;
  if ((size as number) > maxBytes) return failSize(`${name} has ${size} bytes`, "maxBytes", maxBytes);
  return await read(0, size as number);
}

/**
 * The first bytes of a source, at least `least` where it has as many, and a source that begins with them. Errors:
 * `StorageFailed`, `WrongKind`.
 */
export async function peek(opened: Opened, least: number): Promise<E.Either<FgnError, readonly [Uint8Array, Opened]>> {
  if (opened.size !== null) {
    const first = await opened.read(0, Math.min(opened.size, least));
    return first._tag === "Left" ? first : E.right([first.right, opened]);
  }
  const rest = opened.pieces(), taken: Uint8Array[] = [];
  let length = 0;
  while (length < least) {
    const { value, done } = await rest.next();
    if (done) break;
    if (value._tag === "Left") return value;
    taken.push(value.right);
    length += value.right.length;
  }
  const first = join(opened.name, taken, length);
  if (first._tag === "Left") return first;
  const pieces = async function* () {
    if (length > 0) yield first;
    yield* rest;
  };
  return E.right([first.right, { ...opened, pieces }]);
}

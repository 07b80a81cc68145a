/**
 * The decoder of Parquet, in a worker that can be ended: a changed byte can make it go round for ever.
 *
 * @module
 */

import type { FileMetaData } from "hyparquet";
import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError } from "../check/error.ts";
import { causeOf } from "../check/show.ts";
import { failFile } from "./fault.ts";
import { type NodeThreads, nodeThreads } from "../threads/workers.ts";
import type { Opened } from "./opened.ts";

/** The values of a column, as hyparquet gives them. */
export type Values = ArrayLike<unknown>;

/** A question to a worker: what a file holds, or a column of some rows. */
type Question = { readonly column: string; readonly start: number; readonly end: number } | null;

/** A decoder opened on a file. Errors: `InvalidFile`, `TimedOut`, those of the source. */
export interface Decoder {
  readonly metadata: () => Promise<E.Either<FgnError, FileMetaData>>;
  /** The values of rows [start, end) of one group. */
  readonly column: (column: string, start: number, end: number) => Promise<E.Either<FgnError, Values>>;
  readonly close: () => void;
}

/** What a worker is sent: where its libraries are, a question, or bytes that it asked for. */
type ToWorker =
  | { readonly hyparquet: string; readonly compressors: string; readonly byteLength: number; readonly seconds: number }
  | { readonly question: Question }
  | { readonly id: number; readonly bytes: ArrayBuffer | null };

/** What a worker sends: that it is ready, what it wants to read, an answer, or what was thrown. */
type FromWorker =
  | { readonly ready: true }
  | { readonly id: number; readonly start: number; readonly end: number }
  | { readonly answer: FileMetaData | Values }
  | { readonly thrown: string }
  | { readonly isLate: true };

/**
 * The program of a worker, as text, so that no file must be found at run time; in Node's workers or in web workers. It
 * looks at the clock where the decoder reads bytes, since Deno does not end a worker that goes round for ever.
 */
const programOf = (kind: "node" | "web"): string => `
const inNode = ${kind === "node"};
const port = inNode ? process.getBuiltinModule("node:worker_threads").parentPort : self;
const waiting = new Map();
let count = 0, calls = 0, seconds = 0, until = Infinity, metadata, library, compressors, file;
const late = new Error("late"), { getUint8 } = DataView.prototype;
const watch = () => until = performance.now() + 1000 * seconds;
DataView.prototype.getUint8 = function (at) {
  if ((++calls & 0xfff) === 0 && performance.now() > until) throw late;
  return getUint8.call(this, at);
};
const tell = (error) =>
  port.postMessage(error === late ? { isLate: true } : { thrown: String((error && error.message) || error) });
const open = async (data) => {
  seconds = data.seconds;
  library = await import(data.hyparquet);
  ({ compressors } = await import(data.compressors));
  const { byteLength } = data;
  const slice = (start, end = byteLength) => new Promise((resolve, reject) => {
    waiting.set(++count, { resolve, reject });
    port.postMessage({ id: count, start, end });
  });
  file = { byteLength, slice };
  port.postMessage({ ready: true });
};
const answer = async (question) => {
  if (question === null) return metadata = await library.parquetMetadataAsync(file);
  const { column, start: rowStart, end: rowEnd } = question;
  const scan = await library.parquetScan({ file, metadata, compressors, columns: [column], rowStart, rowEnd });
  return await scan.readColumn({ column, rowStart, rowEnd });
};
const receive = (data) => {
  watch();
  if (data.id !== undefined) {
    const { resolve, reject } = waiting.get(data.id);
    waiting.delete(data.id);
    if (data.bytes === null) reject(new Error("cannot be read")); else resolve(data.bytes);
  } else if (data.question !== undefined) answer(data.question).then((it) => port.postMessage({ answer: it })).catch(tell);
  else open(data).catch(tell);
};
if (inNode) port.on("message", receive);
else self.onmessage = ({ data }) => receive(data);
`;

/** A worker, whatever kind the runtime has. */
interface Channel {
  readonly post: (message: ToWorker) => void;
  readonly listen: (receive: (message: FromWorker) => void, failed: (cause: unknown) => void) => void;
  readonly end: () => void;
}

function nodeChannel({ Worker }: NodeThreads): Channel {
  const worker = new Worker(programOf("node"), { eval: true });
  return {
    post: (message) => worker.postMessage(message),
    listen: (receive, failed) => {
      worker.on("message", (message) => receive(message as FromWorker));
      worker.on("error", failed);
    },
    end: () => void worker.terminate(),
  };
}

function webChannel(): Channel {
  const url = URL.createObjectURL(new Blob([programOf("web")], { type: "text/javascript" }));
  const worker = new Worker(url, { type: "module" });
  return {
    post: (message) => worker.postMessage(message),
    listen: (receive, failed) => {
      worker.onmessage = ({ data }) => receive(data as FromWorker);
      worker.onerror = (event) => {
        event.preventDefault();
        failed(new Error(event.message || "the worker failed"));
      };
    },
    end: () => {
      worker.terminate();
      URL.revokeObjectURL(url);
    },
  };
}

/** A worker; null where there are none, or none may be started. */
function openChannel(): Channel | null {
  try {
    const threads = nodeThreads();
    if (threads !== undefined) return nodeChannel(threads);
    return typeof Worker === "undefined" ? null : webChannel();
  } catch {
    return null;
  }
}

/** The part of node:module that is used. */
interface NodeModule {
  createRequire(from: string): { resolve(name: string): string };
}

/** Where a package is; throws where only a bundler knows. */
function urlOf(name: string): string {
  try {
    return import.meta.resolve(name);
  } catch {
    const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } };
    const { createRequire } = process?.getBuiltinModule?.("node:module") as NodeModule;
    return new URL(createRequire(import.meta.url).resolve(name), "file:").href;
  }
}

/** Where the libraries are that a worker loads; null where only a bundler knows. */
function libraries(): { readonly hyparquet: string; readonly compressors: string } | null {
  try {
    return { hyparquet: urlOf("hyparquet"), compressors: urlOf("hyparquet-compressors") };
  } catch {
    return null;
  }
}

/** Seconds that a worker may take to begin, and those beyond its time in which it may say so itself. */
const PATIENCE = 10, GRACE = 2;

const REMEDY = "Give the whole file, or write it anew";

const failDecoding = (name: string, cause: unknown): E.Either<FgnError, never> =>
  failFile("parquet", name, `could not be decoded: ${causeOf(cause)}`, REMEDY);

const failLate = (name: string, seconds: number): E.Either<FgnError, never> => {
  const message = `the decoder of ${name} said nothing for ${seconds} s`;
  const remedy = "The file may be damaged: write it anew; raise deadline where it is only large";
  return fail("TimedOut", { what: name, seconds }, message, remedy);
};

/** Bytes of a file in a buffer of their own. */
async function sliceOf({ read, size }: Opened, start: number, end: number): Promise<E.Either<FgnError, ArrayBuffer>> {
  const isWithin = start >= 0 && start <= end && end <= (size as number);
  if (!isWithin) {
    return failFile("parquet", "its metadata", `name bytes ${start} to ${end}, which are not there`, REMEDY);
  }
  return E.map((bytes: Uint8Array) => new Uint8Array(bytes).buffer)(await read(start, end));
}

/** A decoder in a worker. Null: no worker began that has the libraries. */
async function inWorker(opened: Opened, seconds: number): Promise<Decoder | null> {
  const urls = libraries(), channel = urls && openChannel();
  if (!urls || !channel) return null;
  const { name } = opened;
  let settle: (answer: E.Either<FgnError, FromWorker>) => void = () => undefined;
  let timer: ReturnType<typeof setTimeout> | undefined, broken: E.Either<FgnError, never> | null = null;
  const watch = (limit: number): void => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      channel.end();
      settle(broken = failLate(name, seconds));
    }, limit * 1000);
  };
  const end = (answer: E.Either<FgnError, FromWorker>): void => {
    clearTimeout(timer);
    settle(answer);
  };
  channel.listen(async (message) => {
    if ("isLate" in message) return end(failLate(name, seconds));
    if (!("id" in message)) return end("thrown" in message ? failDecoding(name, message.thrown) : E.right(message));
    // The worker waits, and its time with it.
    clearTimeout(timer);
    const bytes = await sliceOf(opened, message.start, message.end);
    if (bytes._tag === "Left") return end(bytes);
    watch(seconds + GRACE);
    channel.post({ id: message.id, bytes: bytes.right });
  }, (cause) => {
    broken = failDecoding(name, cause);
    end(broken);
  });
  const send = (message: ToWorker, limit: number): Promise<E.Either<FgnError, FromWorker>> =>
    broken !== null ? Promise.resolve(broken) : new Promise((resolve) => {
      settle = resolve;
      watch(limit);
      channel.post(message);
    });
  const ask = async <A>(question: Question): Promise<E.Either<FgnError, A>> =>
    E.map((message: FromWorker) => (message as { readonly answer: A }).answer)(
      await send({ question }, seconds + GRACE),
    );
  const begun = await send({ ...urls, byteLength: opened.size as number, seconds }, PATIENCE);
  if (begun._tag === "Left") {
    channel.end();
    return null;
  }
  return {
    metadata: () => ask<FileMetaData>(null),
    column: (column, start, end) => ask<Values>({ column, start, end }),
    close: () => {
      clearTimeout(timer);
      channel.end();
    },
  };
}

/** A decoder in this thread, which no deadline ends. */
async function inThread(opened: Opened): Promise<Decoder> {
  const { parquetMetadataAsync, parquetScan } = await import("hyparquet");
  const { compressors } = await import("hyparquet-compressors");
  let fault: E.Either<FgnError, never> | null = null, metadata: FileMetaData | undefined;
  const byteLength = opened.size as number;
  const file = {
    byteLength,
    slice: async (start: number, end = byteLength): Promise<ArrayBuffer> => {
      const bytes = await sliceOf(opened, start, end);
      if (bytes._tag === "Right") return bytes.right;
      fault = bytes;
      throw new Error("cannot be read");
    },
  };
  const attempt = async <A>(run: () => Promise<A>): Promise<E.Either<FgnError, A>> => {
    try {
      return E.right(await run());
    } catch (cause) {
      return fault ?? failDecoding(opened.name, cause);
    }
  };
  return {
    metadata: () => attempt(async () => metadata = await parquetMetadataAsync(file)),
    column: (column, rowStart, rowEnd) =>
      attempt(async () => {
        const given = metadata === undefined ? {} : { metadata };
        const scan = await parquetScan({ file, ...given, compressors, columns: [column], rowStart, rowEnd });
        return await scan.readColumn({ column, rowStart, rowEnd });
      }),
    close: () => undefined,
  };
}

/** A decoder of a file of known size, in a worker where one can be started, whose silence ends after so many seconds. */
export const openDecoder = async (opened: Opened, seconds: number): Promise<Decoder> =>
  await inWorker(opened, seconds) ?? await inThread(opened);

/**
 * Workers of whatever kind the runtime has.
 *
 * @module
 */

import { programOf, type Start } from "./program.ts";

/** A worker that waits for tasks. */
export interface Running {
  /** Ends it, whatever it does. */
  readonly terminate: () => void;
}

/**
 * The part of node:worker_threads that is used.
 * @internal
 */
export interface NodeWorker {
  on(event: "message" | "error", receive: (value: unknown) => void): void;
  postMessage(value: unknown): void;
  unref(): void;
  terminate(): Promise<number>;
}
/** @internal */
export interface NodeThreads {
  readonly Worker: new (source: string, options: { readonly eval: true }) => NodeWorker;
}

/**
 * Node's own workers; undefined where there are web workers. What Emscripten compiled, such as onnxruntime-web, makes Node's
 * class the global one, which is no web worker and takes no URL.
 * @internal
 */
export function nodeThreads(): NodeThreads | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } };
  const threads = process?.getBuiltinModule?.("node:worker_threads") as NodeThreads | undefined;
  const { Worker } = globalThis as { Worker?: unknown };
  return Worker === undefined || Worker === threads?.Worker ? threads : undefined;
}

/** Milliseconds that a worker may take to begin. */
const PATIENCE = 10_000;

/** Waits for the word of a worker that it is ready; ends it where that does not come. */
function waitUntilReady(
  terminate: () => void,
  listen: (ready: () => void, failed: (cause: unknown) => void) => void,
): Promise<Running> {
  return new Promise((ready, failed) => {
    const fail = (cause: unknown): void => {
      clearTimeout(timer);
      terminate();
      failed(cause);
    };
    const timer = setTimeout(() => fail(new Error(`a worker did not begin in ${PATIENCE} ms`)), PATIENCE);
    listen(() => {
      clearTimeout(timer);
      ready({ terminate });
    }, fail);
  });
}

function startNode({ Worker }: NodeThreads, start: Start): Promise<Running> {
  const worker = new Worker(programOf("node"), { eval: true });
  worker.postMessage(start);
  return waitUntilReady(() => void worker.terminate(), (ready, failed) => {
    worker.on("message", () => {
      // From now on a program may end while it sleeps.
      worker.unref();
      ready();
    });
    worker.on("error", failed);
  });
}

function startWeb(start: Start): Promise<Running> {
  const url = URL.createObjectURL(new Blob([programOf("web")], { type: "text/javascript" }));
  const worker = new Worker(url, { type: "module" });
  worker.postMessage(start);
  return waitUntilReady(() => worker.terminate(), (ready, failed) => {
    worker.onmessage = ready;
    worker.onerror = ({ message }) => failed(new Error(message || "the worker could not be started"));
  }).finally(() => {
    URL.revokeObjectURL(url);
    // Bun: a program may end while it sleeps.
    (worker as { unref?: () => void }).unref?.();
  });
}

/** The function that starts a worker here; null where there are none. Starting rejects with what the runtime says against it. */
export function workerStarter(): ((start: Start) => Promise<Running>) | null {
  const threads = nodeThreads();
  if (threads !== undefined) return (start) => startNode(threads, start);
  return typeof Worker === "undefined" ? null : startWeb;
}

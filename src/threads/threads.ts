/**
 * The opt-in kernel of several threads: the same bytes as the default kernel, large products in less time.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { TaskEither } from "fp-ts/lib/TaskEither.js";
import { fail, type FgnError } from "../check/error.ts";
import { checkOptions, type Rules } from "../check/rule.ts";
import { causeOf } from "../check/show.ts";
import { guardAsync } from "../check/total.ts";
import { CLASS_LIMITS } from "../kernel/class_limits.ts";
import type { Kernel, KernelExports, LoadedKernel } from "../kernel/kernel.ts";
import { shared } from "../kernel/shared.generated.ts";
import { simd } from "../kernel/simd.generated.ts";
import { compile } from "../kernel/compile.ts";
import { refusalOf } from "../kernel/source.ts";
import { ENDED, NUMBERS, type Start, WORDS } from "./program.ts";
import { type Control, shareExports, TASKS } from "./team.ts";
import { type Running, workerStarter } from "./workers.ts";

/** Bytes of an instance's scratch buffer (assembly/gemm_transposed.ts), in whole cache lines. */
const SCRATCH = 34_816;
/** Most pages of 64 KiB that the shared memory grows to: 2 GiB, as the kernel declares. */
const MOST = 32_768;

/** Options of {@link threadedKernel}. */
export interface ThreadsOptions {
  /** Threads, the calling one included: from 2 to 64. Default: the processors there are, at most 8. */
  readonly threads?: number;
}

const THREADS: Rules<ThreadsOptions> = {
  threads: [
    (value) => Number.isInteger(value) && value as number >= 2 && value as number <= 64,
    "a whole number from 2 to 64",
  ],
};

/** A kernel that shares its large products with workers; pass it as `kernel` in the options of a step. */
export interface ThreadedKernel extends Kernel {
  /** Threads, the calling one included. */
  readonly threads: number;
  /** Ends the workers. The kernel goes on with the calling thread alone, in memory of its own once it needs more. */
  readonly close: () => void;
}

function noThreads(cause: string): E.Either<FgnError, never> {
  return fail(
    "UnsupportedRuntime",
    { cause },
    `this runtime gives no threads (${cause})`,
    "Use the default kernel. A page needs to be cross-origin isolated: Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp, and a policy that allows workers from blob: URLs; runtimes at the edge have no threads",
  );
}

function makeSharedMemory(): WebAssembly.Memory | null {
  if (typeof SharedArrayBuffer === "undefined") return null;
  try {
    return new WebAssembly.Memory({ initial: 1, maximum: MOST, shared: true });
  } catch {
    return null;
  }
}

/** Starts all workers, or none. */
async function startTeam(
  startWorker: (start: Start) => Promise<Running>,
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  count: number,
  heapBase: number,
): Promise<{ readonly control: Control; readonly running: readonly Running[] }> {
  const control = new SharedArrayBuffer(4 * WORDS * count), tasks = new SharedArrayBuffer(8 * NUMBERS * count);
  const starting = Array.from(
    { length: count },
    (_, index) =>
      startWorker({ module, memory, control, tasks, functions: TASKS, index, scratch: heapBase + SCRATCH * index }),
  );
  const settled = await Promise.allSettled(starting);
  const running = settled.flatMap((start) => start.status === "fulfilled" ? [start.value] : []);
  const refused = settled.find((start) => start.status === "rejected");
  if (refused !== undefined) {
    for (const { terminate } of running) terminate();
    throw refused.reason;
  }
  return {
    control: { states: new Int32Array(control), tasks: new Float64Array(tasks), workers: count },
    running,
  };
}

/**
 * Exports over a larger memory of their own, a copy of the given one. Memory that workers had is never grown after
 * they were ended: JavaScriptCore tells every instance over it, and crashes where one is being torn down (seen in Bun 1.4).
 */
function copyMemory(module: WebAssembly.Module, from: WebAssembly.Memory, pages: number): KernelExports {
  const memory = new WebAssembly.Memory({ initial: pages, maximum: MOST, shared: true });
  new Uint8Array(memory.buffer).set(new Uint8Array(from.buffer));
  return new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as KernelExports;
}

/** A function that ends the workers once; tasks are never given to them again. */
function closerOf(control: Control, running: readonly Running[]): () => void {
  return () => {
    if (control.workers === 0) return;
    for (let worker = 0; worker < control.workers; worker++) {
      Atomics.store(control.states, WORDS * worker, ENDED);
      Atomics.notify(control.states, WORDS * worker);
    }
    control.workers = 0;
    for (const { terminate } of running) terminate();
  };
}

/**
 * A kernel of several threads: products, exponentials and Gram matrices beyond some 10 µs of work are shared with
 * workers over one memory. The results are those of the default kernel, bit for bit, and so are checkpoints. Below
 * about 1 ms a step it gains little (docs/speed.md).
 *
 * `close()` it when done: where the runtime cannot tell sleeping workers from busy ones (Deno), they keep a program from
 * ending. Not for use by several workers of your own at once.
 *
 * Errors: `InvalidOption`, `UnsupportedRuntime` (no SharedArrayBuffer, as in a page that is not cross-origin isolated;
 * no workers), `CompilationForbidden`.
 *
 * @example
 * ```ts
 * import { batch, fgnStep, matrix, zeroHead } from "fgn";
 * import { threadedKernel } from "fgn/threads";
 *
 * const kernel = await threadedKernel({ threads: 2 })();
 * const features = matrix(2, 2, [1, 0, 0, 1]), head = zeroHead({ features: 2, classes: 2 });
 * if (kernel._tag === "Right" && features._tag === "Right" && head._tag === "Right") {
 *   const data = batch({ features: features.right, labels: [0, 1] });
 *   if (data._tag === "Right") console.log(fgnStep(head.right, data.right, 0.1, { kernel: kernel.right })._tag); // Right
 *   kernel.right.close();
 * }
 * ```
 */
export function threadedKernel(options: ThreadsOptions = {}): TaskEither<FgnError, ThreadedKernel> {
  return () => guardAsync("threadedKernel", { options }, startThreads(options));
}

/** Starts the workers and the kernel that they share. */
function startThreads(options: ThreadsOptions): TaskEither<FgnError, ThreadedKernel> {
  return async () => {
    const checked = checkOptions(options, THREADS);
    if (checked._tag === "Left") return checked;
    const processors = (globalThis.navigator as Navigator | undefined)?.hardwareConcurrency ?? 2;
    const count = checked.right.threads ?? Math.max(2, Math.min(8, processors));
    const startWorker = workerStarter();
    if (startWorker === null) return noThreads("workers are missing");
    const memory = makeSharedMemory();
    if (memory === null) return noThreads("SharedArrayBuffer is missing");
    const module = compile(shared);
    if (module._tag === "Left") return module;
    try {
      const raw = new WebAssembly.Instance(module.right, { env: { memory } }).exports as unknown as KernelExports;
      const base = Math.ceil(raw.heapBase() / 64) * 64, free = base + SCRATCH * (count - 1);
      memory.grow(Math.max(0, Math.ceil(free / 65_536) - memory.buffer.byteLength / 65_536));
      const { control, running } = await startTeam(startWorker, module.right, memory, count - 1, base);
      const kernel: LoadedKernel & ThreadedKernel = {
        name: simd.name,
        exports: shareExports(raw, control, free, (pages) => copyMemory(module.right, memory, pages)),
        hash: simd.hash,
        classes: CLASS_LIMITS,
        busy: false,
        layouts: 0,
        threads: count,
        close: closerOf(control, running),
      };
      return E.right(kernel);
    } catch (cause) {
      return cause instanceof WebAssembly.LinkError || cause instanceof WebAssembly.CompileError
        ? refusalOf(cause)
        : noThreads(causeOf(cause));
    }
  };
}

/**
 * The exports of a kernel that shares its large products with workers.
 *
 * A product over the rows [from, to) is split into as many parts as there are threads; the calling thread does one of
 * them, and those that nobody has begun by then, so that every call is done when it returns. Gram panels, which come one
 * a call, are given to whoever is idle, and awaited before anything else looks at the memory. An entry of a result is computed by
 * the same instructions whoever does it: the bytes are those of one thread.
 *
 * @module
 */

import type { KernelExports } from "../kernel/kernel.ts";
import { GIVEN, IDLE, NUMBERS, WORDS } from "./program.ts";

type Call = (...args: number[]) => unknown;

/** A product that can be split: rows from and to are its first arguments. */
interface Ranged {
  /** Parts begin at multiples of this number of rows. */
  readonly unit: number;
  /** Multiply-adds a row. */
  readonly cost: (args: readonly number[]) => number;
}

const RANGED: Readonly<Partial<Record<keyof KernelExports, Ranged>>> = {
  product: { unit: 2, cost: (args) => (args[2] as number) * (args[3] as number) },
  productPanels: { unit: 2, cost: (args) => (args[3] as number) * (args[4] as number) },
  productTransposedPanels: { unit: 4, cost: (args) => (args[3] as number) * (args[4] as number) },
  // An exponential takes about as long as this many multiply-adds.
  competitors: { unit: 4, cost: (args) => (args[3] as number) * 20 },
  addClasses: { unit: 4, cost: (args) => (args[4] as number) * 20 },
  exponentiate: { unit: 4, cost: (args) => (args[4] as number) * 20 },
};

/** The functions that workers call. */
export const TASKS: readonly string[] = [...Object.keys(RANGED), "gramPanel"];

const GRAM = TASKS.indexOf("gramPanel");

/** Multiply-adds below which a call is not shared: the gain of two threads would not pay for it (docs/speed.md). */
const WORTH = 2e5;

/** The memory that calls are shared through. */
export interface Control {
  readonly states: Int32Array;
  readonly tasks: Float64Array;
  /** Number of workers; 0 once they are ended. */
  workers: number;
}

/** Whether a worker has nothing to do. */
const isIdle = ({ states }: Control, worker: number): boolean => Atomics.load(states, WORDS * worker) === IDLE;

/** Gives a task to an idle worker. */
function give({ states, tasks }: Control, worker: number, task: number, args: readonly number[]): void {
  const at = NUMBERS * worker;
  tasks[at] = task;
  tasks[at + 1] = args.length;
  for (let i = 0; i < args.length; i++) tasks[at + 2 + i] = args[i] as number;
  Atomics.store(states, WORDS * worker, GIVEN);
  Atomics.notify(states, WORDS * worker, 1);
}

/** Waits until no worker has anything to do; takes back the tasks that are not begun. */
function join(control: Control, calls: readonly Call[]): void {
  const { states, tasks } = control;
  for (let worker = 0; worker < control.workers; worker++) {
    if (Atomics.compareExchange(states, WORDS * worker, GIVEN, IDLE) === GIVEN) {
      const at = NUMBERS * worker, count = tasks[at + 1] as number;
      (calls[tasks[at] as number] as Call)(...tasks.subarray(at + 2, at + 2 + count));
    } else while (!isIdle(control, worker));
  }
}

/** A call that is split among the threads. */
function split(control: Control, calls: readonly Call[], task: number, { unit, cost }: Ranged): Call {
  const call = calls[task] as Call;
  return (...args) => {
    const [from = 0, to = 0] = args, rest = args.slice(2);
    const share = Math.ceil((to - from) / (1 + control.workers) / unit) * unit;
    if (share >= to - from || cost(args) * (to - from) < WORTH) return call(...args);
    let start = from + share;
    for (let worker = 0; worker < control.workers && start < to; worker++, start += share) {
      give(control, worker, task, [start, Math.min(to, start + share), ...rest]);
    }
    call(from, from + share, ...rest);
    join(control, calls);
  };
}

/** A panel of a Gram matrix for the first who is idle. The first one of a matrix may add to what is being added to. */
function offer(control: Control, calls: readonly Call[]): Call {
  const call = calls[GRAM] as Call;
  return (...args) => {
    const [column = 0, , depth = 0] = args;
    if (column === 0) join(control, calls);
    if ((column + 16) * 16 * depth < WORTH) return call(...args);
    for (let worker = 0; worker < control.workers; worker++) {
      if (isIdle(control, worker)) return give(control, worker, GRAM, args);
    }
    return call(...args);
  };
}

/**
 * The exports with their products shared, and with memory that nobody writes to when it is looked at. Where more is
 * asked for once there are no workers, what `leave` gives for so many pages takes their place.
 */
export function shareExports(
  raw: KernelExports,
  control: Control,
  heapBase: number,
  leave: (pages: number) => KernelExports,
): KernelExports {
  const calls = TASKS.map((name) => raw[name as keyof KernelExports] as Call);
  const shared: Record<string, unknown> = {};
  for (const [name, call] of Object.entries(raw) as [keyof KernelExports, Call][]) {
    const ranged = RANGED[name];
    if (typeof call !== "function") continue;
    const own = ranged === undefined ? call : split(control, calls, TASKS.indexOf(name), ranged);
    shared[name] = name === "gramPanel" ? offer(control, calls) : (...args: number[]) => {
      join(control, calls);
      return own(...args);
    };
  }
  shared["heapBase"] = () => heapBase;
  // Its getter is one of the prototype, as that of a WebAssembly.Memory is.
  shared["memory"] = Object.create({
    get buffer() {
      join(control, calls);
      return raw.memory.buffer;
    },
    grow: (pages: number) => {
      if (control.workers > 0) return raw.memory.grow(pages);
      const before = raw.memory.buffer.byteLength / 65_536;
      Object.assign(shared, leave(before + pages));
      return before;
    },
  });
  return shared as unknown as KernelExports;
}

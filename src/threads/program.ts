/**
 * The program of a worker, as text: it is started from a URL of its own making, so that no file must be found at run
 * time.
 *
 * A worker has a state, a word of the control block in a cache line of its own, and the numbers of its task, float64.
 * It spins for a while before it sleeps, since tasks follow one another within microseconds and waking takes many of
 * them. A task that it has not begun when the others are done is taken back.
 *
 * @module
 */

/** States of a worker: nothing to do, a task that it has not begun, one that it has, no more tasks. */
export const IDLE = 0, GIVEN = 1, BEGUN = 2, ENDED = 3;

/** Words of the control block a worker. */
export const WORDS = 16;

/** Numbers of a task: the function's index, how many arguments, and those. */
export const NUMBERS = 16;

/** The message that starts a worker. */
export interface Start {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly control: SharedArrayBuffer;
  readonly tasks: SharedArrayBuffer;
  /** Names of the functions that tasks call. */
  readonly functions: readonly string[];
  readonly index: number;
  /** Address of the worker's scratch buffer. */
  readonly scratch: number;
}

/** Turns of the loop that a worker waits for before it sleeps, a few times as long as waking takes. */
const SPINS = 20_000;

/**
 * Runs in Node's workers (`port`: its parentPort) or in web workers. Which of them starts it is said: in Bun either looks like
 * the other from within.
 */
export const programOf = (kind: "node" | "web"): string => `
const inNode = ${kind === "node"};
const port = inNode ? process.getBuiltinModule("node:worker_threads").parentPort : self;
const receive = ({ module, memory, control, tasks, functions, index, scratch }) => {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  exports.useScratch(scratch);
  const calls = functions.map((name) => exports[name]);
  const states = new Int32Array(control), at = ${WORDS} * index;
  const task = new Float64Array(tasks, 8 * ${NUMBERS} * index, ${NUMBERS});
  port.postMessage("ready");
  for (;;) {
    let state = Atomics.load(states, at);
    for (let i = 0; state === ${IDLE} && i < ${SPINS}; i++) state = Atomics.load(states, at);
    if (state === ${IDLE}) Atomics.wait(states, at, ${IDLE});
    else if (state === ${ENDED}) break;
    else if (Atomics.compareExchange(states, at, ${GIVEN}, ${BEGUN}) === ${GIVEN}) {
      calls[task[0]](...task.subarray(2, 2 + task[1]));
      Atomics.compareExchange(states, at, ${BEGUN}, ${IDLE});
    }
  }
  inNode ? port.close() : self.close();
};
if (inNode) port.once("message", receive);
else self.onmessage = ({ data }) => receive(data);
`;

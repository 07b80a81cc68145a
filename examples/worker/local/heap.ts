// Memory that the isolate of a running workerd holds, by its inspector: a line of JSON every few milliseconds, and when
// the input ends one with the memory of its WebAssembly, which the others do not count, and what is left without garbage.
// Run by Deno, which has a client of WebSockets: `deno run -A examples/worker/local/heap.ts PORT`.

import process from "node:process";

const port = process.argv[2], EVERY = 20;
const targets = await (await fetch(`http://127.0.0.1:${port}/json`)).json() as { webSocketDebuggerUrl: string }[];
const socket = new WebSocket(targets[0]?.webSocketDebuggerUrl ?? "");
await new Promise((open) => socket.onopen = open);

type Result = Readonly<Record<string, unknown>>;
/** Parameters of what the inspector says without being asked. */
interface Params {
  readonly context?: { readonly id: unknown };
}

const waiting = new Map<number, (result: Result) => void>();
let context: unknown;
socket.onmessage = ({ data }: MessageEvent<string>) => {
  const { id, result = {}, params } = JSON.parse(data) as { id: number; result?: Result; params?: Params };
  context = params?.context?.id ?? context;
  waiting.get(id)?.(result);
  waiting.delete(id);
};
let last = 0;
const ask = (method: string, params: object = {}): Promise<Result> =>
  new Promise((answer) => {
    waiting.set(++last, answer);
    socket.send(JSON.stringify({ id: last, method, params }));
  });

/** The id of an object that the inspector answers with. */
const idOf = (result: Result, name: string): string => (result[name] as { objectId: string }).objectId;

/** Bytes of all WebAssembly memories; finding them collects garbage. */
async function wasmBytes(): Promise<unknown> {
  await ask("Runtime.enable");
  const evaluation = { expression: "WebAssembly.Memory.prototype", contextId: context };
  const prototype = idOf(await ask("Runtime.evaluate", evaluation), "result");
  const memories = idOf(await ask("Runtime.queryObjects", { prototypeObjectId: prototype }), "objects");
  const sum = "function () { return this.reduce((sum, { buffer }) => sum + buffer.byteLength, 0); }";
  const bytes = await ask("Runtime.callFunctionOn", { objectId: memories, functionDeclaration: sum });
  return (bytes["result"] as { value: unknown }).value;
}

let watching = true;
process.stdin.on("end", () => watching = false).resume();
while (watching) {
  console.log(JSON.stringify(await ask("Runtime.getHeapUsage")));
  await new Promise((later) => setTimeout(later, EVERY));
}
const wasm = await wasmBytes();
console.log(JSON.stringify({ wasm, left: await ask("Runtime.getHeapUsage") }));
process.exit();

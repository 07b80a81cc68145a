// Memory and processor time of a running workerd.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { deno } from "../../../tools/runtimes/processes.ts";
import { FOLDER, type Running } from "./workerd.ts";

/** The most that was seen of each kind of memory. */
export interface Peak {
  /** Bytes of JavaScript's objects. */
  readonly used: number;
  /** Bytes of array buffers. */
  readonly buffers: number;
  /** Bytes that the runtime keeps for the isolate. */
  readonly embedder: number;
  /** Bytes of WebAssembly, whose memory never shrinks. */
  readonly wasm: number;
  /** Bytes of all at once, garbage that is not collected yet included. */
  readonly isolate: number;
  /** Bytes of all at the end, without garbage. */
  readonly left: number;
  /** Number of looks. */
  readonly samples: number;
}

/** The inspector's word on a heap. */
interface Usage {
  readonly usedSize: number;
  readonly backingStorageSize: number;
  readonly embedderHeapUsedSize: number;
}

const sum = ({ usedSize, backingStorageSize, embedderHeapUsedSize }: Usage): number =>
  usedSize + backingStorageSize + embedderHeapUsedSize;

/** Watches the isolate of a worker that was started with its inspector; gives what ends it. */
export function watchHeap({ inspector }: Running): () => Promise<Peak> {
  const args = [...deno.run, "--no-check", `${FOLDER}/local/heap.ts`, String(inspector)];
  const child = spawn(deno.command, args, { stdio: ["pipe", "pipe", "inherit"] });
  let used = 0, buffers = 0, embedder = 0, together = 0, wasm = 0, left = 0, samples = 0;
  createInterface({ input: child.stdout }).on("line", (text) => {
    const line = JSON.parse(text) as Usage | { readonly wasm: number; readonly left: Usage };
    if ("wasm" in line) {
      wasm = line.wasm;
      left = sum(line.left);
      return;
    }
    used = Math.max(used, line.usedSize);
    buffers = Math.max(buffers, line.backingStorageSize);
    embedder = Math.max(embedder, line.embedderHeapUsedSize);
    together = Math.max(together, sum(line));
    samples++;
  });
  return async () => {
    const closed = once(child, "close");
    child.stdin.end();
    await closed;
    return { used, buffers, embedder, wasm, isolate: together + wasm, left: left + wasm, samples };
  };
}

/** A line of /proc/PID/status, in bytes: VmRSS is what the process holds, VmHWM the most that it held. */
export function processBytes({ process }: Running, name: "VmRSS" | "VmHWM"): number {
  const line = new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(readFileSync(`/proc/${process.pid}/status`, "utf8"));
  return Number(line?.[1]) * 1024;
}

/** Ticks of a second in /proc. */
const TICKS = 100;

/** Seconds of processor time that the process has taken: its user and system time. */
export function processSeconds({ process }: Running): number {
  const fields = readFileSync(`/proc/${process.pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

// Whether the memory of a process stays where it is over thousands of chained steps, pure and donated: 1,000 classes over
// 768 features, B = 4. Reads it after a garbage collection, early and at the end; prints both, and fails where they differ
// by more than MARGIN.
//
//   npm run bench:soak [-- FIRST LAST]   (default 2000 20000: some minutes)

import process from "node:process";
import { type Batch, type Damping, fgnStep, getOrThrow, type Network, randomHead, relative } from "../../mod.ts";
import { instantiate } from "../../src/kernel/kernel.ts";
import { simd } from "../../src/kernel/simd.generated.ts";
import { problem } from "../../test/support/reference.ts";

const B = 4, D = 768, C = 1000;
const MB = 2 ** 20;

/** By how many MB the last reading may be above the first: heaps and malloc keep some room, an array of the head is 2.9. */
const MARGIN = { wasm: 0, heap: 1, external: 1, rss: 48 };

type Reading = Readonly<Record<keyof typeof MARGIN, number>>;

const collect = (globalThis as { readonly gc?: () => void }).gc;
if (collect === undefined) throw new Error("run node with --expose-gc");

/** The kernel and the chain of one way to step. */
function chain(donate: boolean): { readonly step: () => void; readonly read: () => Promise<Reading> } {
  const kernel = getOrThrow(instantiate(simd)), data: Batch = problem(B, D, C).data;
  let params: Network = getOrThrow(randomHead({ features: D, classes: C }, 1)), damping: Damping = relative(1);
  return {
    step: () => void ({ params, damping } = getOrThrow(fgnStep(params, data, damping, { kernel, donate }))),
    read: async () => {
      // The memory of arrays goes back beside the program: the second collection waits for what the first one left.
      for (let n = 0; n < 2; n++) {
        collect?.();
        await new Promise((done) => setTimeout(done, 100));
      }
      const { rss, heapUsed, external } = process.memoryUsage();
      const wasm = kernel.exports.memory.buffer.byteLength;
      return { wasm: wasm / MB, heap: heapUsed / MB, external: external / MB, rss: rss / MB };
    },
  };
}

const shown = (reading: Reading): string =>
  Object.entries(reading).map(([name, value]) => `${name} ${value.toFixed(1)}`).join(", ");

/** What grew beyond its margin, in words. */
async function grown(donate: boolean, first: number, last: number): Promise<readonly string[]> {
  const { step, read } = chain(donate), way = donate ? "donated" : "pure";
  for (let n = 0; n < first; n++) step();
  const early = await read(), since = performance.now();
  for (let n = first; n < last; n++) step();
  const each = (performance.now() - since) / (last - first), late = await read();
  console.log(`${way}, ${each.toFixed(2)} ms a step\n  ${first} steps, MB: ${shown(early)}`);
  console.log(`  ${last} steps, MB: ${shown(late)}`);
  const names = Object.keys(MARGIN) as (keyof Reading)[];
  return names.filter((name) => late[name] - early[name] > MARGIN[name]).map((name) => `${way}: ${name} has grown`);
}

const [first = 2000, last = 20_000] = process.argv.slice(2).map(Number);
const faults = [...await grown(false, first, last), ...await grown(true, first, last)];
for (const fault of faults) console.error(fault);
process.exit(faults.length);

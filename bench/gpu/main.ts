// A step on the GPU against the step on the CPU kernels: best times over interleaved rounds as ratios, parameters and
// batch staying on the device, the loss after the step included. Prints the device as its driver names it, a shape as it
// is measured, and writes bench/gpu/results.json and the table of docs/gpu.md.
//
//   npm run bench:gpu [-- SECONDS [SHAPE ...]]    seconds a shape (5); only these shapes, printed: nothing is written
//
// On a software rasteriser (lavapipe, SwiftShader) the numbers show that it runs, not what a GPU does.

import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import process from "node:process";
import { type Batch, fgnStep, getOrThrow, mlp, type Network, randomHead } from "../../mod.ts";
import { type Backend, webGpu } from "../../src/gpu/gpu.ts";
import { problem } from "../../test/support/reference.ts";
import { replacePart } from "../support/markdown.ts";
import { type Measured, tableOf } from "./table.ts";

const head = (features: number, classes: number): Network => getOrThrow(randomHead({ features, classes }, 1));
const deep = (inputs: number, width: number, classes: number): Network =>
  getOrThrow(mlp({ inputs, hidden: [width, width], classes }));

const SHAPES: readonly (readonly [what: string, model: () => Network, B: number, D: number, C: number])[] = [
  ["128×784×10", () => head(784, 10), 128, 784, 10],
  ["128×384×1000", () => head(384, 1000), 128, 384, 1000],
  ["256×768×10000", () => head(768, 10_000), 256, 768, 10_000],
  ["128×784×128×128×10", () => deep(784, 128, 10), 128, 784, 10],
  ["256×1024×1024×1024×1000", () => deep(1024, 1024, 1000), 256, 1024, 1000],
  ["256×1024×4096×1000", () => getOrThrow(mlp({ inputs: 1024, hidden: [4096], classes: 1000 })), 256, 1024, 1000],
  ["1024×1024×32000", () => head(1024, 32_000), 1024, 1024, 32_000],
  ["2048×256×100", () => head(256, 100), 2048, 256, 100], // its Gram matrix stays on the device
];

/** Best milliseconds of calls that take turns for about so many seconds; long ones have one turn. */
async function race(seconds: number, runs: readonly (() => unknown)[]): Promise<number[]> {
  const best = runs.map(() => Infinity), end = performance.now() + 1000 * seconds;
  for (let round = 0; round < 1 || performance.now() < end; round++) {
    for (const [index, run] of runs.entries()) {
      const began = performance.now();
      await run();
      best[index] = Math.min(best[index] as number, performance.now() - began);
    }
  }
  return best;
}

async function measure(backend: Backend, seconds: number, model: Network, data: Batch): Promise<number[]> {
  const params = getOrThrow(await backend.onDevice(model)()), batch = getOrThrow(await backend.batchOnDevice(data)());
  const step = (lossAfter: boolean) => async (): Promise<void> => {
    backend.release(getOrThrow(await backend.fgnStep(params, batch, undefined, { lossAfter })()).params);
  };
  const best = await race(seconds, [step(true), () => getOrThrow(fgnStep(model, data)), step(false)]);
  backend.release(params);
  backend.release(batch);
  return best;
}

const [, , given = "5", ...asked] = process.argv, seconds = Number(given);
const unknown = asked.filter((name) => !SHAPES.some(([what]) => what === name));
if (!(seconds >= 0) || unknown.length > 0) {
  console.error(`seconds (${given}) from 0 on, then shapes of ${SHAPES.map(([what]) => what).join(", ")}: ${unknown}`);
  process.exit(1);
}
const backend = getOrThrow(await webGpu()());
console.log(`${backend.description}, against the CPU kernel of one thread, best times in ms`);
const about = { device: backend.description, cpu: cpus()[0]?.model ?? "unknown", seconds };
const rows: Measured[] = [];
for (const [what, make, B, D, C] of SHAPES) {
  if (asked.length > 0 && !asked.includes(what)) continue;
  const [gpu = NaN, cpu = NaN, plain = NaN] = await measure(backend, seconds, make(), problem(B, D, C).data);
  rows.push({ what, gpu, withoutLossAfter: plain, cpu, ratio: cpu / gpu });
  console.log(
    `${what}: GPU ${gpu.toFixed(2)}, without loss after ${plain.toFixed(2)}, CPU ${cpu.toFixed(2)}, CPU / GPU ${
      (cpu / gpu).toFixed(3)
    }`,
  );
  if (asked.length > 0) continue;
  writeFileSync("bench/gpu/results.json", `${JSON.stringify({ ...about, rows }, null, 2)}\n`);
  writeFileSync("docs/gpu.md", replacePart(readFileSync("docs/gpu.md", "utf8"), "results", tableOf(rows)));
}
backend.close();
process.exit(0);

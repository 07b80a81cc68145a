// Two threads against one, as ratios of best times of interleaved rounds: the step without the loss after it, pure, and in
// the memory of the step before it (`donate`), as `train` takes it; and whether the parameters are the same bytes. Prints a
// table, writes bench/threads/results.json.
//
//   npm run bench:threads [-- THREADS]
//   node_modules/.bin/deno run -A …, bun …: node_modules/.cache/fgn/bench.threads.main.mjs, after a run in Node

import { mkdirSync, writeFileSync } from "node:fs";
import process from "node:process";
import {
  type Batch,
  fgnStep,
  getOrThrow,
  mlp,
  type Network,
  parameters,
  randomHead,
  type StepOptions,
} from "../../mod.ts";
import { threadedKernel } from "../../src/threads/threads.ts";
import { problem } from "../../test/support/reference.ts";

const ROUNDS = 4;

/** Best time of some calls, in milliseconds. */
function best(run: () => unknown, calls: number): number {
  let least = Infinity;
  for (let i = 0; i < calls; i++) {
    const began = performance.now();
    run();
    least = Math.min(least, performance.now() - began);
  }
  return least;
}

const head = (features: number, classes: number): Network => getOrThrow(randomHead({ features, classes }, 1));

const MODELS: readonly (readonly [what: string, model: () => Network, B: number, D: number, C: number])[] = [
  ...[[128, 784, 10], [128, 384, 100], [128, 384, 1000], [256, 768, 1000], [128, 768, 10_000]].map((
    [B = 0, D = 0, C = 0],
  ) => [`${B}×${D}×${C}`, () => head(D, C), B, D, C] as const),
  ["128×784×256×10", () => getOrThrow(mlp({ inputs: 784, hidden: [256], classes: 10 })), 128, 784, 10],
  ["256×1024×1024×1000", () => getOrThrow(mlp({ inputs: 1024, hidden: [1024], classes: 1000 })), 256, 1024, 1000],
];

/** One step after another, each in the memory of the one before. */
function chain(start: Network, data: Batch, options: StepOptions): () => void {
  let params = structuredClone(start);
  return () => {
    ({ params } = getOrThrow(fgnStep(params, data, undefined, { lossAfter: false, donate: true, ...options })));
  };
}

/** How many times as fast one call is as the other. */
function compare(one: () => unknown, several: () => unknown, calls: number) {
  let alone = Infinity, together = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    alone = Math.min(alone, best(one, calls));
    together = Math.min(together, best(several, calls));
  }
  return { one: alone, several: together, ratio: alone / together };
}

const threads = Number(process.argv[2] ?? 2), kernel = getOrThrow(await threadedKernel({ threads })());
const rows = MODELS.map(([what, make, B, D, C]) => {
  const model = make(), data: Batch = problem(B, D, C).data;
  const step = (options: StepOptions) => getOrThrow(fgnStep(model, data, undefined, { lossAfter: false, ...options }));
  const alone = parameters(step({}).params), together = parameters(step({ kernel }).params);
  const same = alone.every((value, i) => value === together[i]);
  const calls = Math.max(5, Math.min(200, Math.round(4e9 / (B * D * C))));
  const pure = compare(() => step({}), () => step({ kernel }), calls);
  return { what, pure, donated: compare(chain(model, data, {}), chain(model, data, { kernel }), calls), same };
});
kernel.close();
const versions = process.versions, name = versions["deno"] ? "Deno" : versions["bun"] ? "Bun" : "Node";
const runtime = `${name} ${versions["deno"] ?? versions["bun"] ?? versions.node}`;
console.log(`${runtime}, ${threads} threads, best times in ms`);
console.table(rows.map(({ what, pure, donated, same }) => ({
  what,
  "pure, one": pure.one.toFixed(3),
  "pure, several": pure.several.toFixed(3),
  "one / several": pure.ratio.toFixed(2),
  "donated, one": donated.one.toFixed(3),
  "donated, several": donated.several.toFixed(3),
  "one / several, donated": donated.ratio.toFixed(2),
  "same bytes": same,
})));
if (rows.some(({ same }) => !same)) process.exitCode = 1;
mkdirSync("bench", { recursive: true });
writeFileSync("bench/threads/results.json", `${JSON.stringify({ runtime, threads, rows }, null, 2)}\n`);

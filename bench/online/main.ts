// `npm run bench:online`: languages learnt one text at a time. 400 of the 522 UDHR languages are known from all their
// training texts; the others arrive text by text, shuffled, and the head grows by each. Accuracy on the test texts of new
// and old languages, among all 522, after 1, 2 and 4 texts a language. Writes results.json and the table in README.md.
// FGN_BENCH_SEEDS sets the number of seeds (default 3).

import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { loadUdhr } from "../../examples/data/udhr.ts";
import { fgn, fit, getOrThrow, mlp, type Network, zeroHead } from "../../mod.ts";
import { replacePart, table } from "../support/markdown.ts";
import { type Accuracy, byAdam, online, type Run, runStream, type Start } from "./learners.ts";
import { type Stream, streamOf } from "./stream.ts";

const SEEDS = Number(process.env["FGN_BENCH_SEEDS"] ?? 3);
const CLASSES = 522, KNOWN = 400, ROUNDS = 4, AFTER = [1, 2, 4];
/** Learning rates of Adam, for B = 1 and B = 16. */
const HEAD_RATES = [[0.01, 0.03, 0.05, 0.1, 0.2], [0.03, 0.05, 0.1, 0.2, 0.4]] as const;
const NETWORK_RATES = [[0.0003, 0.001, 0.002, 0.003, 0.005], [0.001, 0.003, 0.005, 0.01, 0.02]] as const;

/** Networks before training, by name. */
const MODELS = {
  head: () => getOrThrow(zeroHead({ features: 1024, classes: KNOWN })),
  "head by plain steps": () => getOrThrow(zeroHead({ features: 1024, classes: KNOWN })),
  "head for 522": () => getOrThrow(zeroHead({ features: 1024, classes: CLASSES })),
  network: (seed: number) => getOrThrow(mlp({ inputs: 1024, hidden: [64], classes: KNOWN, seed })),
};
type ModelName = keyof typeof MODELS;

/** A way to learn a stream. */
interface Entry {
  readonly model: ModelName;
  readonly what: string;
  readonly size: number;
  /** One or, for Adam, one a learning rate. */
  readonly starts: readonly { readonly rate: number | null; readonly start: Start }[];
}

const plain = (model: ModelName, what: string, size: number, start: Start): Entry => ({
  model,
  what,
  size,
  starts: [{ rate: null, start }],
});

const adams = (model: ModelName, size: number, rates: readonly number[]): Entry => ({
  model,
  what: "Adam",
  size,
  starts: rates.map((rate) => ({ rate, start: byAdam(rate) })),
});

const ENTRIES: readonly Entry[] = [
  plain("head", "adapt", 1, online()),
  plain("head", "adapt", 16, online()),
  plain("head", "adapt, ratio .01", 1, online({ ratio: 0.01 })),
  plain("head", "adapt, new rows of zeros", 1, online({ zeros: true })),
  plain("head", "adapt, 3 known beside", 1, online({ beside: 3 })),
  adams("head", 1, HEAD_RATES[0]),
  adams("head", 16, HEAD_RATES[1]),
  plain("head by plain steps", "adapt", 1, online()),
  plain("head for 522", "adapt", 1, online()),
  plain("network", "adapt", 1, online()),
  plain("network", "adapt", 16, online()),
  plain("network", "adapt, ratio .03", 1, online({ ratio: 0.03 })),
  plain("network", "adapt, 3 known beside", 1, online({ beside: 3 })),
  adams("network", 1, NETWORK_RATES[0]),
  adams("network", 16, NETWORK_RATES[1]),
];

/** A model trained on the known languages: 5 epochs of batches of 128. */
async function trained(model: ModelName, stream: Stream, seed: number): Promise<Network> {
  const options = { epochs: 5, batchSize: 128, seed } as const, start = MODELS[model](seed);
  const run = model === "head by plain steps"
    ? fit(start, stream.train, { ...options, optimizer: fgn() })
    : fit(start, stream.train, options);
  return getOrThrow(await run()).params;
}

interface Spread {
  readonly mean: number;
  readonly sd: number;
}

function spreadOf(values: readonly number[]): Spread {
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  const squares = values.reduce((sum, v) => sum + (v - mean) ** 2, 0);
  return { mean, sd: values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : 0 };
}

/** Accuracies after so many texts a language. */
interface Cell {
  readonly texts: number;
  /** For Adam, the rate whose accuracies on new and old add up to most here. */
  readonly rate: number | null;
  readonly new: Spread;
  readonly old: Spread;
}

interface Row {
  readonly model: string;
  readonly what: string;
  readonly size: number;
  readonly milliseconds: number;
  readonly cells: readonly Cell[];
}

/** The runs of one entry, by start and seed, as a row: each cell by its best start. */
function rowOf({ model, what, size, starts }: Entry, runs: readonly (readonly Run[])[]): Row {
  const cells = AFTER.map((texts, k): Cell => {
    const made = starts.map(({ rate }, i) => {
      const all = (runs[i] ?? []).map(({ accuracies }) => accuracies[k] as Accuracy);
      return { texts, rate, new: spreadOf(all.map((a) => a.new)), old: spreadOf(all.map((a) => a.old)) };
    });
    return made.reduce((best, cell) => cell.new.mean + cell.old.mean > best.new.mean + best.old.mean ? cell : best);
  });
  const times = runs.flat().map(({ milliseconds }) => milliseconds);
  return { model, what, size, milliseconds: Math.min(...times), cells };
}

const digits = (x: number): string => x.toFixed(3).replace(/^0/, "");
const shown = ({ mean, sd }: Spread): string => `${digits(mean)} ± ${digits(sd)}`;

function tableOf(rows: readonly Row[]): string {
  return table(
    ["model", "learner", "B", ...AFTER.map((k) => `k = ${k}: new / old`), "ms"],
    rows.map(({ model, what, size, milliseconds, cells }) => [
      model,
      what,
      String(size),
      ...cells.map((cell) => `${shown(cell.new)} / ${shown(cell.old)}${cell.rate === null ? "" : ` (${cell.rate})`}`),
      milliseconds.toFixed(1),
    ]),
  );
}

const data = loadUdhr();
const runs = ENTRIES.map(({ starts }) => starts.map((): Run[] => []));
for (let seed = 1; seed <= SEEDS; seed++) {
  const stream = streamOf(data, { classes: CLASSES, known: KNOWN, rounds: ROUNDS, seed });
  const models = new Map<ModelName, Network>();
  for (const [e, { model, size, starts }] of ENTRIES.entries()) {
    const network = models.get(model) ?? await trained(model, stream, seed);
    models.set(model, network);
    starts.forEach(({ start }, i) => runs[e]?.[i]?.push(runStream(network, stream, start, size, AFTER)));
    console.log(`seed ${seed}: ${e + 1} of ${ENTRIES.length}`);
  }
}
const rows = ENTRIES.map((entry, e) => rowOf(entry, runs[e] ?? []));
const results = tableOf(rows), page = "bench/online/README.md";
console.log(results);
writeFileSync("bench/online/results.json", `${JSON.stringify({ seeds: SEEDS, known: KNOWN, rows }, null, 2)}\n`);
writeFileSync(page, replacePart(readFileSync(page, "utf8"), "results", results));

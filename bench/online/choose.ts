// The default ratio of online(), chosen where nothing of `npm run bench:online` is scored: other splits into known and new
// languages, and, in the place of the test texts, 8 of the 24 training texts of each language, which are not trained on.
//
//   node tools/run.mjs bench/online/choose.ts    prints new / old accuracies for each ratio; writes nothing

import type { Split } from "../../examples/data/dataset.ts";
import { type Languages, loadUdhr } from "../../examples/data/udhr.ts";
import { fit, getOrThrow, zeroHead } from "../../mod.ts";
import { type Accuracy, online, runStream } from "./learners.ts";
import { streamOf } from "./stream.ts";

const RATIOS = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03];
/** Those of the benchmark are 1, 2 and 3. */
const SEEDS = [11, 12, 13, 14, 15];
const TEXTS = 24, HELD_OUT = 8, AFTER = [1, 2, 4];

/** The training texts of each language whose places `wanted` says. */
function part({ train: { features, labels }, columns }: Languages, wanted: (place: number) => boolean): Split {
  const rows = Array.from(labels.keys()).filter((row) => wanted(row % TEXTS));
  const picked = new Float32Array(rows.length * columns);
  rows.forEach((row, i) => picked.set(features.subarray(row * columns, (row + 1) * columns), i * columns));
  return { features: picked, labels: Uint32Array.from(rows, (row) => labels[row] as number), rows: rows.length };
}

const mean = (runs: readonly Accuracy[], by: keyof Accuracy): string =>
  (runs.reduce((sum, run) => sum + run[by], 0) / runs.length).toFixed(3);

const data = loadUdhr();
const held = {
  ...data,
  train: part(data, (k) => k < TEXTS - HELD_OUT),
  test: part(data, (k) => k >= TEXTS - HELD_OUT),
};
const seen = RATIOS.map(() => AFTER.map((): Accuracy[] => []));
for (const seed of SEEDS) {
  const stream = streamOf(held, { classes: 522, known: 400, rounds: 4, seed });
  const start = getOrThrow(zeroHead({ features: data.columns, classes: 400 }));
  const head = getOrThrow(await fit(start, stream.train, { epochs: 5, seed })()).params;
  RATIOS.forEach((ratio, r) =>
    runStream(head, stream, online({ ratio }), 1, AFTER).accuracies.forEach((accuracy, k) =>
      seen[r]?.[k]?.push(accuracy)
    )
  );
}
console.table(RATIOS.map((ratio, r) => ({
  ratio,
  ...Object.fromEntries(
    AFTER.map((
      texts,
      k,
    ) => [`k = ${texts}`, `${mean(seen[r]?.[k] ?? [], "new")} / ${mean(seen[r]?.[k] ?? [], "old")}`]),
  ),
})));

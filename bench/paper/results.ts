// All that is measured, and how it is written to results.json: columns and rows, a row a line.

import { type Spread, spreadOf } from "./comparison.ts";
import { fullDesign, fullModels, type RealCase, shortDesign, shortModels } from "./design.ts";
import { BATCH, type Checkpoint, commonShare, measureRun, type State, type Steps } from "./real.ts";
import { measureSynthetic, type SyntheticCase, type SyntheticResults } from "./synthetic.ts";

/** λ/K̄ of the real heads. */
export const REAL_RATIOS = [1e-1, 1e-2, 1e-3, 1e-4];

type Spreads<A> = { readonly [K in keyof A]: Spread };

/** A model after so many steps: its state, and both steps at each of REAL_RATIOS. */
export interface RealRow {
  readonly model: string;
  readonly step: number;
  readonly state: Spreads<State>;
  readonly steps: readonly Spreads<Steps>[];
}

export interface Results {
  readonly seeds: number;
  readonly synthetic: SyntheticResults;
  readonly real: readonly RealRow[];
  /** ‖x̄‖²/mean ‖x‖² of the training features, by model. */
  readonly common: readonly { readonly model: string; readonly share: number }[];
}

/** Spreads of every number of records over seeds. */
function spreads<A extends object>(records: readonly A[]): Spreads<A> {
  const [first] = records as [A, ...A[]];
  const entries = (Object.keys(first) as (keyof A)[]).map((key) =>
    [key, spreadOf(records.map((one) => one[key] as number))] as const
  );
  return Object.fromEntries(entries) as unknown as Spreads<A>;
}

function measureModel({ model, counts }: RealCase, seeds: number): RealRow[] {
  const runs = Array.from({ length: seeds }, (_, k) => measureRun(model, k + 1, counts, REAL_RATIOS));
  return counts.map((step, at) => {
    const points = runs.map((run) => run[at] as Checkpoint);
    return {
      model: model.name,
      step,
      state: spreads(points.map(({ state }) => state)),
      steps: REAL_RATIOS.map((_, k) => spreads(points.map(({ steps }) => steps[k] as Steps))),
    };
  });
}

function measure(
  design: readonly SyntheticCase[],
  models: readonly RealCase[],
  seeds: number,
  say: (done: string) => void,
): Results {
  const synthetic = measureSynthetic(design, seeds);
  say(`${synthetic.rows.length} kinds of synthetic heads`);
  const real = models.flatMap((one) => {
    const rows = measureModel(one, seeds);
    say(one.model.name);
    return rows;
  });
  const common = models.map(({ model: { name, data } }) => ({ model: name, share: commonShare(data) }));
  return { seeds, synthetic, real, common };
}

export const measureAll = (say: (done: string) => void): Results => measure(fullDesign(), fullModels(), 5, say);

/** A few of them, in seconds. */
export const measureShort = (say: (done: string) => void): Results => measure(shortDesign(), shortModels(), 2, say);

const short = (value: number): number => Number(value.toPrecision(4));

/** `{ columns, rows }` of records, each spread as its mean and, after it, its deviation. */
function tabulate(records: readonly Readonly<Record<string, string | number | Spread>>[]): string {
  const [first = {}] = records;
  const columns = Object.entries(first).flatMap(([key, v]) => typeof v === "object" ? [key, `${key} ±`] : [key]);
  const rows = records.map((record) =>
    JSON.stringify(
      Object.values(record).flatMap((v) =>
        typeof v === "object" ? [short(v.mean), short(v.deviation)] : [typeof v === "number" ? short(v) : v]
      ),
    )
  );
  return `{ "columns": ${JSON.stringify(columns)}, "rows": [\n${rows.join(",\n")}\n] }`;
}

/** results.json. */
export function resultsJson({ seeds, synthetic, real, common }: Results): string {
  const states = real.map(({ model, step, state }) => ({ model, step, ...state }));
  const steps = real.flatMap(({ model, step, steps }) =>
    steps.map((one, k) => ({ model, step, "λ/K̄": REAL_RATIOS[k] as number, ...one }))
  );
  const kinds = synthetic.rows.map(({ ratio, ...row }) => ({ "λ/K̄": ratio, ...row }));
  const parts = {
    seeds: JSON.stringify(seeds),
    batch: JSON.stringify(BATCH),
    agreement: JSON.stringify(synthetic.agreement),
    common: JSON.stringify(Object.fromEntries(common.map(({ model, share }) => [model, short(share)]))),
    synthetic: tabulate(kinds),
    states: tabulate(states),
    steps: tabulate(steps),
  };
  return `{\n${Object.entries(parts).map(([key, text]) => `"${key}": ${text}`).join(",\n")}\n}\n`;
}

// What is measured on synthetic heads: both steps over concentration, damping, number of classes, probability of the
// label and what the features have in common.

import { bestReduction, directions, meanLoss, type Spread, spreadOf } from "./comparison.ts";
import { type HeadSpec, type SyntheticHead, syntheticHead } from "./head.ts";
import { libraryDirections, libraryHead } from "./library.ts";
import { type Direction, fgnDirection, ggnDirection, inner, problemOf } from "./reference.ts";

/** One point of the design: a kind of head at λ/K̄ = ratio. */
export interface SyntheticCase extends HeadSpec {
  readonly ratio: number;
}

/** What is found there, over seeds. */
export interface SyntheticRow extends SyntheticCase {
  /** Mean ‖q‖² of the heads. */
  readonly reached: Spread;
  /** Cosine and relative error of the FGN step with the full one. */
  readonly cosine: Spread;
  readonly error: Spread;
  /** Reduction of the damped loss L + λ‖d‖²/2 along d at its best length, over that along d*. */
  readonly gain: Spread;
  /** Loss after the steps as they are (length 1), over the loss before. */
  readonly afterFgn: Spread;
  readonly afterGgn: Spread;
}

/** How far the library is from float64 over a whole design. */
export interface Agreement {
  /** Comparisons made. */
  readonly count: number;
  /** Largest difference of cosines and of relative errors where float32 parameters resolve the step to 1e-4. */
  readonly cosine: number;
  readonly error: number;
  /** Comparisons where they do not. */
  readonly coarse: number;
}

export interface SyntheticResults {
  readonly seeds: number;
  readonly rows: readonly SyntheticRow[];
  readonly agreement: Agreement;
}

/** A head with all that is measured on it at several dampings. */
function measureHead(head: SyntheticHead, ratios: readonly number[]) {
  const problem = problemOf(head), library = libraryHead(head);
  const loss = (d: Direction, length: number): number => meanLoss(head.logits, head.labels, d.logits, length);
  return ratios.map((ratio) => {
    const lambda = ratio * problem.meanDiagonal;
    const d = fgnDirection(problem, lambda), full = ggnDirection(problem, lambda);
    const before = loss(d, 0);
    const reduction = (of: Direction): number => {
      const penalty = lambda / 2 * inner(of, of);
      return bestReduction((t) => before - loss(of, t) - penalty * t * t);
    };
    const exact = directions(inner(d, d), inner(d, full), inner(full, full));
    const own = libraryDirections(library, ratio);
    return {
      ...exact,
      gain: reduction(d) / reduction(full),
      afterFgn: loss(d, 1) / before,
      afterGgn: loss(full, 1) / before,
      reached: head.concentration,
      rounding: own.rounding,
      offCosine: Math.abs(own.cosine - exact.cosine),
      offError: Math.abs(own.error - exact.error),
    };
  });
}

type Measured = ReturnType<typeof measureHead>[number];

const keyOf = ({ classes, family, concentration, probability, common }: HeadSpec): string =>
  JSON.stringify([classes, family, concentration, probability, common]);

/** Cases of one kind of head together, so that it is built once a seed. */
function grouped(design: readonly SyntheticCase[]): SyntheticCase[][] {
  const groups = new Map<string, SyntheticCase[]>();
  for (const one of design) {
    const group = groups.get(keyOf(one)) ?? [];
    if (!group.some(({ ratio }) => ratio === one.ratio)) groups.set(keyOf(one), [...group, one]);
  }
  return [...groups.values()];
}

function agreementOf(all: readonly Measured[]): Agreement {
  const fine = all.filter(({ rounding }) => rounding < 1e-4);
  return {
    count: all.length,
    cosine: Math.max(...fine.map(({ offCosine }) => offCosine)),
    error: Math.max(...fine.map(({ offError }) => offError)),
    coarse: all.length - fine.length,
  };
}

/** Measures every case of a design, each once, on heads of seeds 1 … seeds. */
export function measureSynthetic(design: readonly SyntheticCase[], seeds: number): SyntheticResults {
  const rows: SyntheticRow[] = [], all: Measured[] = [];
  for (const group of grouped(design)) {
    const [spec] = group as [SyntheticCase, ...SyntheticCase[]];
    const ratios = group.map(({ ratio }) => ratio);
    const runs = Array.from({ length: seeds }, (_, k) => measureHead(syntheticHead(spec, k + 1), ratios));
    all.push(...runs.flat());
    group.forEach((one, at) => {
      const found = runs.map((run) => run[at] as Measured);
      const spread = (by: keyof Measured): Spread => spreadOf(found.map((m) => m[by]));
      rows.push({
        ...one,
        reached: spread("reached"),
        cosine: spread("cosine"),
        error: spread("error"),
        gain: spread("gain"),
        afterFgn: spread("afterFgn"),
        afterGgn: spread("afterGgn"),
      });
    });
  }
  return { seeds, rows, agreement: agreementOf(all) };
}

// Tables of probabilities, and what scikit-learn, scipy and numpy measure of them: scikit_learn.py writes the file.

import { readFileSync } from "node:fs";
import { getOrThrow, type Matrix, matrix } from "../../mod.ts";

/** What scikit_learn.py has of one table. */
export interface Case {
  readonly name: string;
  readonly rows: number;
  readonly classes: number;
  readonly labels: number[];
  readonly weights: number[] | null;
  /** Whole numbers in the proportion of the probabilities; null where they follow from the labels. */
  readonly raw: number[] | null;
  readonly report: {
    readonly precision: number[];
    readonly recall: number[];
    readonly f1: number[];
    readonly support: number[];
    readonly macro: number[];
    readonly weighted: number[];
    readonly accuracy: number;
    readonly topK: number;
    readonly logLoss: number;
  };
  readonly confusion: number[] | null;
  readonly temperature: { readonly temperature: number; readonly loss: number } | null;
  readonly calibration: {
    readonly count: number[];
    readonly accuracy: number[];
    readonly confidence: number[];
    readonly ece: number;
    readonly mce: number;
    readonly brier: number;
  };
  readonly threshold: { readonly threshold: number | null; readonly precision: number; readonly kept: number };
  readonly conformal: number;
  readonly suspects: {
    readonly margin: number[];
    readonly selfConfidence: number[];
    readonly suggested: number[];
  };
}

/** All tables, and what they were measured with. */
export const SCIKIT_LEARN: {
  readonly bins: number;
  readonly precision: number;
  readonly error: number;
  readonly k: number;
  readonly cases: readonly Case[];
} = JSON.parse(readFileSync(new URL("../golden/measures.json", import.meta.url), "utf8"));

/** shares() of scikit_learn.py with the seed and the sharpness of its thousand classes. */
function thousand({ rows, classes, labels }: Case): number[] {
  const raw = Array.from({ length: rows * classes }, (_, n) => {
    const i = Math.floor(n / classes), k = n % classes;
    return 1 + (i * i * 7919 + k * 104729 + (i + 5) * (k + 1) * 613) % 1009;
  });
  for (const [i, y] of labels.entries()) {
    const top = i % 4 < 3 ? y : (y + 1 + Math.floor(i / 4) % (classes - 1)) % classes;
    raw[i * classes + top] = (raw[i * classes + top] as number) + 120_000 * (1 + i % 5);
  }
  return raw;
}

/** Rows of whole numbers, each divided by its sum. */
function divided(raw: readonly number[], rows: number, classes: number): Matrix {
  const sums = Array.from(
    { length: rows },
    (_, i) => raw.slice(i * classes, (i + 1) * classes).reduce((sum, v) => sum + v, 0),
  );
  return getOrThrow(matrix(rows, classes, raw.map((v, n) => v / (sums[Math.floor(n / classes)] as number))));
}

/** The probabilities of a table. */
export const tableOf = (given: Case): Matrix => divided(given.raw ?? thousand(given), given.rows, given.classes);

/** The weights of a table as an option. */
export const weightsOf = ({ weights }: Case): { readonly weights?: number[] } => weights === null ? {} : { weights };

/** Four rows over three classes without ties, of which the third is predicted wrongly. */
export const four: Matrix = getOrThrow(matrix([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.5, 0.3, 0.2], [0.2, 0.1, 0.7]]));

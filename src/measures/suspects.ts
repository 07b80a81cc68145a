/**
 * Rows whose label is to be looked at.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import type { Numbers } from "../check/numbers.ts";
import { checkOptions, COUNT, oneOf, type Rules, union } from "../check/rule.ts";
import { guard } from "../check/total.ts";
import type { Matrix } from "../data/matrix.ts";
import { countedRows, type LabelOptions, LABELS, type Predicted, readPredicted } from "./labelled.ts";

/** Options of {@link suspects}. */
export interface SuspectsOptions extends LabelOptions {
  /** What rows are ranked by: `"margin"` (default) or `"selfConfidence"`. */
  readonly by?: "margin" | "selfConfidence";
  /** The most rows to list (default 100). */
  readonly most?: number;
}

const SUSPECTS: Rules<SuspectsOptions> = /* @__PURE__ */ union(LABELS, {
  by: /* @__PURE__ */ oneOf("margin", "selfConfidence"),
  most: COUNT,
});

/** A row whose label may be wrong. */
export interface Suspect {
  /** The place of the row. */
  readonly row: number;
  /** Its label. */
  readonly label: number;
  /** The likeliest other class, the lower where several are. */
  readonly suggested: number;
  /** p of the label. */
  readonly selfConfidence: number;
  /** p of the label − p of the suggested class, from −1 to 1. */
  readonly margin: number;
}

function suspectOf({ classes, data, labels }: Predicted, row: number): Suspect {
  const label = labels[row] as number, at = row * classes, selfConfidence = data[at + label] as number;
  let suggested = label === 0 ? 1 : 0;
  for (let c = suggested + 1; c < classes; c++) {
    if (c !== label && (data[at + c] as number) > (data[at + suggested] as number)) suggested = c;
  }
  return { row, label, suggested, selfConfidence, margin: selfConfidence - (data[at + suggested] as number) };
}

/**
 * Rows in the order in which to look at their labels, the most suspect first: by the margin between the label and the
 * likeliest other class, or by the probability of the label, the two rankings of confident learning (Northcutt, Jiang and
 * Chuang 2021; its normalised margin is ½ + ½ margin). Equal rows stay in their order.
 *
 * It is a ranking and no verdict: every row has a place in it, and a row that is hard, or of a kind that is rare, stands as
 * high as one whose label is wrong. The probabilities are to be those of a model that was not trained on the row, such as
 * by folds: one that was has learnt the wrong label, too.
 *
 * Errors: as `classReport`.
 *
 * @param probabilities rows × classes, as `probabilities` gives them
 * @param labels a class index from 0 a row
 * @example
 * ```ts
 * import { getOrThrow, matrix, suspects } from "fgn";
 *
 * const p = getOrThrow(matrix([[0.75, 0.25, 0], [0.125, 0.25, 0.625], [0.5, 0.5, 0]]));
 * const [first] = getOrThrow(suspects(p, [0, 0, 1]));
 * console.log(first); // { row: 1, label: 0, suggested: 2, selfConfidence: 0.125, margin: -0.5 }
 * ```
 */
export function suspects(
  probabilities: Matrix,
  labels: Numbers,
  options: SuspectsOptions = {},
): E.Either<FgnError, readonly Suspect[]> {
  return guard("suspects", { probabilities, labels, options }, () => {
    const checked = checkOptions(options, SUSPECTS);
    if (checked._tag === "Left") return checked;
    const given = readPredicted(probabilities, labels, checked.right);
    if (given._tag === "Left") return given;
    const { by = "margin", most = 100 } = checked.right;
    const all = Array.from(countedRows(given.right), (row) => suspectOf(given.right, row));
    return E.right(all.sort((a, b) => a[by] - b[by]).slice(0, most));
  });
}

// A learn: all of its examples, or nothing.

import { type Classifier, classifierOf, type Label, learn as learnFrom, type Matrix, matrix, zeroHead } from "fgn";
import * as E from "fp-ts/Either";
import { type Answered, answered, refuse } from "./answers.ts";
import { withoutMoments } from "./head_file.ts";
import { asLabels } from "./label.ts";
import type { Limits } from "./limits.ts";

/** Examples of one update: between two of them others have their turn, and the clock is looked at. */
const CHUNK = 16;

/** Whether there are as many classes with the new labels as there may be, and two at least. */
function checkClasses(known: readonly Label[], labels: readonly Label[], { MAX_CLASSES }: Limits): Answered<void> {
  const classes = new Set([...known, ...labels]).size;
  if (classes > MAX_CLASSES && classes > known.length) {
    return refuse(
      413,
      "TooManyClasses",
      `with these labels the head would have ${classes} classes`,
      `Keep it within ${MAX_CLASSES}, and check the labels for misspelt names`,
    );
  }
  if (classes >= 2) return E.right(undefined);
  return refuse(
    400,
    "TooFewClasses",
    "the first examples are all of one class",
    "Begin with examples of two classes or more, or with PUT /head",
  );
}

/** A head of zeros, which knows nothing yet. */
function begin(features: number, labels: readonly Label[]): Answered<Classifier> {
  const names = [...new Set(labels)], network = answered(zeroHead({ features, classes: names.length }));
  if (network._tag === "Left") return network;
  const moments = { steps: 0, examples: 0, layers: [] };
  return E.map((head: Classifier) => ({ ...head, moments }))(answered(classifierOf(network.right, names)));
}

function outOfTime(learnt: number, rows: number, spent: number): Answered<never> {
  return refuse(
    503,
    "OutOfTime",
    `${learnt} of ${rows} examples took ${spent} ms; nothing was learnt`,
    "Send fewer examples at a time, or raise MAX_MILLISECONDS",
  );
}

/** The head that has learnt from examples; the one given stays as it is. A head of our own making gives its memory up. */
export async function learn(
  before: Classifier | null,
  { rows, cols, data }: Matrix,
  names: readonly string[],
  limits: Limits,
): Promise<Answered<Classifier>> {
  if (before !== null && before.moments === null) return withoutMoments(409);
  const since = Date.now(),
    known = before?.labels ?? [],
    labels = asLabels(names, known);
  if (labels._tag === "Left") return labels;
  const classes = checkClasses(known, labels.right, limits);
  if (classes._tag === "Left") return classes;
  const { MAX_CLASSES: maxClasses, RATIO } = limits;
  const options = { epochs: 1, batchSize: CHUNK, maxClasses, ...RATIO === undefined ? {} : { ratio: RATIO } };
  let head = before === null ? begin(cols, labels.right) : E.right(before);
  for (let first = 0; first < rows && head._tag === "Right"; first += CHUNK) {
    if (first > 0) {
      await scheduler.wait(0);
      const spent = Date.now() - since;
      if (spent > limits.MAX_MILLISECONDS) return outOfTime(first, rows, spent);
    }
    const last = Math.min(first + CHUNK, rows);
    const part = answered(matrix(last - first, cols, data.slice(first * cols, last * cols)));
    if (part._tag === "Left") return part;
    const examples = { features: part.right, labels: labels.right.slice(first, last) };
    head = answered(learnFrom(head.right, examples, { ...options, donate: first > 0 }));
  }
  return head;
}

// A learn: all of its examples, or nothing.

import { adapt, batch, type Matrix, matrix, zeroHead } from "fgn";
import * as E from "fp-ts/Either";
import { type Answered, answered, refuse } from "./answers.ts";
import { type LabelledHead, withoutMoments } from "./head_file.ts";
import type { Limits } from "./limits.ts";

/** Examples of one update: between two of them others have their turn, and the clock is looked at. */
const CHUNK = 16;

/** The names of the classes, new ones behind those there are, and the class of each example. */
interface Numbered {
  readonly labels: readonly string[];
  readonly classes: Uint32Array;
}

function number(known: readonly string[], names: readonly string[], { MAX_CLASSES }: Limits): Answered<Numbered> {
  const numbers = new Map(known.map((name, index) => [name, index]));
  for (const name of names) if (!numbers.has(name)) numbers.set(name, numbers.size);
  if (numbers.size > MAX_CLASSES && numbers.size > known.length) {
    return refuse(
      413,
      "TooManyClasses",
      `with these labels the head would have ${numbers.size} classes`,
      `Keep it within ${MAX_CLASSES}, and check the labels for misspelt names`,
    );
  }
  if (numbers.size < 2) {
    return refuse(
      400,
      "TooFewClasses",
      "the first examples are all of one class",
      "Begin with examples of two classes or more, or with PUT /head",
    );
  }
  return E.right({
    labels: [...numbers.keys()],
    classes: Uint32Array.from(names, (name) => numbers.get(name) as number),
  });
}

function begin(features: number, { labels }: Numbered): Answered<LabelledHead> {
  const network = answered(zeroHead({ features, classes: labels.length }));
  return network._tag === "Left" ? network : E.right({ network: network.right, labels, state: null });
}

/** The head after one update. A head of our own making gives its memory up. */
function update(
  { network, state, labels }: LabelledHead,
  features: Matrix,
  classes: Uint32Array,
  { MAX_CLASSES: maxClasses, RATIO }: Limits,
  donate: boolean,
): Answered<LabelledHead> {
  const examples = answered(batch({ features, labels: classes }));
  if (examples._tag === "Left") return examples;
  const ratio = RATIO === undefined ? {} : { ratio: RATIO };
  const adapted = answered(
    adapt(network, state, examples.right, { maxClasses, donate, ...ratio }),
  );
  return adapted._tag === "Left"
    ? adapted
    : E.right({ network: adapted.right.params, state: adapted.right.state, labels });
}

function outOfTime(learnt: number, rows: number, spent: number): Answered<never> {
  return refuse(
    503,
    "OutOfTime",
    `${learnt} of ${rows} examples took ${spent} ms; nothing was learnt`,
    "Send fewer examples at a time, or raise MAX_MILLISECONDS",
  );
}

/** The head that has learnt from examples; the one given stays as it is. */
export async function learn(
  before: LabelledHead | null,
  { rows, cols, data }: Matrix,
  names: readonly string[],
  limits: Limits,
): Promise<Answered<LabelledHead>> {
  if (before !== null && before.state === null) return withoutMoments(409);
  const since = Date.now();
  const numbered = number(before?.labels ?? [], names, limits);
  if (numbered._tag === "Left") return numbered;
  let head = before === null ? begin(cols, numbered.right) : E.right(before);
  for (let first = 0; first < rows && head._tag === "Right"; first += CHUNK) {
    if (first > 0) {
      await scheduler.wait(0);
      const spent = Date.now() - since;
      if (spent > limits.MAX_MILLISECONDS) return outOfTime(first, rows, spent);
    }
    const last = Math.min(first + CHUNK, rows);
    const part = answered(matrix(last - first, cols, data.slice(first * cols, last * cols)));
    if (part._tag === "Left") return part;
    head = update(head.right, part.right, numbered.right.classes.slice(first, last), limits, first > 0);
  }
  return E.map((learnt: LabelledHead) => ({ ...learnt, labels: numbered.right.labels }))(head);
}

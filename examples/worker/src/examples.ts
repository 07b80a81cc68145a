// The examples of a request: embeddings, and labels where it is to learn from them.

import { type Matrix, matrix } from "fgn";
import * as E from "fp-ts/Either";
import { type Answered, answered, refuse } from "./answers.ts";
import { checkLabel, labelOf } from "./label.ts";
import type { Limits } from "./limits.ts";

function invalid(message: string, remedy: string): Answered<never> {
  return refuse(400, "InvalidRequest", message, remedy);
}

/** A field of the body: undefined where there is none. */
export function field(body: unknown, name: string): unknown {
  const fields = typeof body === "object" && body !== null ? body as Readonly<Record<string, unknown>> : {};
  return Object.hasOwn(fields, name) ? fields[name] : undefined;
}

const FIELDS = ["embeddings", "labels", "top"];

/** Refuses fields that mean nothing: a misspelt one would be ignored. */
export function checkFields(body: unknown): Answered<unknown> {
  const fields = typeof body === "object" && body !== null && !Array.isArray(body) ? Object.keys(body) : [];
  const unknown = fields.find((name) => !FIELDS.includes(name));
  return unknown === undefined
    ? E.right(body)
    : invalid(`the body has a field ${JSON.stringify(unknown.slice(0, 80))}`, `Send ${FIELDS.join(", ")} only`);
}

function checkWidth(rows: readonly unknown[], most: number): Answered<number> {
  let width = 0;
  for (const [index, row] of rows.entries()) {
    if (!Array.isArray(row) || row.length === 0) {
      return invalid(`embedding ${index} is no list of numbers`, "Send a list of numbers for each example");
    }
    if (row.length > most) {
      return refuse(413, "TooManyFeatures", `embedding ${index} has ${row.length} numbers`, `Send ${most} at most`);
    }
    if (index > 0 && row.length !== width) {
      return invalid(
        `embedding ${index} has ${row.length} numbers, those before it ${width}`,
        "Send them of one length",
      );
    }
    width = row.length;
  }
  return E.right(width);
}

/** The embeddings of a body, one a row. */
export function readEmbeddings(body: unknown, { MAX_EXAMPLES, MAX_FEATURES }: Limits): Answered<Matrix> {
  const rows = field(body, "embeddings");
  if (!Array.isArray(rows) || rows.length === 0) {
    return invalid(
      "the body has no embeddings",
      'Send {"embeddings": [[...], ...]} with one list of numbers an example',
    );
  }
  if (rows.length > MAX_EXAMPLES) {
    return refuse(413, "TooManyExamples", `the body has ${rows.length} embeddings`, `Send ${MAX_EXAMPLES} at most`);
  }
  const width = checkWidth(rows, MAX_FEATURES);
  if (width._tag === "Left") return width;
  const values = new Float32Array(rows.length * width.right);
  for (const [index, row] of (rows as unknown[][]).entries()) {
    for (const [place, value] of row.entries()) {
      if (typeof value !== "number") {
        return invalid(`embedding ${index} holds no number at ${place}`, "Send finite numbers only");
      }
      values[index * width.right + place] = value;
    }
  }
  return answered(matrix(rows.length, width.right, values));
}

/** The labels of a body, one for each embedding. */
export function readLabels(body: unknown, count: number, limits: Limits): Answered<readonly string[]> {
  const labels = field(body, "labels");
  if (!Array.isArray(labels)) {
    return invalid("the body has no labels", 'Send "labels": a class name for each embedding');
  }
  if (labels.length !== count) {
    return invalid(`the body has ${labels.length} labels for ${count} embeddings`, "Send one label for each embedding");
  }
  const names: string[] = [];
  for (const [index, label] of labels.entries()) {
    const name = checkLabel(labelOf(label), `label ${index}`, limits);
    if (name._tag === "Left") return name;
    names.push(name.right);
  }
  return E.right(names);
}

/** How many classes of each example a prediction names. */
export function readTop(body: unknown, { MAX_TOP }: Limits): Answered<number> {
  const top = field(body, "top") ?? Math.min(5, MAX_TOP);
  return Number.isSafeInteger(top) && top as number > 0 && top as number <= MAX_TOP ? E.right(top as number) : invalid(
    `top is no whole number from 1 to ${MAX_TOP}`,
    `Send "top": how many of the likeliest classes to name, ${MAX_TOP} at most (default 5)`,
  );
}

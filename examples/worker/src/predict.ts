// Predictions: the likeliest classes of each example.

import { type Matrix, probabilities } from "fgn";
import * as E from "fp-ts/Either";
import { type Answered, answered } from "./answers.ts";
import type { LabelledHead } from "./head_file.ts";

/** A class and how likely it is. */
export interface Likely {
  readonly label: string;
  readonly probability: number;
}

/** The likeliest class of an example, and others. */
export interface Prediction extends Likely {
  /** The likeliest classes, best first. */
  readonly classes: readonly Likely[];
}

function prediction(values: Float32Array, labels: readonly string[], top: number): Prediction {
  const order = Array.from(values.keys()).sort((a, b) => (values[b] as number) - (values[a] as number) || a - b);
  const classes = order.slice(0, top).map((index) => ({
    label: labels[index] as string,
    probability: values[index] as number,
  }));
  return { ...classes[0] as Likely, classes };
}

/** The predictions of a head for examples, one a row. */
export function predict({ network, labels }: LabelledHead, features: Matrix, top: number): Answered<Prediction[]> {
  const rows = ({ rows, cols, data }: Matrix): Prediction[] =>
    Array.from({ length: rows }, (_, row) => prediction(data.subarray(row * cols, (row + 1) * cols), labels, top));
  return E.map(rows)(answered(probabilities(network, features)));
}

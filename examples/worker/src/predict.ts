// Predictions: the likeliest classes of each example.

import { type Classifier, classify, type Label, type Likely, type Matrix, type Prediction as Classified } from "fgn";
import * as E from "fp-ts/Either";
import { type Answered, answered } from "./answers.ts";

/** The likeliest class of an example, and others. */
export interface Prediction {
  /** Null: less likely than the head's threshold. */
  readonly label: Label | null;
  readonly probability: number;
  /** The likeliest classes, best first. */
  readonly classes: readonly Likely[];
}

const prediction = ({ label, probability, top: classes }: Classified): Prediction => ({ label, probability, classes });

/** The predictions of a head for examples, one a row. */
export function predict(head: Classifier, features: Matrix, top: number): Answered<Prediction[]> {
  return E.map((all: readonly Classified[]) => all.map(prediction))(answered(classify(head, features, { top })));
}

import { batch, fgnStep, matrix, probabilities, zeroHead } from "../mod.ts";
import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";

const embeddings = [1, 0, 0.9, 0.1, 0, 1, 0.2, 0.8, -1, -1, -0.9, -1.1]; // 6 × 2
export const result = pipe(
  E.Do,
  E.bind("features", () => matrix(6, 2, embeddings)),
  E.bind("data", ({ features }) => batch({ features, labels: [0, 0, 1, 1, 2, 2] })),
  E.bind("head", () => zeroHead({ features: 2, classes: 3 })),
  E.bind("first", ({ head, data }) => fgnStep(head, data)),
  E.bind("second", ({ first, data }) => fgnStep(first.params, data, first.damping)),
  E.chain(({ second, features }) => probabilities(second.params, features)),
);
console.log(result._tag === "Right" ? result.right.data : result.left.remedy);

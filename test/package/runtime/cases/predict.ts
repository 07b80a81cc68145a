// Prediction and evaluation, over dense and sparse features.

import {
  batch,
  evaluate,
  fgnStep,
  getOrThrow,
  isSparse,
  logits,
  matrix,
  mlp,
  probabilities,
  sparse,
  zeroHead,
} from "fgn";
import { pipe } from "fp-ts/lib/function.js";
import * as E from "fp-ts/lib/Either.js";
import { below, type Cases, check, equal, relativeError } from "../check.ts";
import { flat, problem, sparseProblem } from "../data.ts";

export const predict: Cases = {
  "probabilities() are the softmax of logits(), for more rows than one pass takes": () => {
    const { head, data } = problem(300, 9, 7);
    const f = getOrThrow(logits(head, data.features)).data, p = getOrThrow(probabilities(head, data.features)).data;
    const wanted = Array.from(p, (_, i) => {
      const row = f.subarray(i - i % 7, i - i % 7 + 7);
      return Math.exp(f[i] as number) / row.reduce((sum, v) => sum + Math.exp(v), 0);
    });
    // float32 has 24 bits: a few roundings of 6e-8.
    below(relativeError(p, wanted), 1e-6, "probabilities");
    return [Float32Array.from(f), Float32Array.from(p)];
  },

  "evaluate() gives loss, accuracy and top 5 of what logits() says": () => {
    const { head, data } = problem(300, 9, 7), found = getOrThrow(evaluate(head, data));
    const f = getOrThrow(logits(head, data.features)).data;
    let correct = 0, near = 0, loss = 0;
    for (const [i, label] of data.labels.entries()) {
      const row = f.subarray(7 * i, 7 * i + 7), own = row[label] as number;
      const above = row.filter((v) => v > own).length;
      correct += above === 0 ? 1 : 0;
      near += above < 5 ? 1 : 0;
      loss += Math.log(row.reduce((sum, v) => sum + Math.exp(v), 0)) - own;
    }
    equal([found.accuracy, found.top5, found.examples], [correct / 300, near / 300, 300], "ranks");
    below(Math.abs(found.loss / (loss / 300) - 1), 1e-6, "loss");
    return [Float64Array.of(found.loss)];
  },

  "the example of the README learns its six points": () => {
    const embeddings = [1, 0, 0.9, 0.1, 0, 1, 0.2, 0.8, -1, -1, -0.9, -1.1];
    const result = getOrThrow(pipe(
      E.Do,
      E.bind("features", () => matrix(6, 2, embeddings)),
      E.bind("data", ({ features }) => batch({ features, labels: [0, 0, 1, 1, 2, 2] })),
      E.bind("head", () => zeroHead({ features: 2, classes: 3 })),
      E.bind("first", ({ head, data }) => fgnStep(head, data)),
      E.bind("second", ({ first, data }) => fgnStep(first.params, data, first.damping)),
      E.chain(({ second, features }) => probabilities(second.params, features)),
    )).data;
    const likeliest = Array.from({ length: 6 }, (_, i) => {
      const row = result.subarray(3 * i, 3 * i + 3);
      return row.indexOf(Math.max(...row));
    });
    equal(likeliest, [0, 0, 1, 1, 2, 2], "classes");
    return [Float32Array.from(result)];
  },

  "sparse features are those of the dense matrix they stand for": () => {
    const data = sparseProblem(), { features } = data;
    check(isSparse(features), "not sparse");
    const { rows, cols, offsets, indices, data: values } = features;
    equal(getOrThrow(sparse(rows, cols, offsets, indices, values)), features, "matrix");
    const full = new Float32Array(rows * cols);
    for (let row = 0; row < rows; row++) {
      for (let k = offsets[row] as number; k < (offsets[row + 1] as number); k++) {
        full[row * cols + (indices[k] as number)] = values[k] as number;
      }
    }
    const same = getOrThrow(batch({ features: getOrThrow(matrix(rows, cols, full)), labels: data.labels }));
    const model = getOrThrow(mlp({ inputs: cols, hidden: [8], classes: 6, seed: 5 }));
    const [one, other] = [data, same].map((given) => flat(getOrThrow(fgnStep(model, given, 0.1)).params));
    check(one !== undefined && other !== undefined, "no steps");
    // Sums of the same products in another order.
    below(relativeError(one, other), 1e-5, "the step");
    return [one, other];
  },
};

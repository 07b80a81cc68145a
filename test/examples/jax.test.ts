// A model written in jax-js: its functions agree with each other, and it trains.

import { describe, expect, it } from "vitest";
import { disagreement } from "../../examples/jax/check.ts";
import { jaxModel } from "../../examples/jax/model.ts";
import {
  type Batch,
  batch,
  customModel,
  type Damping,
  fgnStep,
  getOrThrow,
  logits,
  matrix,
  relative,
} from "../../mod.ts";
import { relativeError, uniform } from "../support/reference.ts";

const SIZES = [
  { inputs: 7, hidden: 5, classes: 3, rows: 4 },
  { inputs: 9, hidden: 16, classes: 2, rows: 1 },
  { inputs: 196, hidden: 64, classes: 10, rows: 128 },
];

/** Features around a centre for each class. */
function clusters(rows: number, inputs: number, classes: number): Batch {
  const centres = uniform(classes * inputs, 1), noise = uniform(rows * inputs, 2);
  const labels = Uint32Array.from({ length: rows }, (_, i) => i % classes);
  const features = noise.map((value, i) => {
    const label = labels[Math.floor(i / inputs)] as number;
    return value + (centres[label * inputs + i % inputs] as number);
  });
  return getOrThrow(batch({ features: getOrThrow(matrix(rows, inputs, features)), labels }));
}

describe("a jax-js model", () => {
  for (const { rows, ...sizes } of SIZES) {
    const { inputs, hidden, classes } = sizes;
    const features = { rows, cols: inputs, data: uniform(rows * inputs, 3) };
    describe(`${inputs} – ${hidden} – ${classes}, ${rows} rows`, () => {
      const model = jaxModel({ ...sizes, seed: 4 });

      it("gives jvp the transpose of vjp, and the derivative of forward", () => {
        const { transpose, differences } = disagreement(model, model.parameters, features);
        expect(transpose).toBeLessThan(1e-5);
        expect(differences).toBeLessThan(1e-3);
      });

      it("gives arrays of the right lengths, the same each time, and writes to none it is given", () => {
        const tangent = uniform(model.parameters.length, 5), cotangent = uniform(rows * classes, 6);
        const before = [model.parameters, features.data, tangent, cotangent].map((values) => values.slice());
        const run = () => [
          model.forward(model.parameters, features),
          model.jvp(model.parameters, features, tangent),
          model.vjp(model.parameters, features, cotangent),
        ];
        const results = run();
        expect(results.map(({ length }) => length)).toEqual([rows * classes, rows * classes, model.parameters.length]);
        expect(run()).toEqual(results);
        expect([model.parameters, features.data, tangent, cotangent]).toEqual(before);
      });
    });
  }

  it("takes sparse features for the dense ones that they stand for", () => {
    const { forward, parameters } = jaxModel({ inputs: 4, hidden: 8, classes: 3 });
    const dense = { rows: 3, cols: 4, data: Float32Array.of(0, 2, 0, -1, 0, 0, 0, 0, 3, 0, 0, 0.5) };
    const sparse = {
      rows: 3,
      cols: 4,
      offsets: Uint32Array.of(0, 2, 2, 4),
      indices: Uint32Array.of(1, 3, 0, 3),
      data: Float32Array.of(2, -1, 3, 0.5),
    };
    expect(forward(parameters, sparse)).toEqual(forward(parameters, dense));
  });

  it("is a model like any other: logits() gives what its forward gives", () => {
    const model = jaxModel({ inputs: 12, hidden: 16, classes: 4 });
    const { features } = clusters(20, 12, 4);
    const given = getOrThrow(logits(getOrThrow(customModel(model)), features));
    expect(relativeError(given.data, model.forward(model.parameters, features))).toBeLessThan(1e-6);
  });

  it("trains: loss falls over 10 steps with fgnStep", () => {
    const data = clusters(64, 12, 4);
    let params = getOrThrow(customModel(jaxModel({ inputs: 12, hidden: 16, classes: 4 })));
    let damping: Damping = relative(1);
    const losses: number[] = [];
    for (let step = 0; step < 10; step++) {
      const { report, ...next } = getOrThrow(fgnStep(params, data, damping));
      ({ params, damping } = next);
      losses.push(report.lossBefore, report.lossAfter as number);
    }
    expect(losses.every(Number.isFinite)).toBe(true);
    expect(losses.at(-1)).toBeLessThan((losses[0] as number) / 2);
  });
});

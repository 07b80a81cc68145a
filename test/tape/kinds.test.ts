// Every kind of layer and every activation on the CPU against the float64 reference.
//
// Tolerances as in network.test.ts: 1e-5 of the size that numbers have without cancellation.

import { describe, expect, it } from "vitest";
import {
  fgnStep,
  fromJson,
  getOrThrow,
  jvp,
  type Layer,
  logits,
  lossAndGradient,
  parameterCount,
  parameters,
  toJson,
  vjp,
  withParameters,
} from "../../mod.ts";
import { LAYERS } from "../../src/network/layer.ts";
import { ACTIVATION_KINDS, kindCases } from "../support/layer_kinds.ts";
import {
  dot,
  fgnCurvature,
  norm,
  reference,
  solveStep,
  stepError,
  times,
  unitOf,
} from "../support/network_reference.ts";
import { uniform } from "../support/reference.ts";

const error = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  norm(Array.from(a, (v, i) => v - (b[i] as number)));

it("there is a case for every kind of layer and every activation", () => {
  expect([...new Set(kindCases.map(({ kind }) => kind))]).toEqual(Object.keys(LAYERS));
  const layers = kindCases.flatMap(({ model }): readonly Layer[] => model.layers);
  const names = new Set(layers.flatMap((layer) => layer._tag === "activation" ? [layer.kind] : []));
  expect([...names].sort()).toEqual([...ACTIVATION_KINDS].sort());
});

describe.each(kindCases)("$name", ({ model, data }) => {
  const ref = reference(model, data), P = parameterCount(model), B = data.labels.length, C = model.outputs;
  const size = norm(ref.logitJacobian.map(norm));

  it("stays away from kinks, where the reference would not be one", () => {
    expect(ref.kink).toBeGreaterThan(1e-3);
  });

  it("gives logits, loss and gradient: forward, backward and projection", () => {
    expect(error(getOrThrow(logits(model, data.features)).data, ref.logits)).toBeLessThan(1e-5 * norm(ref.logits));
    const { loss, gradient } = getOrThrow(lossAndGradient(model, data));
    expect(Math.abs(loss - ref.loss)).toBeLessThan(1e-5 * (1 + ref.loss));
    expect(error(gradient, ref.gradient)).toBeLessThan(1e-5 * ref.scale);
  });

  it("gives products with the Jacobian and its transpose: tangent and projection", () => {
    const v = uniform(P, 1), c = uniform(B * C, 2);
    const forward = getOrThrow(jvp(model, data.features, v)).data;
    expect(error(forward, times(ref.logitJacobian, v))).toBeLessThan(1e-5 * size * norm(v) / Math.sqrt(P));
    const backward = getOrThrow(vjp(model, data.features, { rows: B, cols: C, data: c }));
    const want = Array.from(v, (_, k) => dot(ref.logitJacobian.map((row) => row[k] as number), c));
    expect(error(backward, want)).toBeLessThan(1e-5 * size * norm(c) / Math.sqrt(B * C));
  });

  it("takes the step, explicit and matrix-free", () => {
    const lambda = unitOf(ref, data), want = solveStep(fgnCurvature(ref), ref.gradient, lambda);
    for (const system of ["gram", "matrixFree"] as const) {
      const { params } = getOrThrow(fgnStep(model, data, lambda, { system, tolerance: 1e-9, maxIterations: 1000 }));
      expect(stepError(params, model, want)).toBeLessThan(1e-4);
    }
  });

  it("comes back from JSON and from its parameters", () => {
    expect(getOrThrow(fromJson(JSON.parse(JSON.stringify(toJson(model)))))).toEqual(model);
    expect(getOrThrow(withParameters(model, parameters(model)))).toEqual(model);
  });
});

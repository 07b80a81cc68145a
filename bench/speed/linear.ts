// A step of a linear head, fresh and fitted, against other steps and other libraries.

import { type Batch, fgnStep, getOrThrow, type Network, relative } from "../../mod.ts";
import { layerOf, problem, relativeError } from "../../test/support/reference.ts";
import type { Contender } from "../support/race.ts";
import { jaxProblem, jaxStep } from "./jax.ts";
import { type Case, measure } from "./measure.ts";
import { ggn10, ggnIterations, gradientStep, ours, pure } from "./own.ts";
import { tfjsModel, tfjsSteps } from "../support/tfjs.ts";

/** Batch, features, classes. */
export const SHAPES = [
  [32, 384, 10],
  [128, 784, 10],
  [128, 384, 100],
  [128, 384, 1000],
  [256, 768, 1000],
  [128, 768, 10_000],
] as const;

/** Flops of a step without the loss after it: logits and update, and the Gram matrices of inputs and signals. */
export const stepFlops = (B: number, D: number, C: number): number => 4 * B * D * C + B * B * (D + C);

/** Steps to a fitted state; there are more features than examples, so that any labels can be separated. */
const FIT = 30;

/** Parameters fitted by bold steps, and the loss that is left. */
function fitted(start: Network, data: Batch): { readonly head: Network; readonly loss: number } {
  let head = start, loss = Infinity;
  for (let n = 0; n < FIT; n++) {
    const { params, report } = getOrThrow(fgnStep(head, data, relative(0.01)));
    head = params;
    loss = report.lossAfter as number;
  }
  return { head, loss };
}

const transposed = (data: Float32Array, rows: number, cols: number): Float32Array =>
  Float32Array.from({ length: data.length }, (_, i) => data[(i % rows) * cols + Math.floor(i / rows)] as number);

/** Throws where a library's SGD step is not ours. */
export function checkPeers(): void {
  const { head, data } = problem(32, 48, 10, { spread: 0.05 }), rate = 0.1;
  const expected = layerOf(gradientStep(head, data, rate)).weight.data;
  const check = (name: string, found: Float32Array): void => {
    const error = relativeError(found, expected);
    if (!(error < 1e-5)) throw new Error(`the step of ${name} differs by ${error}`);
  };
  for (const name of ["sgd", "by hand"] as const) {
    const peer = tfjsModel(head).on(data);
    if (name === "sgd") peer.step(name, rate);
    else peer.byHand(rate);
    check(`tfjs ${name}`, transposed(peer.read(), 48, 10));
    peer.dispose();
  }
  const jax = jaxProblem(head, data, rate), [weight, bias] = jax.step();
  bias.dispose();
  check("jax-js", weight.dataSync() as Float32Array);
  jax.dispose();
}

/** All steps of one state. */
async function state(what: string, flops: number, head: Network, data: Batch, note?: string): Promise<Case> {
  const peer = tfjsModel(head).on(data);
  const own: Contender[] = [...ours(head, data), ...pure(head, data), ggn10(head, data)];
  const jax = jaxProblem(head, data, 0.1);
  const found = await measure(what, flops, [...own, ...tfjsSteps(peer), jaxStep(jax)]);
  peer.dispose();
  jax.dispose();
  const iterations = ggnIterations(head, data);
  const notes = [...(note === undefined ? [] : [note]), ...(iterations < 10 ? [`GGN-CG10: ${iterations} done`] : [])];
  if (notes.length === 0) return found;
  console.log(`  ${notes.join("; ")}`);
  return { ...found, note: notes.join("; ") };
}

/** All steps of linear heads. */
export async function linear(): Promise<Case[]> {
  checkPeers();
  const cases: Case[] = [];
  for (const [B, D, C] of SHAPES) {
    const { head, data } = problem(B, D, C, { spread: 0.05 }), flops = stepFlops(B, D, C);
    cases.push(await state(`${B}×${D}×${C}`, flops, head, data));
    const fit = fitted(head, data);
    cases.push(await state(`${B}×${D}×${C}, fitted`, flops, fit.head, data, `loss ${fit.loss.toExponential(0)}`));
  }
  return cases;
}

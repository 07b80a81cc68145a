// A step of a relu network; and an update of `robust()`, of a network and of a head.

import { getOrThrow, mlp } from "../../mod.ts";
import { problem } from "../../test/support/reference.ts";
import { type Case, measure } from "./measure.ts";
import { ours, pure, robustly } from "./own.ts";
import { tfjsModel, tfjsSteps } from "../support/tfjs.ts";

const SHAPES = [[128, 784, 128, 10], [128, 784, 256, 10], [256, 1024, 1024, 1000]] as const;

/** Steps of networks. */
export async function networks(): Promise<Case[]> {
  const cases: Case[] = [];
  for (const [B, inputs, hidden, classes] of SHAPES) {
    const { data } = problem(B, inputs, classes);
    const model = getOrThrow(mlp({ inputs, hidden: [hidden], classes, seed: 1 }));
    const peer = tfjsModel(model).on(data), what = `${B}×${inputs}×${hidden}×${classes}`;
    cases.push(await measure(what, 0, [...ours(model, data), ...pure(model, data), ...tfjsSteps(peer)]));
    peer.dispose();
  }
  return cases;
}

/** Updates of `robust()`. */
export async function presets(): Promise<Case[]> {
  const { head, data } = problem(128, 384, 100, { spread: 0.05 });
  const network = getOrThrow(mlp({ inputs: 784, hidden: [256], classes: 10, seed: 1 })),
    images = problem(128, 784, 10).data;
  return [
    await measure("128×784×256×10", 0, [robustly(network, images), ...ours(network, images)]),
    await measure("128×384×100", 0, [robustly(head, data), ...ours(head, data)]),
  ];
}

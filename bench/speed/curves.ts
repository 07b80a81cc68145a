// How the step of a linear head grows with the batch, the features and the classes, one at a time.

import { problem } from "../../test/support/reference.ts";
import { stepFlops } from "./linear.ts";
import { type Case, measure } from "./measure.ts";
import { ggn10, ours } from "./own.ts";

const B = 128, D = 384, C = 100;

const AXES: readonly (readonly [number, number, number])[] = [
  ...[8, 16, 32, 64, 128, 256, 512].map((size) => [size, D, C] as const),
  ...[64, 128, 256, 512, 1024, 2048, 4096].map((size) => [B, size, C] as const),
  ...[10, 32, 320, 1000, 3200, 10_000, 32_768].map((size) => [B, D, size] as const),
];

/** All points. */
export async function curves(): Promise<Case[]> {
  const cases: Case[] = [];
  for (const [B, D, C] of AXES) {
    const { head, data } = problem(B, D, C, { spread: 0.05 });
    const contenders = [...ours(head, data), ggn10(head, data)];
    cases.push(await measure(`${B}×${D}×${C}`, stepFlops(B, D, C), contenders));
  }
  return cases;
}

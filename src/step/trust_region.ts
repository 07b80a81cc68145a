/**
 * The relative trust region: no layer moves by more than a share of its own size.
 *
 * @module
 */

import { f32 } from "../kernel/arena.ts";
import { addressOf, type Op } from "../tape/tape.ts";
import type { Workspace } from "../tape/workspace.ts";

/** Root mean square of the first tensor of an operation in a parameter vector. */
function rms({ kernel }: Workspace, op: Op, vector: number): number {
  const [weight] = op.tensors;
  if (weight === undefined) return 0;
  return kernel.exports.norm(weight.length, addressOf(weight, vector)) / Math.sqrt(weight.length);
}

/**
 * Scales the direction of each layer by min(1, share · max(rms W, fan-in^−½) / rms dW); whether any changed. Networks
 * with one layer that trains are left alone: their loss is convex.
 */
export function limitLayers(ws: Workspace, direction: number, share: number): boolean {
  const { kernel, tape } = ws;
  const layers = tape.ops.filter((op) => op.tensors[0]?.trainable);
  if (layers.length < 2) return false;
  let limited = false;
  for (const op of layers) {
    const size = Math.max(rms(ws, op, tape.theta), 1 / Math.sqrt(op.fanIn)), step = rms(ws, op, direction);
    if (!(step > share * size)) continue;
    limited = true;
    for (const tensor of op.tensors) {
      const part = f32(kernel, addressOf(tensor, direction), tensor.length);
      part.forEach((v, i) => part[i] = v * (share * size / step));
    }
  }
  return limited;
}

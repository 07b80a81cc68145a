/**
 * The relative trust region: no layer moves by more than a share of its own size.
 *
 * @module
 */

import { f32 } from "../kernel/arena.ts";
import { addressOf, type Tensor } from "../tape/tape.ts";
import type { Workspace } from "../tape/workspace.ts";

/** Root mean square of a tensor in a parameter vector. */
function rms({ kernel }: Workspace, weight: Tensor, vector: number): number {
  return kernel.exports.norm(weight.length, addressOf(weight, vector)) / Math.sqrt(weight.length);
}

/**
 * Scales the direction of each layer by min(1, share · max(rms W, fan-in^−½) / rms dW); whether any changed. Networks
 * with one layer that trains are left alone: their loss is convex.
 */
export function limitLayers(ws: Workspace, direction: number, share: number): boolean {
  const { kernel, tape } = ws;
  const layers = tape.ops.map((op) => op.tensors).filter(([weight]) => weight?.trainable);
  if (layers.length < 2) return false;
  let limited = false;
  for (const tensors of layers) {
    const weight = tensors[0] as Tensor;
    const size = Math.max(rms(ws, weight, tape.theta), 1 / Math.sqrt(weight.fanIn)), step = rms(ws, weight, direction);
    if (!(step > share * size)) continue;
    limited = true;
    for (const tensor of tensors) {
      const part = f32(kernel, addressOf(tensor, direction), tensor.length);
      part.forEach((v, i) => part[i] = v * (share * size / step));
    }
  }
  return limited;
}

/**
 * Parameter arrays on the device, shared between the results of steps by counting their holders.
 *
 * @module
 */

import type { Network } from "../../network/layer.ts";
import type { Pool } from "../device/pool.ts";
import type { View } from "../device/view.ts";

/** An array of parameters on the device. */
export interface Tensor extends View {
  readonly trains: boolean;
  /** How many hold it. */
  holders: number;
}

/** The parameters of a network on the device. */
export interface Parameters {
  /** The network without its numbers. */
  readonly skeleton: Network;
  /** In the order of `allArrays`. */
  readonly tensors: readonly Tensor[];
}

/** Counts one more holder of each. */
export function retainTensors(tensors: readonly Tensor[]): void {
  for (const tensor of tensors) tensor.holders++;
}

/** Counts one holder less of each; the buffers that nobody holds go back. */
export function releaseTensors(pool: Pool, tensors: readonly Tensor[]): void {
  for (const tensor of tensors) {
    tensor.holders--;
    if (tensor.holders === 0) pool.release(tensor.buffer);
  }
}

/**
 * A temperature as a part of a network.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { fail, type FgnError } from "../check/error.ts";
import { faultOf, POSITIVE } from "../check/rule.ts";
import { guard } from "../check/total.ts";
import type { Matrix } from "../data/matrix.ts";
import { ARRAY_FIELDS } from "./arrays.ts";
import type { Layer, Network } from "./layer.ts";
import { checkNetwork, layerError } from "./network.ts";

/** The layer with its outputs divided by a number, or null where it has no array with an entry an output. */
function divideOutputs(layer: Layer, by: number): Layer | null {
  const divided: Record<string, unknown> = { ...layer };
  let divides = false;
  for (const { name, outputs } of ARRAY_FIELDS[layer._tag]) {
    const value = divided[name] as Matrix | Float32Array | null;
    if (outputs === null || value === null) continue;
    divided[name] = "data" in value ? { ...value, data: value.data.map((w) => w / by) } : value.map((w) => w / by);
    divides = true;
  }
  return divides ? divided as unknown as Layer : null;
}

/** Whether an array of a layer holds what is not finite. */
const overflows = (layer: Layer): boolean =>
  ARRAY_FIELDS[layer._tag].some(({ name }) => {
    const value = (layer as unknown as Record<string, Matrix | Float32Array | null>)[name];
    return (value && "data" in value ? value.data : value)?.some((w) => !Number.isFinite(w)) === true;
  });

/**
 * The network with a temperature in its last layer, whose weights and biases are divided by T: its logits are f/T, its
 * probabilities softmax(f/T), to float32 rounding, and its predictions stay as they are. Of an adapter, the factor U is
 * divided in the place of the product. The other layers are shared with the network given.
 *
 * Errors: `InvalidOption` (T is no positive number), `InvalidLayer` (the last layer is not dense, an embedding or an
 * adapter), `Overflow` (a weight beyond float32, or one that is not finite), `DonatedParameters`.
 *
 * @param temperature T, such as `temperature` gives on held-out rows
 * @example
 * ```ts
 * import { foldTemperature, getOrThrow, linearHead, logits, matrix } from "fgn";
 *
 * const head = getOrThrow(linearHead({ features: 2, classes: 2 }, [4, 0, 0, 4], [1, -1]));
 * const cooler = getOrThrow(foldTemperature(head, 2));
 * console.log(getOrThrow(logits(cooler, getOrThrow(matrix([[1, 0]])))).data); // [2.5, -0.5]: half of 5 and -1
 * ```
 */
export function foldTemperature(network: Network, temperature: number): E.Either<FgnError, Network> {
  return guard("foldTemperature", { network, temperature }, () => {
    const fits = checkNetwork(network);
    if (fits._tag === "Left") return fits;
    const fault = faultOf("temperature", temperature, POSITIVE);
    if (fault !== null) return E.left(fault);
    const before = network.layers.slice(0, -1), head = divideOutputs(network.layers.at(-1) as Layer, temperature);
    const place = `layers[${before.length}]`;
    if (head === null) {
      return layerError(place, "has no weights to divide: give a dense, embedding or adapter layer, last");
    }
    if (!overflows(head)) return E.right({ ...network, layers: [...before, head] });
    const message = `${place} leaves the range of float32 when divided by ${temperature}`;
    return fail("Overflow", { what: place }, message, "Use a higher temperature");
  });
}

/**
 * A network apart from its numbers: what it is made of stays here, its arrays go to the device.
 *
 * @module
 */

import type { Matrix } from "../../data/matrix.ts";
import type { Layer, Network } from "../../network/layer.ts";

/** What takes the place of an array of `rows` × `cols`. */
export type VisitArray = (array: Float32Array, rows: number, cols: number, trains: boolean) => Float32Array;

function mapLayer(layer: Layer, visit: VisitArray): Layer {
  if (layer._tag === "activation") return layer;
  if (layer._tag === "residual") return { ...layer, layers: layer.layers.map((inner) => mapLayer(inner, visit)) };
  const trains = !layer.frozen;
  const vector = (data: Float32Array, length: number, own: boolean): Float32Array => visit(data, length, 1, own);
  const matrix = ({ rows, cols, data }: Matrix, own: boolean): Matrix => ({
    rows,
    cols,
    data: visit(data, rows, cols, own),
  });
  switch (layer._tag) {
    case "layerNorm": {
      const features = layer.gain.length;
      const gain = vector(layer.gain, features, trains);
      return { ...layer, gain, shift: vector(layer.shift, features, trains) };
    }
    case "adapter": {
      const weight = matrix(layer.weight, false), bias = layer.bias && vector(layer.bias, weight.rows, false);
      const down = matrix(layer.down, trains);
      return { ...layer, weight, bias, down, up: matrix(layer.up, trains) };
    }
    default: {
      const weight = matrix(layer.weight, trains);
      return { ...layer, weight, bias: layer.bias && vector(layer.bias, weight.rows, trains) };
    }
  }
}

/** The network with every array replaced by what `visit` gives, in the order of `allArrays`. */
export const mapArrays = (network: Network, visit: VisitArray): Network => ({
  ...network,
  layers: network.layers.map((layer) => mapLayer(layer, visit)),
});

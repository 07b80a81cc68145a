/**
 * Networks as named tensors, "layers.0.weight" and so on, and what is left of them without: JSON.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import { isFloats, isObject } from "../check/kind.ts";
import type { Matrix } from "../data/matrix.ts";
import type { Tensor } from "../io/safetensors.ts";
import { mapArrays } from "./arrays.ts";
import { readNetwork } from "./json.ts";
import { type Field, type Layer, LAYERS, type Network } from "./layer.ts";
import { layerError } from "./network.ts";

/** The name of the tensor at a place: "layers.0.weight" for "layers[0].weight". */
const tensorName = (path: string): string => path.replace(/\[(\d+)\]/g, ".$1");

/**
 * The arrays of a network that was checked, by their names.
 * @internal
 */
export function networkTensors({ layers }: Network): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  mapArrays(layers, true, ({ path, data, rows, cols, field }) => {
    tensors.set(tensorName(path), { shape: field.shape === "matrix" ? [rows, cols] : [rows], data });
    return data;
  });
  return tensors;
}

/** A layer without its arrays: of these only that there is none is written, as null. Of other values, the value. */
function withoutArrays(_: string, value: unknown): unknown {
  if (!isObject(value) || typeof value._tag !== "string") return value;
  const fields = Object.entries<Field>(LAYERS[value._tag as Layer["_tag"]].fields);
  const kept = fields.filter(([name, field]) => typeof field !== "object" || value[name] === null);
  return Object.fromEntries([["_tag", value._tag], ...kept.map(([name]) => [name, value[name]])]);
}

/**
 * What is left of the layers of a network that was checked, as JSON: their kinds and fields, in one order.
 * @internal
 */
export const layersJson = ({ layers }: Network): string => JSON.stringify(layers, withoutArrays);

/**
 * A network from what {@link layersJson} wrote and its tensors; those that it takes are taken out. Errors: those of the
 * function `network`; it may throw where values nest beyond the stack.
 * @internal
 */
export function networkOf(
  inputs: number,
  layers: unknown,
  tensors: Map<string, Tensor>,
): E.Either<FgnError, Network> {
  const take = (path: string, dimensions: number): E.Either<FgnError, Tensor & { readonly data: Float32Array }> => {
    const name = tensorName(path), tensor = tensors.get(name);
    if (tensor === undefined) return layerError(path, `is missing: there is no tensor ${name}`);
    const { shape, data } = tensor;
    if (!isFloats(data) || shape.length !== dimensions) {
      return layerError(path, `is no F32 of ${dimensions} dimensions`);
    }
    tensors.delete(name);
    return E.right({ shape, data });
  };
  return readNetwork(inputs, layers, {
    vector: (_, path) => E.map(({ data }: { readonly data: Float32Array }) => data)(take(path, 1)),
    matrix: (_, path) =>
      E.map(({ shape: [rows = 0, cols = 0], data }: Tensor & { readonly data: Float32Array }): Matrix => ({
        rows,
        cols,
        data,
      }))(take(path, 2)),
  });
}

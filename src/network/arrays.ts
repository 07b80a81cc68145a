/**
 * The arrays of layers: listed, and replaced by others, in flat order.
 *
 * @module
 */

import type { Matrix } from "../data/matrix.ts";
import { type ArrayField, type Layer, LAYERS, type Residual } from "./layer.ts";

/** A layer that holds no other layers. */
export type Leaf = Exclude<Layer, Residual>;

/** An array field with its name. */
interface NamedField extends ArrayField {
  readonly name: string;
}

/** The array fields of each kind of layer, in flat order. */
const ARRAYS = Object.fromEntries(
  Object.entries(LAYERS).map(([tag, { fields }]) => [
    tag,
    Object.entries(fields).flatMap(([name, field]) => typeof field === "object" ? [{ name, ...field }] : []),
  ]),
) as unknown as Readonly<Record<Layer["_tag"], readonly NamedField[]>>;

/** A leaf as its arrays are looked up by name. */
type Fields = Record<string, Matrix | Float32Array | null> & { readonly frozen?: boolean };

/** One array of a layer. */
export interface LayerArray {
  readonly data: Float32Array;
  /** Where it is, such as "layers[0].weight". */
  readonly path: string;
  /** Its rows and columns; a vector is one column. */
  readonly rows: number;
  readonly cols: number;
  /** Whether training changes it. */
  readonly trains: boolean;
  readonly field: ArrayField;
}

/** Visits the arrays of layers, `all` or those that train. */
export function eachArray(
  layers: readonly Layer[],
  all: boolean,
  visit: (data: Float32Array, field: ArrayField) => void,
): void {
  for (const layer of layers) {
    if ("layers" in layer) {
      eachArray(layer.layers, all, visit);
      continue;
    }
    const values = layer as unknown as Fields, thaws = values.frozen !== true;
    for (const field of ARRAYS[layer._tag]) {
      const value = values[field.name];
      if (value && (all || (thaws && field.trains))) visit("data" in value ? value.data : value, field);
    }
  }
}

/** The layers with every one that holds no others replaced by what `change` makes of it and its path. */
export function mapLayers(
  layers: readonly Layer[],
  path: string,
  change: (leaf: Leaf, path: string) => Layer,
): Layer[] {
  return layers.map((layer, index) => {
    const here = `${path}[${index}]`;
    return "layers" in layer
      ? { ...layer, layers: mapLayers(layer.layers, `${here}.layers`, change) }
      : change(layer, here);
  });
}

/** The layer with every array, or every one that trains, replaced by what `visit` gives; a layer without is shared. */
export function mapLayer(leaf: Leaf, path: string, all: boolean, visit: (array: LayerArray) => Float32Array): Layer {
  const values = leaf as unknown as Fields, thaws = values.frozen !== true;
  const fields = ARRAYS[leaf._tag];
  if (fields.length === 0 || !(all || thaws)) return leaf;
  const next: Fields = { ...values };
  for (const field of fields) {
    const value = values[field.name], trains = thaws && field.trains;
    if (!value || !(all || trains)) continue;
    const isMatrix = "data" in value, data = isMatrix ? value.data : value;
    const [rows, cols] = isMatrix ? [value.rows, value.cols] : [value.length, 1];
    const array = visit({ data, path: `${path}.${field.name}`, rows, cols, trains, field });
    next[field.name] = isMatrix ? { rows, cols, data: array } : array;
  }
  return next as unknown as Layer;
}

/** The layers with every array, or every one that trains, replaced by what `visit` gives; other layers are shared. */
export const mapArrays = (
  layers: readonly Layer[],
  all: boolean,
  visit: (array: LayerArray) => Float32Array,
): Layer[] => mapLayers(layers, "layers", (leaf, path) => mapLayer(leaf, path, all, visit));

/**
 * The arrays of layers: listed, and replaced by others, in flat order.
 *
 * @module
 */

import type { Matrix } from "../data/matrix.ts";
import { type ArrayField, type Layer, LAYERS, type Residual } from "./layer.ts";

/** A layer that holds no other layers. */
export type Leaf = Exclude<Layer, Residual>;

/** A layer as its fields are looked up by name. */
type Values = Record<string, Matrix | Float32Array | null> & { readonly frozen?: boolean };

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

/** An array field and its name. */
interface NamedField extends ArrayField {
  readonly name: string;
}

/** The array fields of each kind of layer, in flat order. */
export const ARRAY_FIELDS = Object.fromEntries(
  Object.entries(LAYERS).map(([tag, { fields }]) => [
    tag,
    Object.entries(fields).flatMap(([name, field]) => typeof field === "object" ? [{ name, ...field }] : []),
  ]),
) as unknown as Readonly<Record<Layer["_tag"], readonly NamedField[]>>;

/** A vector as a matrix of one column. */
export const asColumn = (data: Float32Array): Matrix => ({ rows: data.length, cols: 1, data });

/** Lists the arrays of layers, `all` or those that train. Steps call it several times: it looks at nothing else. */
export function listArrays(layers: readonly Layer[], all: boolean): Float32Array[] {
  const into: Float32Array[] = [];
  for (const leaf of leavesOf(layers)) {
    const values = leaf as unknown as Values;
    if (values.frozen === true && !all) continue;
    const fields = ARRAY_FIELDS[leaf._tag];
    for (let i = 0; i < fields.length; i++) {
      const { name, shape, trains } = fields[i] as NamedField, value = values[name];
      if (value && (all || trains)) into.push(shape === "matrix" ? (value as Matrix).data : value as Float32Array);
    }
  }
  return into;
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

/** The layers that hold no others, in order; the list itself where none does. */
export function leavesOf(layers: readonly Layer[]): readonly Leaf[] {
  if (!layers.some((layer) => "layers" in layer)) return layers as readonly Leaf[];
  const leaves: Leaf[] = [];
  mapLayers(layers, "layers", (leaf) => {
    leaves.push(leaf);
    return leaf;
  });
  return leaves;
}

/** The layers with every array, or every one that trains, replaced by what `visit` gives; other layers are shared. */
export const mapArrays = (
  layers: readonly Layer[],
  all: boolean,
  visit: (array: LayerArray) => Float32Array,
): Layer[] =>
  mapLayers(layers, "layers", (leaf, path) => {
    const values = leaf as unknown as Values, thaws = values.frozen !== true, fields = ARRAY_FIELDS[leaf._tag];
    if (fields.length === 0 || !(all || thaws)) return leaf;
    const next: Values = { ...values };
    for (const field of fields) {
      const { name } = field, value = values[name], trains = thaws && field.trains;
      if (!value || !(all || trains)) continue;
      const isMatrix = field.shape === "matrix";
      const { rows, cols, data } = isMatrix ? value as Matrix : asColumn(value as Float32Array);
      const array = visit({ data, path: `${path}.${name}`, rows, cols, trains, field });
      next[name] = isMatrix ? { rows, cols, data: array } : array;
    }
    return next as unknown as Layer;
  });

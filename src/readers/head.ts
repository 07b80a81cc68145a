/**
 * Heads that PyTorch trained, as networks.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import type { TaskEither } from "fp-ts/lib/TaskEither.js";
import type { FgnError } from "../check/error.ts";
import { ANY, checkOptions, type Rules } from "../check/rule.ts";
import { show } from "../check/show.ts";
import { guardAsync } from "../check/total.ts";
import { makeMatrix, type Matrix } from "../data/matrix.ts";
import { readSafetensors, type Tensor } from "../io/safetensors.ts";
import { type Activation, relu } from "../network/activations.ts";
import type { Layer, Network } from "../network/layer.ts";
import { network } from "../network/network.ts";
import { failFile } from "./fault.ts";
import { type DataSource, openSource, readWhole } from "./opened.ts";
import { MAX_BYTES, READ } from "./options.ts";

/** Options of {@link readHead}. */
export interface HeadOptions {
  /** Names of the linear layers, in order, such as "classifier" (default: all that the file has, by their numbers). */
  readonly layers?: readonly string[];
  /** What stands between them (default relu). */
  readonly activation?: Activation;
  /** The file's name in messages (default: that of the path or File, else "data"). */
  readonly name?: string;
  /** The most bytes of the file (default 2³⁰). */
  readonly maxBytes?: number;
}

// The network has the word about its activations.
const HEAD: Rules<HeadOptions> = { layers: READ.columns, activation: ANY, name: READ.name, maxBytes: READ.maxBytes };

type Tensors = ReadonlyMap<string, Tensor>;

const tensorName = (layer: string, part: "weight" | "bias"): string => layer === "" ? part : `${layer}.${part}`;

/** Names of linear layers as their numbers count: 0, 2, 10. */
function layersOf(tensors: Tensors): string[] {
  const names = [...tensors.keys()].filter((name) => /(^|\.)weight$/.test(name)).map((name) => name.slice(0, -7));
  const sortable = (name: string): string => name.replace(/\d+/g, (digits) => digits.padStart(12, "0"));
  return names.sort((a, b) => sortable(a) < sortable(b) ? -1 : 1);
}

function denseOf(file: string, tensors: Tensors, name: string): E.Either<FgnError, Layer> {
  const weight = tensors.get(tensorName(name, "weight")), bias = tensors.get(tensorName(name, "bias"));
  const shown = show(tensorName(name, "weight"));
  if (weight === undefined) {
    const known = layersOf(tensors).map(show).slice(0, 20).join(", ");
    return failFile(
      "safetensors",
      file,
      `has no tensor ${shown}`,
      `Its layers are ${known || "none"}: name those in layers`,
    );
  }
  if (weight.shape.length !== 2) {
    const reason = `has ${shown} of ${weight.shape.length} dimensions, and a linear layer has 2`;
    return failFile("safetensors", file, reason, "Name the linear layers in layers");
  }
  const [rows, cols] = weight.shape as [number, number];
  const matrix = makeMatrix(`${file}: ${shown}`, rows, cols, weight.data);
  if (matrix._tag === "Left") return matrix;
  const row: E.Either<FgnError, Matrix | null> = bias === undefined
    ? E.right(null)
    : makeMatrix(`${file}: ${show(tensorName(name, "bias"))}`, 1, rows, bias.data);
  return E.map((values: Matrix | null): Layer => {
    return { _tag: "dense", weight: matrix.right, bias: values?.data ?? null, frozen: false };
  })(row);
}

/** The network of the layers of a file. */
function headOf(file: string, tensors: Tensors, options: HeadOptions): E.Either<FgnError, Network> {
  const names = options.layers ?? layersOf(tensors), layers: Layer[] = [];
  const used = new Set(names.flatMap((name) => [tensorName(name, "weight"), tensorName(name, "bias")]));
  const other = options.layers === undefined ? [...tensors.keys()].find((name) => !used.has(name)) : undefined;
  if (names.length === 0 || other !== undefined) {
    const reason = other === undefined ? "has no linear layer" : `has ${show(other)}, which is of no linear layer`;
    return failFile("safetensors", file, reason, "Name the linear layers in layers, in their order");
  }
  for (const name of names) {
    const dense = denseOf(file, tensors, name);
    if (dense._tag === "Left") return dense;
    if (layers.length > 0) layers.push(options.activation ?? relu());
    layers.push(dense.right);
  }
  const [first] = layers;
  return network(first?._tag === "dense" ? first.weight.cols : 0, layers);
}

/**
 * The network of linear layers that PyTorch saved as safetensors: `weight` and `bias` of one `nn.Linear`, or those of
 * several, such as `0.weight`, `2.weight` of an `nn.Sequential`, with activations between them. Values of F16 and BF16
 * are widened.
 *
 * Errors: `InvalidFile` (no safetensors, other tensors than of linear layers), `InvalidLayer` (layers that do not follow
 * one another), `ShapeMismatch`, `NotFinite`, `InvalidOption`, those of the source.
 *
 * @example
 * ```ts
 * import { getOrThrow, logits, matrix, writeSafetensors } from "fgn";
 * import { readHead } from "fgn/data";
 *
 * const weight = { shape: [2, 3], data: Float32Array.of(1, 0, 0, 0, 1, 0) };
 * const bytes = getOrThrow(writeSafetensors({ tensors: new Map([["classifier.weight", weight]]) }));
 * const head = await getOrThrow(readHead(bytes));
 * console.log(getOrThrow(logits(head, getOrThrow(matrix([[5, 7, 9]])))).data); // [5, 7]
 * ```
 */
export function readHead(source: DataSource, options: HeadOptions = {}): TaskEither<FgnError, Network> {
  return () =>
    guardAsync("readHead", { source, options }, async () => {
      const checked = checkOptions(options, HEAD);
      if (checked._tag === "Left") return checked;
      const { name = null, maxBytes = MAX_BYTES } = checked.right, opened = await openSource(source, name);
      if (opened._tag === "Left") return opened;
      try {
        const bytes = await readWhole(opened.right, maxBytes);
        if (bytes._tag === "Left") return bytes;
        const file = readSafetensors(bytes.right);
        return file._tag === "Left" ? file : headOf(opened.right.name, file.right.tensors, checked.right);
      } finally {
        await opened.right.close();
      }
    });
}

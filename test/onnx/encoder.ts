// An encoder of a few words, as files of sentence encoders have it: weights of a table, the tokens' vectors as output.

import { encodeModel, node, type Size, tensor, TYPE, valueInfo } from "../../src/onnx/model.ts";
import { encode, int, nested, text } from "../../src/onnx/message.ts";
import { uniform } from "../support/reference.ts";

export const WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "i", "love", "hate", "cats", "dogs", "this"];

/** The length of its vectors. */
export const WIDTH = 8;

/** Its table, a row a word. */
export const TABLE = uniform(WORDS.length * WIDTH, 5);

/** A type of elements (TensorProto.DataType). */
const FLOAT16 = 10;

export interface EncoderForm {
  /** The version of its operators (default 14). */
  readonly opset?: number;
  /** The name of its output (default last_hidden_state). */
  readonly output?: string;
  /** The shape of its output (default batch × tokens × 8). */
  readonly shape?: readonly Size[];
  /** Whether it gives the vectors of the first tokens, a row a text (default false). */
  readonly pooled?: boolean;
  /** Whether it takes a mask (default true). */
  readonly mask?: boolean;
  /** Whether its output is float16 (default false). */
  readonly half?: boolean;
  /** Names of values, after which further nodes are named. */
  readonly others?: readonly string[];
}

/** The bytes of the encoder. */
export function encoderFile(form: EncoderForm = {}): Uint8Array {
  const { opset = 14, output = "last_hidden_state", pooled = false, mask = true, half = false, others = [] } = form;
  const ids = valueInfo("input_ids", "int64", ["batch", "tokens"]);
  const kept = valueInfo("attention_mask", "int64", ["batch", "tokens"]);
  const shape = form.shape ?? (pooled ? ["batch", WIDTH] : ["batch", "tokens", WIDTH]);
  const sizes = shape.map((size) => nested(1, [typeof size === "number" ? int(1, size) : text(2, size)]));
  const type = half ? FLOAT16 : TYPE.float, end = half ? "wide" : output;
  const nodes = pooled
    ? [node("Gather", ["table", "input_ids"], "all"), node("Gather", ["all", "first"], end, { axis: { int: 1 } })]
    : [node("Gather", ["table", "input_ids"], end)];
  if (half) nodes.push(node("Cast", [end], output, { to: { int: FLOAT16 } }));
  return encodeModel(
    {
      nodes: [...nodes, ...others.map((name) => node("Identity", ["table"], name))],
      tensors: [
        tensor("table", [WORDS.length, WIDTH], TABLE),
        ...(pooled ? [tensor("first", [], BigInt64Array.of(0n))] : []),
      ],
      inputs: mask ? [ids, kept] : [ids],
      outputs: [[text(1, output), nested(2, [nested(1, [int(1, type), nested(2, sizes)])])]],
    },
    opset,
    [],
  );
}

/** A file with operators of another kind alone. */
export const foreignFile = (): Uint8Array => encode([int(1, 8), nested(8, [text(1, "ai.onnx.ml"), int(2, 3)])]);

/** The vector of a text, pooled as it should be, in float64. */
export function vectorOf(tokens: readonly number[], pooling: "mean" | "cls", normalize: boolean): number[] {
  const row = (token: number): number[] => Array.from(TABLE.subarray(token * WIDTH, (token + 1) * WIDTH));
  const used = (pooling === "cls" ? tokens.slice(0, 1) : tokens).map(row);
  const mean = Array.from({ length: WIDTH }, (_, d) => used.reduce((sum, one) => sum + one[d]!, 0) / used.length);
  const length = Math.sqrt(mean.reduce((sum, v) => sum + v * v, 0));
  return normalize ? mean.map((v) => v / length) : mean;
}

// A head as a safetensors file: what is stored, given out and taken in.
//
//   weight C × D, bias C        the head, F32 (F16 and BF16 are read, too)
//   mean D, variance D          F32: the running moments of the embeddings learnt from
//   examples, steps             F64, single values: how many those were, and the updates
//   metadata "labels"           the names of the classes, a JSON array; without it "0" to "C − 1"
//
// A head without the four in the middle answers, but cannot learn: without the moments of the embeddings that it was
// trained on, the first update would destroy what it knows. An upload must have them.

import {
  type InputMoments,
  linearHead,
  type Network,
  type OnlineState,
  readSafetensors,
  type Safetensors,
  type Tensor,
  type TensorData,
  writeSafetensors,
} from "fgn";
import * as E from "fp-ts/Either";
import { type Answered, answered, refuse } from "./answers.ts";
import { checkLabel } from "./label.ts";
import type { Limits } from "./limits.ts";

/** A head, the names of its classes, and what it remembers of what it has learnt. */
export interface LabelledHead {
  readonly network: Network;
  readonly labels: readonly string[];
  /** Null: nothing is known of the embeddings that it has learnt. */
  readonly state: OnlineState | null;
}

function invalid(message: string, remedy: string): Answered<never> {
  return refuse(400, "InvalidHead", message, remedy);
}

const single = (value: number): Tensor => ({ shape: [], data: Float64Array.of(value) });

/** The file of a head: the same bytes for the same head. */
export function writeHead({ network, labels, state }: LabelledHead, { MAX_HEAD_BYTES }: Limits): Answered<Uint8Array> {
  const [layer] = network.layers;
  if (layer?._tag !== "dense" || layer.bias === null) return invalid("it is no head", "Give a dense layer with a bias");
  const tensors = new Map<string, Tensor>([
    ["weight", { shape: [network.outputs, network.inputs], data: layer.weight.data }],
    ["bias", { shape: [network.outputs], data: layer.bias }],
  ]);
  const moments = state?.layers[0];
  if (state !== null && moments !== undefined) {
    tensors.set("mean", { shape: [network.inputs], data: moments.mean });
    tensors.set("variance", { shape: [network.inputs], data: moments.variance });
    tensors.set("examples", single(state.examples)).set("steps", single(state.steps));
  }
  const metadata = new Map([["labels", JSON.stringify(labels)]]);
  const file = answered(writeSafetensors({ tensors, metadata }));
  if (file._tag === "Left" || file.right.length <= MAX_HEAD_BYTES) return file;
  return refuse(413, "HeadTooLarge", `the head takes ${file.right.length} bytes`, `Keep it within ${MAX_HEAD_BYTES}`);
}

type Kind<A> = new (length: number) => A;

/** A tensor by name, of a kind and a shape; a size of −1 is any. */
function tensor<A extends TensorData>(
  tensors: Safetensors["tensors"],
  name: string,
  Kind: Kind<A>,
  shape: readonly number[],
): Answered<{ readonly shape: readonly number[]; readonly data: A }> {
  const wanted = `[${shape.map((size) => size < 0 ? "any" : size).join(", ")}]`, entry = tensors.get(name);
  if (entry === undefined) return invalid(`it has no tensor ${name}`, `Add it, of shape ${wanted}`);
  const fits = entry.shape.length === shape.length && shape.every((size, i) => size < 0 || size === entry.shape[i]);
  if (!fits) return invalid(`its ${name} has shape [${entry.shape.join(", ")}]`, `Give it shape ${wanted}`);
  if (entry.data instanceof Kind) return E.right({ shape: entry.shape, data: entry.data });
  return invalid(
    `its ${name} is of another dtype`,
    `Save it as ${Kind as unknown === Float64Array ? "F64" : "F32, F16 or BF16"}`,
  );
}

const HEAD = ["weight", "bias"], MEMORY = ["mean", "variance", "examples", "steps"];

/** The refusal to keep or to teach a head whose moments are not known. */
export function withoutMoments(status: number): Answered<never> {
  return refuse(
    status,
    "NoMoments",
    "the head has no moments of the embeddings it was trained on; without them a learn would destroy what it knows",
    "PUT it with the tensors mean and variance (F32: of each feature over those embeddings or some hundred like them), " +
      "examples (F64, their number) and steps (F64, 0): observe() of fgn makes them, docs/deploy.md shows how",
  );
}

/** Whether the mean squares fit a float32: where they do not, the next example would make a variance infinite. */
const moderate = ({ mean, variance }: InputMoments): boolean =>
  mean.every((m, i) => Number.isFinite(Math.fround(m * m + (variance[i] as number))));

function readMemory(tensors: Safetensors["tensors"], features: number): Answered<OnlineState | null> {
  if (MEMORY.every((name) => !tensors.has(name))) return E.right(null);
  const mean = tensor(tensors, "mean", Float32Array, [features]);
  if (mean._tag === "Left") return mean;
  const variance = tensor(tensors, "variance", Float32Array, [features]);
  if (variance._tag === "Left") return variance;
  const examples = tensor(tensors, "examples", Float64Array, []);
  if (examples._tag === "Left") return examples;
  const steps = tensor(tensors, "steps", Float64Array, []);
  if (steps._tag === "Left") return steps;
  const moments = { mean: mean.right.data, variance: variance.right.data };
  const finite = moments.mean.every(Number.isFinite) && moments.variance.every((v) => v >= 0 && v < Infinity);
  if (!finite) {
    return invalid(
      "its mean or variance is not finite, or a variance below zero",
      "Give finite ones, and variances from 0",
    );
  }
  const [count] = examples.right.data as unknown as [number], [updates] = steps.right.data as unknown as [number];
  const counted = count > 0 && count < 2 ** 53 && Number.isSafeInteger(updates) && updates >= 0;
  if (!counted || Object.is(updates, -0)) {
    return invalid("its examples or steps are no counts", "Give examples > 0 and whole steps ≥ 0");
  }
  return E.right({ steps: updates, examples: count, layers: [moments] });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function readLabels(text: string | undefined, classes: number, limits: Limits): Answered<readonly string[]> {
  if (text === undefined) return E.right(Array.from({ length: classes }, (_, index) => String(index)));
  const labels = parse(text);
  if (!Array.isArray(labels) || labels.length !== classes) {
    return invalid(`its labels are no list of ${classes} names`, "Give a JSON array of a name for each class");
  }
  const names = new Set<string>();
  for (const [index, label] of labels.entries()) {
    const name = checkLabel(label, `label ${index}`, limits);
    if (name._tag === "Left") return name;
    if (names.has(name.right)) return invalid(`its label ${index} is there twice`, "Give each class its own name");
    names.add(name.right);
  }
  return E.right([...names]);
}

/** Bytes that a UTF-16 unit of a label takes at most in a text within a text, and a label's quotes and comma there. */
const UNIT = 7, QUOTES = 5;

/** A header beyond what the labels may take is refused unread: a few megabytes of lists take hundreds when parsed. */
function checkHeader(bytes: Uint8Array, { MAX_CLASSES, MAX_LABEL_LENGTH }: Limits): Answered<void> {
  if (bytes.length < 8) return E.right(undefined);
  const most = 2 ** 16 + MAX_CLASSES * (MAX_LABEL_LENGTH * UNIT + QUOTES);
  const view = new DataView(bytes.buffer, bytes.byteOffset, 8);
  const length = view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32;
  if (length <= most || length > bytes.length - 8) return E.right(undefined);
  return refuse(
    413,
    "HeadTooLarge",
    `its header has ${length} bytes`,
    `Keep it within ${most}: no texts but the labels`,
  );
}

/** The head of a file. */
export function readHead(bytes: Uint8Array, limits: Limits): Answered<LabelledHead> {
  const header = checkHeader(bytes, limits);
  if (header._tag === "Left") return header;
  const file = answered(readSafetensors(bytes));
  if (file._tag === "Left") return file;
  const { tensors, metadata } = file.right;
  for (const name of tensors.keys()) {
    if (HEAD.includes(name) || MEMORY.includes(name)) continue;
    return invalid(
      `it has a tensor ${JSON.stringify(name.slice(0, 80))}`,
      `Keep ${[...HEAD, ...MEMORY].join(", ")} only`,
    );
  }
  const weight = tensor(tensors, "weight", Float32Array, [-1, -1]);
  if (weight._tag === "Left") return weight;
  const [classes, features] = weight.right.shape as [number, number];
  const { MAX_CLASSES, MAX_FEATURES } = limits;
  if (classes > MAX_CLASSES || features > MAX_FEATURES) {
    return refuse(
      413,
      "HeadTooLarge",
      `it has ${classes} classes of ${features} features`,
      `Keep it within ${MAX_CLASSES} classes of ${MAX_FEATURES} features`,
    );
  }
  const bias = tensor(tensors, "bias", Float32Array, [classes]);
  if (bias._tag === "Left") return bias;
  const labels = readLabels(metadata.get("labels"), classes, limits);
  if (labels._tag === "Left") return labels;
  const state = readMemory(tensors, features);
  if (state._tag === "Left") return state;
  const network = linearHead({ classes, features }, weight.right.data, bias.right.data);
  return E.map((network: Network) => ({ network, labels: labels.right, state: state.right }))(answered(network));
}

/** The head of an upload: one that can learn, and for long. */
export function readUpload(bytes: Uint8Array, limits: Limits): Answered<LabelledHead> {
  const head = readHead(bytes, limits);
  if (head._tag === "Left") return head;
  const { state } = head.right;
  if (state === null) return withoutMoments(400);
  if (!state.layers.every(moderate)) {
    return invalid("its mean or variance is too large for squares in float32", "Scale its embeddings to about 1");
  }
  return Math.max(state.examples, state.steps) < 2 ** 52
    ? head
    : invalid("its examples or steps leave no room for more", "Give counts below 2^52");
}

/** A file, and the head that is read from it. */
export interface HeadFile {
  readonly bytes: Uint8Array;
  readonly head: LabelledHead;
}

/** The file of a head, read back: a file that could not be read when it is needed is refused before it is kept. */
export function prepareFile(head: LabelledHead, limits: Limits): Answered<HeadFile> {
  const bytes = writeHead(head, limits);
  if (bytes._tag === "Left") return bytes;
  const back = readHead(bytes.right, limits);
  if (back._tag === "Right") return E.right({ bytes: bytes.right, head: back.right });
  return refuse(
    400,
    "UnreadableHead",
    `the head that this makes could not be read again: ${back.left.message}`,
    "The head is as it was before. Send embeddings of about unit size, or PUT a head whose moments are",
  );
}

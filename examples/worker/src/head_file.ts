// A head as a file: what is stored, given out and taken in is a classifier of the library, whose rows are embeddings. Its
// limits are looked at here.

import { type Classifier, decodeClassifier, encodeClassifier, type InputMoments } from "fgn";
import * as E from "fp-ts/Either";
import { type Answered, answered, refuse } from "./answers.ts";
import { checkLabel } from "./label.ts";
import type { Limits } from "./limits.ts";

function invalid(message: string, remedy: string): Answered<never> {
  return refuse(400, "InvalidHead", message, remedy);
}

/** The file of a head: the same bytes for the same head. */
export function writeHead(head: Classifier, { MAX_HEAD_BYTES }: Limits): Answered<Uint8Array> {
  const file = answered(encodeClassifier(head));
  if (file._tag === "Left" || file.right.length <= MAX_HEAD_BYTES) return file;
  return refuse(413, "HeadTooLarge", `the head takes ${file.right.length} bytes`, `Keep it within ${MAX_HEAD_BYTES}`);
}

/** The refusal to keep or to teach a head whose moments are not known. */
export function withoutMoments(status: number): Answered<never> {
  return refuse(
    status,
    "NoMoments",
    "the head has no moments of the embeddings it was trained on; without them a learn would destroy what it knows",
    "PUT a classifier of trainClassifier, or one of classifierOf with known embeddings, some hundred like those that it " +
      "was trained on: docs/deploy.md shows how",
  );
}

/** Whether the mean squares fit a float32: where they do not, the next example would make a variance infinite. */
const moderate = ({ mean, variance }: InputMoments): boolean =>
  mean.every((m, i) => Number.isFinite(Math.fround(m * m + (variance[i] as number))));

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

/** A head within the limits, whose rows are embeddings. */
function checkHead({ network, labels, recipe }: Classifier, limits: Limits): Answered<void> {
  const { MAX_CLASSES, MAX_FEATURES } = limits, { inputs, outputs } = network;
  if (outputs > MAX_CLASSES || inputs > MAX_FEATURES) {
    return refuse(
      413,
      "HeadTooLarge",
      `it has ${outputs} classes of ${inputs} features`,
      `Keep it within ${MAX_CLASSES} classes of ${MAX_FEATURES} features`,
    );
  }
  if (recipe.kind !== "vector") {
    return invalid(`its rows are not vectors, but of kind ${recipe.kind}`, "Train it on rows of numbers");
  }
  for (const [index, label] of labels.entries()) {
    const name = typeof label === "number" ? E.right(label) : checkLabel(label, `label ${index}`, limits);
    if (name._tag === "Left") return name;
  }
  return E.right(undefined);
}

/** The head of a file. */
export function readHead(bytes: Uint8Array, limits: Limits): Answered<Classifier> {
  const header = checkHeader(bytes, limits);
  if (header._tag === "Left") return header;
  const head = answered(decodeClassifier(bytes));
  if (head._tag === "Left") return head;
  return E.map(() => head.right)(checkHead(head.right, limits));
}

/** The head of an upload: one that can learn, and for long. */
export function readUpload(bytes: Uint8Array, limits: Limits): Answered<Classifier> {
  const head = readHead(bytes, limits);
  if (head._tag === "Left") return head;
  const { moments } = head.right;
  if (moments === null || moments.layers.length === 0) {
    return withoutMoments(400);
  }
  if (!moments.layers.every(moderate)) {
    return invalid("its mean or variance is too large for squares in float32", "Scale its embeddings to about 1");
  }
  return Math.max(moments.examples, moments.steps) < 2 ** 52 ? head : invalid(
    "its examples or steps leave no room for more",
    "Give counts below 2^52",
  );
}

/** A file, and the head that is read from it. */
export interface HeadFile {
  readonly bytes: Uint8Array;
  readonly head: Classifier;
}

/** The file of a head, read back: a file that could not be read when it is needed is refused before it is kept. */
export function prepareFile(head: Classifier, limits: Limits): Answered<HeadFile> {
  const bytes = writeHead(head, limits);
  if (bytes._tag === "Left" && bytes.left.code === "HeadTooLarge") return bytes;
  const back = bytes._tag === "Left" ? bytes : readHead(bytes.right, limits);
  if (bytes._tag === "Right" && back._tag === "Right") {
    return E.right({ bytes: bytes.right, head: back.right });
  }
  return refuse(
    400,
    "UnreadableHead",
    `the head that this makes could not be read again: ${back._tag === "Left" ? back.left.message : ""}`,
    "The head is as it was before. Send embeddings of about unit size, or PUT a head whose moments are",
  );
}

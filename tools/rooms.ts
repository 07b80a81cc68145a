// The rooms of src, from the ground up: a file imports from its own room and from those before it. ARCHITECTURE.md has the
// same list.

import { readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { filesIn } from "./doc_pages.ts";

/** The rooms in order, each with what it is for. */
export const ROOMS: Readonly<Record<string, string>> = {
  check: "what is refused, and how it is said",
  math: "arithmetic that is the same bytes everywhere: random numbers, hashes, softmax, eigenvalues",
  data: "matrices, sparse or dense, and batches of examples",
  measures: "what probabilities are worth on labelled rows: scores, confusions, calibration, sets, suspect labels",
  damping: "how far a step trusts its model, one rule a file",
  io: "files: safetensors, trees of plain data, stores",
  kernel: "the WebAssembly, its memory, and nothing else",
  threads: "the exports of the kernel over several threads",
  network: "models as plain data: layers, constructors, JSON, growth, adapters",
  tape: "a model opened on a batch: operations over slots, margins, products with the Jacobian",
  solver: "systems solved: Cholesky, conjugate gradient over any vector space",
  row_system: "S = diag(w) J Jᵀ diag(w), formed or as products, and the metrics it is formed in",
  problem: "a model, examples and an objective, checked and opened together",
  passes: "public calls that take no step: evaluation, gradients, products",
  step: "the step: options, plan, attempts, search, micro-batches, full Gauss-Newton",
  optimizer: "{ init, update, result } over plain state, and transforms of them",
  diagnosis: "what a step dropped, and what a network shows",
  "gpu/device": "the device: buffers, submissions, errors, loss",
  "gpu/tape": "a network on a batch on the device: operations and shaders",
  "gpu/step": "the step on the device",
  gpu: "backends: WebGPU and the CPU behind one interface",
  train: "runs over data: epochs, held-out rows, checkpoints",
  features: "rows, texts and tables as features, by recipes that are plain data",
  classifier: "networks that know what their numbers mean: trained from rows and labels, asked, taught, stored",
  onnx: "classifiers as ONNX files, alone or at the end of an encoder",
  readers: "files as tables: CSV, JSON, NumPy, Parquet, safetensors",
};

/** Something wrong with the rooms, where it is, and what to do. */
export interface RoomFault {
  readonly kind: "upward" | "cycle" | "unknown" | "empty";
  readonly where: string;
  readonly message: string;
}

/** An import from one room into another. */
export interface Arrow {
  readonly from: string;
  readonly to: string;
  /** file:line */
  readonly where: string;
}

/** The room of a file of src: the longest of those whose folder it lies in. */
export function roomOf(file: string, rooms: readonly string[]): string | null {
  const fitting = rooms.filter((room) => file.startsWith(`src/${room}/`));
  return fitting.length === 0 ? null : fitting.reduce((a, b) => b.length > a.length ? b : a);
}

const IMPORT = /(?:^|\s)(?:from|import)\s*\(?\s*"(\.{1,2}\/[^"]+)"/;

/** The imports between rooms, in order of the files. */
export function arrowsOf(files: Readonly<Record<string, string>>, rooms: readonly string[]): Arrow[] {
  return Object.entries(files).flatMap(([file, text]) => {
    const from = roomOf(file, rooms);
    return from === null ? [] : text.split("\n").flatMap((line, i): Arrow[] => {
      const target = IMPORT.exec(line)?.[1];
      if (target === undefined || /^\s*(\*|\/\/)/.test(line)) return [];
      const to = roomOf(normalize(join(dirname(file), target)), rooms);
      return to === null || to === from ? [] : [{ from, to, where: `${file}:${i + 1}` }];
    });
  });
}

/** The rooms that can be come to from a room, each with the arrow that leads there. */
function reached(start: string, arrows: readonly Arrow[]): ReadonlyMap<string, Arrow> {
  const by = new Map<string, Arrow>(), waiting = [start];
  for (let room = waiting.shift(); room !== undefined; room = waiting.shift()) {
    for (const arrow of arrows) {
      if (arrow.from !== room || by.has(arrow.to)) continue;
      by.set(arrow.to, arrow);
      waiting.push(arrow.to);
    }
  }
  return by;
}

/** The way back from a room to the one that an arrow leaves, or null. */
function wayBack({ from, to }: Arrow, arrows: readonly Arrow[]): Arrow[] | null {
  const by = reached(to, arrows), way: Arrow[] = [];
  for (let room = from; room !== to;) {
    const arrow = by.get(room);
    if (arrow === undefined) return null;
    way.unshift(arrow);
    room = arrow.from;
  }
  return way;
}

/** What is wrong with files of src (texts by path) and an order of rooms. */
export function roomFaults(files: Readonly<Record<string, string>>, rooms: readonly string[]): RoomFault[] {
  const faults: RoomFault[] = [],
    add = (kind: RoomFault["kind"], where: string, message: string): void => void faults.push({ kind, where, message });
  const strangers = Object.keys(files).filter((file) => roomOf(file, rooms) === null);
  for (const folder of new Set(strangers.map((file) => dirname(file)))) {
    add(
      "unknown",
      folder,
      `${folder} is no room: put it into the list of tools/rooms.ts and of ARCHITECTURE.md, or its files into a room`,
    );
  }
  for (const room of rooms) {
    if (Object.keys(files).some((file) => roomOf(file, rooms) === room)) continue;
    add(
      "empty",
      `src/${room}`,
      `src/${room} has no file: take it out of the list of tools/rooms.ts and of ARCHITECTURE.md`,
    );
  }
  const arrows = arrowsOf(files, rooms);
  for (const arrow of arrows) {
    const { from, to, where } = arrow;
    if (rooms.indexOf(to) < rooms.indexOf(from)) continue;
    const back = wayBack(arrow, arrows);
    add(
      "upward",
      where,
      `${where}: ${from} imports from ${to}, which is above it: move what it needs down into ${from} or a room below, or hand it over as an argument`,
    );
    if (back !== null) {
      const way = [arrow, ...back].map((one) => `${one.from} → ${one.to} (${one.where})`).join(", ");
      add("cycle", where, `${where}: the rooms go round: ${way}`);
    }
  }
  return faults;
}

/** The texts of src by path, generated files left out. */
export const sources = (): Readonly<Record<string, string>> =>
  Object.fromEntries(
    filesIn("src", ".ts").filter((file) => !file.endsWith(".generated.ts")).map((
      file,
    ) => [file, readFileSync(file, "utf8")]),
  );

/** Rooms that a page lists, as "- `src/room/`: what it is for", in order. */
export const listedRooms = (page: string): readonly (readonly [room: string, purpose: string])[] =>
  Array.from(page.matchAll(/^- `src\/([\w/]+)\/`: (.*(?:\n {2}.*)*)/gm), ([, room = "", text = ""]) => [
    room,
    text.replace(/\s+/g, " "),
  ]);

/** What is wrong with the list of ARCHITECTURE.md. */
export function listFaults(page: string): string[] {
  const listed = listedRooms(page).map(([room]) => room).join(" "), wanted = Object.keys(ROOMS).join(" ");
  return listed === wanted ? [] : [`ARCHITECTURE.md lists the rooms\n  ${listed}\nand tools/rooms.ts\n  ${wanted}`];
}

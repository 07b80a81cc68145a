// What the table of the layout counts, on made-up sources: each count finds what it says, and nothing else.

import { expect, it } from "vitest";
import {
  activationLists,
  branchesOnTags,
  ofComments,
  opMembers,
  stageLiterals,
  traversals,
} from "../../tools/gate/counts.ts";
import { nearest } from "../../tools/gate/nearest.ts";

it("files that branch on tags: comparisons and cases, not comments, values or other tags", () => {
  const files = {
    "a.ts": 'if (layer._tag === "dense") {}',
    "b.ts": 'switch (x) { case "adapter": }',
    "c.ts": '// layer._tag === "dense"\nconst a = { _tag: "dense" };\nif (x._tag === "Left") {}',
  };
  expect(branchesOnTags(files)).toEqual(["a.ts", "b.ts"]);
});

it("traversals: by a call, by name, by way of others; not a function that calls none of its own, nor one that makes layers", () => {
  const files = {
    "a.ts": "function widest(layers: readonly Layer[]): number {\n  return widest(layers[0].layers);\n}\n",
    "b.ts": "const holds = (layer: Layer): boolean => layer.layers.some(holds);\n",
    "c.ts":
      "function one(layer: Layer): B {\n  return many(layer.layers);\n}\n\nfunction many(layers: readonly Layer[]): B {\n  return layers.map(one);\n}\n",
    "d.ts":
      "function flat(layers: readonly Layer[]): B {\n  return layers.map(other);\n}\n\nfunction factorial(n: A): B {\n  return factorial(n);\n}\n",
    "specs.ts": "function start(specs: readonly LayerSpec[]): Layer[] {\n  return start(specs[0].layers);\n}\n",
    "e.ts": 'function name(layers: readonly Layer[]): string {\n  return "name()";\n}\n',
  };
  expect(traversals(files)).toEqual(["a.ts: widest", "b.ts: holds", "c.ts: many one"]);
});

it("members of Op: fields and methods, not what stands in their comments", () => {
  const text =
    "export interface Op {\n  /** readonly a: b */\n  readonly output: Slot;\n  forward(pass: Pass): void;\n}\n";
  expect(opMembers(text)).toEqual(["output", "forward"]);
  expect(() => opMembers("export interface Other {\n}\n")).toThrow("Op");
});

it("lists of activations: unions, sets and keys; not records that the compiler compares, nor exports", () => {
  const files = {
    "a.ts": 'type Kind =\n  | "relu"\n  | "tanh"\n  | "gelu";\n',
    "b.ts": 'const KINDS = new Set(["relu", "tanh", "gelu"]);\n',
    "c.ts": "const TABLE = {\n  relu: 1,\n  tanh: 2,\n  gelu: 3,\n};\n",
    "d.ts": "const TABLE: Readonly<Record<ActivationKind, number>> = {\n  relu: 1,\n  tanh: 2,\n  gelu: 3,\n};\n",
    "e.ts": 'export {\n  gelu,\n  relu,\n  tanh,\n} from "./a.ts";\n',
    "f.ts": 'if (kind === "tanh" || kind === "sigmoid") {}\n',
  };
  expect(activationLists(files).map((at) => at[0])).toEqual(["a", "b", "c"]);
});

it("literals of a Stage: not patterns, types or other objects", () => {
  const files = {
    "a.ts": "const stage: Stage = { ws, system, vectors, l2, solver, method };\n",
    "b.ts": "function f({ ws, vectors, l2, solver, method }: Stage): void {}\n",
    "c.ts": "const { ws, vectors, l2, solver, method } = stage;\n",
    "d.ts":
      "interface Stage {\n  readonly ws: A;\n  readonly l2: B;\n}\nconst plan = { l2, solver, method, limit, judged };\n",
  };
  expect(stageLiterals(files).map((at) => at[0])).toEqual(["a"]);
});

it('comments that begin with "Of": each form, not their further lines', () => {
  const files = {
    "a.ts": `/** Of a. */\n/**\n * Of b.\n */\n// Of c.\nconst d = 1; ${"//"} Of d\n`,
    "b.ts": "/**\n * The number\n * Of things.\n */\n// It is\n// Of course.\n/** Often. */\n",
  };
  expect(ofComments(files)).toEqual(["a.ts:1", "a.ts:3", "a.ts:5", "a.ts:6"]);
});

it("nearest() guesses what was meant", () => {
  expect(["rom", "type", "docs", "tset"].map((word) => nearest(word, ["rooms", "types", "docs", "test"])))
    .toEqual(["rooms", "types", "docs", "test"]);
});

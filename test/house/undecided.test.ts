// What cannot be forgotten: an addition that is not decided everywhere does not compile, and the compiler names the places.

import { describe, expect, it } from "vitest";
import { optionTable } from "../../src/step/options.ts";
import { compileCopy, type Edits, filesOf } from "../support/compile_copy.ts";

describe("a copy of the library", () => {
  it("compiles as it stands", () => {
    expect(compileCopy({})).toEqual([]);
  });

  it("does not compile with an option of the step whose rule or row is missing, which one file decides", () => {
    const table = "src/step/options.ts", places = Object.keys(optionTable().solver);
    const option = (text: string): string =>
      text.replace("export interface StepOptions extends", "interface Made { readonly wobble?: number }\n$& Made,");
    const row = (text: string): string =>
      text.replace("const OPTIONS = {", `$& wobble: [${places.map(() => "YES").join()}],`);
    const undecided = compileCopy({ [table]: option });
    expect(filesOf(undecided)).toEqual([table]);
    expect(undecided.every((line) => line.includes("wobble"))).toBe(true);
    const rule = (text: string): string => text.replace("  curvature: /* @__PURE__ */", "  wobble: FROM_ZERO,\n$&");
    for (const half of [row, rule]) {
      const other = compileCopy({ [table]: (text) => half(option(text)) });
      expect(filesOf(other)).toEqual([table]);
      expect(other.every((line) => line.includes("wobble"))).toBe(true);
    }
    const decided: Edits = { [table]: (text) => rule(row(option(text))) };
    expect(compileCopy(decided)).toEqual([]);
  });

  it.each([
    ["src/train/options.ts", "export interface TrainOptions<M extends Model = Network, S = RobustState> extends"],
    ["src/problem/objective.ts", "export interface ObjectiveOptions {"],
    ["src/optimizer/robust.ts", "export interface RobustOptions {"],
    ["src/network/layers.ts", "export interface LayerNormOptions {"],
    ["src/diagnosis/diagnose.ts", "export interface DiagnoseOptions extends"],
  ])("does not compile with an option in %s that has no rule", (file, start) => {
    const option = (text: string): string =>
      start.endsWith("{")
        ? text.replace(start, "$& readonly wobble?: number;")
        : text.replace(start, "interface Made { readonly wobble?: number }\n$& Made,");
    const undecided = compileCopy({ [file]: option });
    expect(filesOf(undecided)).toContain(file);
    expect(undecided.join()).toContain("wobble");
  });

  it("does not compile with an activation that devices and ONNX do not know: five files in all know one", () => {
    const list = "src/network/activations.ts";
    const mish: Edits = {
      [list]: (text) =>
        text.replace("  silu: {", '  mish: { number: 6, initial: "he", slope: null },\n$&') +
        'export const mish = (): Activation => activation("mish");\n',
      "mod.ts": (text) => text.replace("  gelu,\n", "$&  mish,\n"),
    };
    const undecided = compileCopy(mish);
    // The fifth is assembly/activation.ts: the tests of the kernel and of every kind fail until it is there.
    expect(filesOf(undecided)).toEqual(["src/gpu/tape/shaders/elementwise.ts", "src/onnx/operations.ts"]);
    expect(undecided.every((line) => line.includes("mish"))).toBe(true);
  });

  it("does not compile with a kind of layer until its fields, scales, shapes and instructions are decided", () => {
    const made = (text: string): string =>
      text.replace(
        "export type Layer = ",
        `export interface Scaling { readonly _tag: "scaling"; readonly gain: Float32Array; readonly frozen: boolean }\n$&Scaling | `,
      );
    const undecided = compileCopy({ "src/network/layer.ts": made });
    // With a constructor in layers.ts, and its export in mod.ts, five files in all.
    expect(filesOf(undecided)).toEqual(["src/network/layer.ts", "src/network/lower.ts", "src/network/network.ts"]);
    const facts = (scales: string, frozen: string): string =>
      `$& scaling: { features: "dense",${scales} fields: { gain: FACTOR${frozen} } },`;
    const SCALES = " affine: false,", FROZEN = ', frozen: "boolean"';
    const table = (row: string) => (text: string): string => made(text).replace(/export const LAYERS: .*/, row);
    for (const forgotten of [facts(SCALES, ""), facts("", FROZEN)]) {
      expect(filesOf(compileCopy({ "src/network/layer.ts": table(forgotten) }))).toContain("src/network/layer.ts");
    }
    const decided = compileCopy({ "src/network/layer.ts": table(facts(SCALES, FROZEN)) });
    expect(filesOf(decided)).toEqual(["src/network/lower.ts", "src/network/network.ts"]);
  });

  it("does not compile where a type offers an option that the table does not", () => {
    const offered = compileCopy({
      "src/gpu/step/options.ts": (text) => text.replace('Omit<StepOptions, "kernel">', "StepOptions"),
    });
    expect(filesOf(offered)).toEqual(["src/gpu/step/plan.ts"]);
    expect(offered.join()).toContain("'Offered<\"device\">'");
  });
});

describe("a damping that is added", () => {
  const HOME = "src/damping/damping.ts";
  const state = 'export interface Bold {\n  readonly _tag: "bold";\n  readonly ratio: number;\n}\n';
  const named = (text: string): string => `${text.replace("| Misfit;", "| Misfit | Bold;")}\n${state}`;
  const decided = (parts: readonly string[]) => (text: string): string =>
    named(text).replace("  misfit: misfitRule,", `  misfit: misfitRule,\n  bold: { ${parts.join(", ")} },`);
  const PARTS = [
    'check: (state) => ({ _tag: "Right", right: state })',
    "observe: (state) => state",
    "first: ({ ratio }) => ratio",
    "attempts: () => null",
    "accepts: () => true",
    "retry: (_, lambda) => ({ lambda, share: 1 })",
    "next: (state) => state",
  ];

  it("does not compile until it has a rule, and is named in one file beside its own", () => {
    expect(filesOf(compileCopy({ [HOME]: named }))).toEqual([HOME]);
  });

  it("is decided by its rule alone", () => {
    expect(compileCopy({ [HOME]: decided(PARTS) })).toEqual([]);
  });

  it("does not compile while its rule leaves a part to others", () => {
    for (const missing of ["attempts", "accepts", "retry"]) {
      const rest = PARTS.filter((part) => !part.startsWith(missing));
      expect(filesOf(compileCopy({ [HOME]: decided(rest) }))).toEqual([HOME]);
    }
  });
});

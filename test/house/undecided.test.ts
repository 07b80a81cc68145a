// What cannot be forgotten: an addition that is not decided everywhere does not compile, and the compiler names the places.

import { describe, expect, it } from "vitest";
import { compileCopy, filesOf } from "../support/compile_copy.ts";

describe("a copy of the library", () => {
  it("compiles as it stands", () => {
    expect(compileCopy({})).toEqual([]);
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

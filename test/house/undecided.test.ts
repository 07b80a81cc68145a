// What cannot be forgotten: an addition that is not decided everywhere does not compile, and the compiler names the places.

import { describe, expect, it } from "vitest";
import { optionTable } from "../../src/step/options.ts";
import { compileCopy, type Edits, filesOf } from "../support/compile_copy.ts";

describe("a copy of the library", () => {
  it("compiles as it stands", () => {
    expect(compileCopy({})).toEqual([]);
  });

  it("does not compile with an option of the step whose row is missing, which one file decides", () => {
    const table = "src/step/options.ts", places = Object.keys(optionTable().solver);
    const option = (text: string): string =>
      text.replace("export interface StepOptions extends", "interface Made { readonly wobble?: number }\n$& Made,");
    const row = (text: string): string =>
      text.replace("const OPTIONS = {", `$& wobble: [${places.map(() => "YES").join()}],`);
    const undecided = compileCopy({ [table]: option });
    expect(filesOf(undecided)).toEqual([table]);
    expect(undecided.every((line) => line.includes("wobble"))).toBe(true);
    const decided: Edits = { [table]: (text) => row(option(text)) };
    expect(compileCopy(decided)).toEqual([]);
  });

  it("does not compile where a type offers an option that the table does not", () => {
    const offered = compileCopy({
      "src/gpu/backend.ts": (text) => text.replace('Omit<StepOptions, "kernel">', "StepOptions"),
    });
    expect(filesOf(offered)).toEqual(["src/gpu/step/plan.ts"]);
    expect(offered.join()).toContain("'Offered<\"device\">'");
  });
});

// What cannot be forgotten: an addition that is not decided everywhere does not compile, and the compiler names the places.

import { describe, expect, it } from "vitest";
import { compileCopy } from "../support/compile_copy.ts";

describe("a copy of the library", () => {
  it("compiles as it stands", () => {
    expect(compileCopy({})).toEqual([]);
  });
});

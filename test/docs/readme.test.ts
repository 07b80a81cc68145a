// The README's example is a real file, and it works.

import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { result } from "../../examples/readme.ts";
import { right } from "../support/reference.ts";

it("the README shows examples/readme.ts, which classifies its own examples", () => {
  const read = (name: string): string => readFileSync(new URL(`../../${name}`, import.meta.url), "utf8");
  const shown = /```ts\n([\s\S]*?)```/.exec(read("README.md"))?.[1];
  expect(shown?.replace('"fgn"', '"../mod.ts"').replace("const result", "export const result"))
    .toBe(read("examples/readme.ts"));
  const p = right(result);
  [0, 0, 1, 1, 2, 2].forEach((y, i) => {
    const row = Array.from(p.data.subarray(3 * i, 3 * i + 3));
    expect(row.indexOf(Math.max(...row))).toBe(y);
  });
});

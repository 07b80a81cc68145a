// Every block of README and docs, and every example of a doc comment, runs and prints what it says.

import { describe, expect, it } from "vitest";
import { agrees, claimsOf, examplesOf, runExample, show, showMismatch } from "../../tools/doc_examples.ts";
import { examplesIn, PAGES, SOURCES } from "../../tools/doc_pages.ts";
import { load, runsHere, RUNTIMES } from "./here.ts";

for (const file of [...PAGES, ...SOURCES]) {
  const examples = examplesIn(file);
  if (examples.length === 0) continue;
  describe(file, () => {
    for (const example of examples) {
      const { line, runtimes } = example;
      it.skipIf(!runsHere(example))(`line ${line} runs and prints what it says`, async () => {
        expect((await runExample(example, load)).map(showMismatch)).toEqual([]);
      });
      if (runtimes.length > 0) {
        it(`line ${line} asks for runtimes that there are`, () => {
          expect(runtimes.filter((name) => !RUNTIMES.some((known) => known === name))).toEqual([]);
        });
      }
    }
  });
}

describe("an example", () => {
  const run = (code: string) => runExample({ file: "page.md", line: 10, language: "ts", runtimes: [], code }, load);

  it("that prints what it says is fine", async () => {
    expect(await run("const a: number = 3;\nconsole.log(a, [1, a]); // 3 [1, 3]\n")).toEqual([]);
    expect(await run("console.log(\n  1 / 3,\n); // 0.33…\n")).toEqual([]);
  });

  it("that prints something else is reported with its line", async () => {
    expect(await run("const a = 3;\nconsole.log(a); // 4\n")).toEqual([
      { file: "page.md", line: 11, said: "4", printed: "3" },
    ]);
  });

  it("whose line is not reached is reported", async () => {
    const [mismatch] = await run("if (Math.PI < 3) {\n  console.log(1); // 1\n}\n");
    expect(mismatch).toEqual({ file: "page.md", line: 11, said: "1", printed: undefined });
  });

  it("that throws fails", async () => {
    await expect(run('import { getOrThrow, matrix } from "fgn";\ngetOrThrow(matrix(1, 1, []));\n')).rejects
      .toThrow("ShapeMismatch");
  });

  it("is found in pages and in doc comments, with its line and its runtimes", () => {
    const page = "text\n\n```ts deno bun\nrun();\n```\n\n```sh\nls\n```\n";
    expect(examplesOf("a.md", page)).toEqual([
      { file: "a.md", line: 4, language: "ts", runtimes: ["deno", "bun"], code: "run();\n" },
    ]);
    const source = "/**\n * Text.\n *\n * ```ts\n * if (a) {\n *   run();\n * }\n * ```\n */\nexport const a = 1;\n";
    expect(examplesOf("a.ts", source)).toEqual([
      { file: "a.ts", line: 5, language: "ts", runtimes: [], code: "if (a) {\n  run();\n}\n" },
    ]);
    expect(() => examplesOf("a.md", "```ts\nrun();\n")).toThrow("a.md:2");
  });
});

it("claimsOf() finds what is said, by line", () => {
  expect([...claimsOf("a();\nconsole.log(1); // one\nif (b) console.log(2); // two\n// three\n")])
    .toEqual([[1, "one"], [2, "two"]]);
});

it("agrees() takes remarks and leaves out what … stands for, and nothing else", () => {
  for (const said of ["3", "3: rows", "3 = 1 + 2", "3; all", "3 (all)", "…"]) expect(agrees(said, "3")).toBe(true);
  for (const said of ["4", "3 rows", "30", "13", "", "4: 3"]) expect(agrees(said, "3")).toBe(false);
  expect(agrees("0.93…", "0.9312")).toBe(true);
  expect(agrees("0.93…", "0.9212")).toBe(false);
  expect(agrees("{ a: 1, … }", "{ a: 1, b: 2 }")).toBe(true);
});

it("show() writes values as examples do", () => {
  expect(show("word")).toBe("word");
  expect(show(new Float32Array([1, 0.5]))).toBe("[1, 0.5]");
  expect(show({ a: ["b"], c: null })).toBe('{ a: ["b"], c: null }');
});

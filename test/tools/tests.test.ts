// What is said of tests: counts, sums, skips with their remedies, failures in full; and what the runners write.

import { describe, expect, it } from "vitest";
import { demanding, ending, failuresOf, isGood, lineOf, type Part, sumLine } from "../../tools/tests/report.ts";
import { readJunit, readVitest } from "../../tools/tests/runners.ts";

const none = { passed: 0, failed: [], skipped: [] };
const why = "no browser", remedy = "apt-get install chromium";
const good: Part = { name: "Node", seconds: 61.4, passed: 7, failed: [], skipped: [] };
const skipping: Part = { ...good, name: "GPU", passed: 2, skipped: [{ name: "a", why, remedy }, { name: "b", why }] };
const bad: Part = { ...good, name: "Bun", passed: 1, failed: [{ name: "a.test.ts: adds", message: "1\nnot 2\n" }] };

describe("a report", () => {
  it("has a line a part, and the sum last", () => {
    expect(lineOf(good)).toMatch(/^ok +Node +61 s +7 passed$/);
    expect(lineOf(skipping)).toMatch(/2 passed, 2 skipped$/);
    expect(lineOf(bad)).toMatch(/^FAILED +Bun .*1 passed, 1 failed$/);
    expect(sumLine([good, skipping, bad])).toBe("10 passed, 1 failed, 2 skipped");
    expect(ending([good, skipping, bad], ["more"]).split("\n").at(-1)).toBe("10 passed, 1 failed, 2 skipped");
    expect(sumLine([])).toBe("0 passed, 0 failed, 0 skipped");
  });

  it("says failures in full, and why tests were skipped and how to have them, a reason once", () => {
    expect(failuresOf(bad)).toEqual(["\nBun: a.test.ts: adds", "  1\n  not 2"]);
    const twice = { ...skipping, skipped: [...skipping.skipped, { name: "c", why, remedy }] };
    expect(ending([twice])).toContain(`  ${why}: ${remedy}\n    GPU: a\n    GPU: c\n  ${why}\n    GPU: b\n`);
    expect(ending([good])).not.toContain("skipped:");
  });

  it("is good where something passed and nothing failed; what must not skip fails by it", () => {
    expect([isGood([good, skipping]), isGood([good, bad]), isGood([none]), isGood([])]).toEqual([
      true,
      false,
      false,
      false,
    ]);
    expect(demanding(skipping)).toEqual({
      passed: 2,
      failed: [{ name: "a", message: `${why}; ${remedy}` }, { name: "b", message: why }],
      skipped: [],
    });
  });
});

describe("what runners write", () => {
  it("is read from vitest, with files that do not load", () => {
    const test = (fullName: string, status: string, failureMessages: string[] = []) => ({
      fullName,
      status,
      failureMessages,
    });
    const file = (name: string, status: string, assertionResults: object[], message = "") => ({
      name: `/root/${name}`,
      status,
      message,
      assertionResults,
    });
    const json = JSON.stringify({
      testResults: [
        file("a.test.ts", "failed", [
          test("a", "passed"),
          test("b", "failed", ["why\n    at /root/a.test.ts:1:2\n    at file:///root/node_modules/x.js:1:2"]),
          test("c", "skipped"),
        ]),
        file("b.test.ts", "failed", [], "no module"),
        file("c.test.ts", "failed", [test("a", "passed")], "an error after it"),
      ],
    });
    expect(readVitest(json, "/root").map(({ file, name, state, message }) => [file, name, state, message])).toEqual([
      ["a.test.ts", "a", "passed", ""],
      ["a.test.ts", "b", "failed", "why\n    at /root/a.test.ts:1:2"],
      ["a.test.ts", "c", "skipped", ""],
      ["b.test.ts", "the file", "failed", "no module"],
      ["c.test.ts", "a", "passed", ""],
      ["c.test.ts", "the file", "failed", "an error after it"],
    ]);
  });

  it("is read from Bun, names and messages unescaped", () => {
    const xml = `<testsuites><testsuite name="a" file="a.test.ts">
      <testcase name="x &amp; &lt;y&gt;" classname="&quot;q&quot;" time="0.1" file="a.test.ts" line="2" assertions="1">
        <failure type="Error" message="boom&#10;2">Error: boom&#10;2 &gt; 1</failure>
      </testcase>
      <testcase name="ok > 1" classname="" file="a.test.ts" />
      <testcase name="later" classname="s" file="b.test.ts">
        <skipped />
      </testcase>
    </testsuite></testsuites>`;
    expect(readJunit(xml)).toEqual([
      { file: "a.test.ts", name: '"q" x & <y>', state: "failed", message: "Error: boom\n2 > 1" },
      { file: "a.test.ts", name: "ok > 1", state: "passed", message: "" },
      { file: "b.test.ts", name: "s later", state: "skipped", message: "" },
    ]);
  });
});

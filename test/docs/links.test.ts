// Links between pages lead somewhere.

import { existsSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { filesIn } from "../../tools/doc_pages.ts";
import { deadLinks, showDeadLink } from "../../tools/links.ts";

it("every relative link of the repository's pages leads to a file and a heading", () => {
  const pages = new Map(filesIn(".", ".md").map((path) => [path, readFileSync(path, "utf8")]));
  expect(pages.size).toBeGreaterThan(15);
  expect(deadLinks(pages, existsSync).map(showDeadLink)).toEqual([]);
});

it("every file that CONTRIBUTING.md names is there", () => {
  const named = readFileSync("CONTRIBUTING.md", "utf8").matchAll(/`((?:src|test|tools|examples)\/[\w/.]+\.ts)`/g);
  const files = Array.from(named, ([, file]) => file as string);
  expect(files.length).toBeGreaterThan(40);
  expect(files.filter((file) => !existsSync(file))).toEqual([]);
});

it("deadLinks() finds links to no file, to no heading and out of the root, and no others", () => {
  const pages = new Map([
    [
      "README.md",
      "[a](docs/a.md#one-two) [b](docs/b.md)\n[c](#none)\n```sh\n[d](e)\n```\n[f](https://example.com) ![g](g.svg)\n",
    ],
    ["docs/a.md", "## One, two\n[up](../README.md) [out](../../x)\n"],
  ]);
  expect(deadLinks(pages, (path) => path === "g.svg").map(showDeadLink)).toEqual([
    "README.md:1: docs/b.md leads nowhere",
    "README.md:2: #none leads nowhere",
    "docs/a.md:2: ../../x leads nowhere",
  ]);
});

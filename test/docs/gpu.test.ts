// docs/gpu.md says what `npm run bench:gpu` wrote last, and what the table of options and the backend say of a device.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type Measured, tableOf } from "../../bench/gpu/table.ts";
import { replacePart } from "../../bench/support/markdown.ts";
import { DEVICE_ROWS } from "../../src/gpu/device/device.ts";
import { type OptionName, optionTable } from "../../src/step/options.ts";

const PAGE = readFileSync("docs/gpu.md", "utf8");
const { rows } = JSON.parse(readFileSync("bench/gpu/results.json", "utf8")) as { readonly rows: readonly Measured[] };

/** What the page calls an option in prose, where it does not name it. */
const WORDS: Readonly<Partial<Record<OptionName, string>>> = {
  labelSmoothing: "label smoothing",
  l2: "ℓ2",
  l2Biases: "ℓ2",
  system: "a matrix-free system",
};

describe("docs/gpu.md", () => {
  it("has the results that are there: npm run bench:gpu", () => {
    expect(rows.length).toBeGreaterThan(0);
    expect(PAGE).toBe(replacePart(PAGE, "results", tableOf(rows)));
  });

  it("names the options that a device lacks, and none that it has", () => {
    const [, lacking = ""] = /Options and\s+models\s+that it lacks — (.*?) — are\s+`Unsupported`/s.exec(PAGE) ?? [];
    expect(lacking).not.toBe("");
    const names = lacking.split(/\s+/).join(" ");
    for (const [name, { device }] of Object.entries(optionTable()) as [OptionName, { readonly device: string }][]) {
      // What the types leave out is nothing to be told of.
      if (device === "not offered") continue;
      expect([name, names.includes(WORDS[name] ?? `\`${name}\``)]).toEqual([name, device !== "yes"]);
    }
  });

  it("has the batch from which a Gram matrix stays on the device", () => {
    const size = DEVICE_ROWS.toLocaleString("en-US");
    expect(PAGE).toContain(`A step of up to ${size} examples`);
    expect(PAGE).toContain(`Beyond ${size} examples the Gram matrix stays`);
  });
});

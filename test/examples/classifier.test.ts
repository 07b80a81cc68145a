// The example of a classifier prints what it should, in every runtime that runs the suite.

import { expect, it } from "vitest";

it("examples/classifier.ts trains, measures, saves, loads, predicts and learns a class", async () => {
  const lines: unknown[][] = [], { log } = console;
  console.log = (...values: readonly unknown[]) => void lines.push([...values]);
  try {
    await import("../../examples/classifier.ts");
  } finally {
    console.log = log;
  }
  const [billing, bug, praise, top, learnt] = lines;
  for (const [line, name] of [[billing, "billing"], [bug, "bug"], [praise, "praise"]] as const) {
    expect(line?.[0]).toBe(name);
    expect(Number(line?.[1])).toBeGreaterThan(0.8);
    expect(Number(line?.[2])).toBeGreaterThan(0.8);
  }
  expect((top?.[0] as { label: string }[]).map(({ label }) => label)).toEqual(["bug", "billing", "praise"]);
  expect(learnt).toEqual(["delivery"]);
});

// The memory of a process over chained steps, pure and donated: a short run of bench/soak/main.ts, which fails by itself where
// a reading grows beyond its margin. An array kept each step would take 2,600 MB.

import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";

describe("chained steps", () => {
  it("leave the memory of the process where it is", () => {
    const args = ["--expose-gc", "tools/run.mjs", "bench/soak/main.ts", "300", "1200"];
    const { status, stdout, stderr } = spawnSync("node", args, { encoding: "utf8" });
    expect(`${stderr}${status}`).toBe("0");
    expect(stdout.match(/1200 steps/g)).toHaveLength(2);
  }, 120_000);
});

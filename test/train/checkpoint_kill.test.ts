// A process that is killed at any moment and started again ends with the bytes of a run that was left alone.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, describe, expect, it } from "vitest";
import { EVERY, longRun, STEPS } from "../support/long_run.ts";
import { uniform } from "../support/reference.ts";
import { collect, digest, doneOf } from "../support/training.ts";

const root = await mkdtemp(join(tmpdir(), "fgn-train-"));
afterAll(() => rm(root, { recursive: true, force: true }));

/** A life of the program: what it said, and by what it ended. */
interface Life {
  readonly lines: readonly string[];
  readonly signal: string | null;
}

/** When to kill: so many milliseconds after the start, or after so many lines. */
interface Kill {
  readonly lines: number;
  readonly wait: number;
}

/** Runs the program until it ends or is killed. */
async function live(program: string, path: string, kill: Kill | null): Promise<Life> {
  const child = spawn("node", [program, path], { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  const linesOf = (): string[] => text.split("\n").slice(0, -1);
  const closed = once(child, "close");
  const heard = new Promise<void>((done) => {
    if (kill?.lines === 0) done();
    child.stdout.on("data", (chunk: Uint8Array) => {
      text += new TextDecoder().decode(chunk);
      if (kill !== null && linesOf().length >= kill.lines) done();
    });
  });
  if (kill !== null) {
    await Promise.race([heard, closed]);
    await new Promise((done) => setTimeout(done, kill.wait));
    child.kill("SIGKILL");
  }
  const [, signal] = await closed;
  return { lines: linesOf(), signal };
}

const stepsOf = ({ lines }: Life): number[] =>
  lines.filter((line) => line.startsWith("step ")).map((line) => Number(line.slice(5)));

describe("a process that is killed", () => {
  it("loses no more steps than lie between checkpoints, and ends as if it was never", async () => {
    const program = join(root, "trainer.mjs"), path = join(root, "run", "latest.safetensors");
    const format = { bundle: true, platform: "node", format: "esm", logLevel: "error" } as const;
    await build({ entryPoints: ["test/train/trainer.ts"], outfile: program, ...format });
    let last = 0, kills = 0;
    const follow = (life: Life): void => {
      const steps = stepsOf(life);
      steps.forEach((step, i) => i > 0 && expect(step).toBe((steps[i - 1] as number) + 1));
      // Step s + 1 is the first one after a checkpoint of step s: last − s steps are done again.
      if (steps[0] !== undefined) expect(last - (steps[0] - 1)).toBeLessThanOrEqual(EVERY);
      last = steps.at(-1) ?? last;
    };
    for (const [i, draw] of uniform(12, 1).entries()) {
      // Every third life may end before it has loaded anything.
      const early = i % 3 === 2, share = (draw + 1) / 2;
      const kill = early ? { lines: 0, wait: 200 * share } : { lines: 1 + Math.floor(25 * share), wait: 7 * share };
      const life = await live(program, path, kill);
      if (life.signal === "SIGKILL") kills++;
      follow(life);
    }
    expect(kills).toBeGreaterThanOrEqual(10);
    expect(last).toBeGreaterThan(EVERY);
    const end = await live(program, path, null);
    follow(end);
    expect([last, end.signal]).toEqual([STEPS, null]);
    const whole = doneOf(await collect(longRun()));
    expect(whole).toMatchObject({ steps: STEPS, stopped: "finished" });
    expect(end.lines.at(-1)).toBe(`done ${digest(whole.params)}`);
    // Once more: done at once.
    expect((await live(program, path, null)).lines).toEqual([`done ${digest(whole.params)}`]);
  }, 60_000);
});

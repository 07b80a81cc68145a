// Steps that take long: training hears its signal and its time within one, other tasks have their turn, and what they do on
// the same kernel changes no byte.

import { describe, expect, it } from "vitest";
import {
  type Batch,
  evaluate,
  fgn,
  fit,
  getOrThrow,
  type Network,
  type Optimizer,
  parameters,
  robust,
  zeroHead,
} from "../../mod.ts";
import type { Pieces } from "../../src/kernel/pieces.ts";
import { runWithRests } from "../../src/train/rests.ts";
import { kernel } from "../support/kernel_memory.ts";
import { problem } from "../support/reference.ts";

/** Keeps the processor for so many milliseconds. */
function work(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

function* pieces(count: number, milliseconds: number): Pieces<number> {
  for (let i = 0; i < count; i++) {
    work(milliseconds);
    yield;
  }
  return count;
}

describe("runWithRests()", () => {
  it("rests about every 50 milliseconds, and gives what the pieces give", async () => {
    const rests: number[] = [];
    const value = await runWithRests(() => pieces(40, 5), kernel(), (milliseconds) => {
      rests.push(milliseconds);
      return Promise.resolve(true);
    });
    expect(value).toBe(40);
    expect(rests.length).toBeGreaterThan(1);
    expect(rests.every((at, i) => at - (rests[i - 1] ?? 0) >= 50)).toBe(true);
  });

  it("ends where a rest says so", async () => {
    let begun = 0;
    const value = await runWithRests(
      () => {
        begun++;
        return pieces(1000, 60);
      },
      kernel(),
      () => Promise.resolve(false),
    );
    expect([value, begun]).toEqual([undefined, 1]);
  });

  it("begins anew, once, where memory was laid out in a rest", async () => {
    let begun = 0, rests = 0;
    const start = (): Pieces<number> => {
      begun++;
      return pieces(4, 60);
    };
    const value = await runWithRests(start, kernel(), () => {
      rests++;
      kernel().layouts++;
      return Promise.resolve(true);
    });
    expect([value, begun, rests]).toEqual([4, 2, 1]);
  });
});

/** Many examples, whose step takes longer than anybody wants to wait. */
function long(rows: number, features: number): { head: Network; data: Batch } {
  return {
    head: getOrThrow(zeroHead({ features, classes: 10 })),
    data: problem(rows, features, 10, { spread: 0.1 }).data,
  };
}

const OPTIMIZERS: readonly [string, () => Optimizer<Network, unknown>][] = [
  ["robust", () => robust<Network>() as unknown as Optimizer<Network, unknown>],
  [
    "fgn",
    () =>
      fgn<Network>({ damping: 1e-12, tolerance: 1e-15, maxIterations: 10_000 }) as unknown as Optimizer<
        Network,
        unknown
      >,
  ],
];

describe("a step that takes long", () => {
  for (const [name, make] of OPTIMIZERS) {
    const { head, data } = long(4000, 500), batchSize = data.labels.length;

    it(`ends with a signal: ${name}`, async () => {
      const controller = new AbortController();
      let aborted = Infinity;
      setTimeout(() => {
        aborted = performance.now();
        controller.abort();
      }, 20);
      const options = { optimizer: make(), batchSize, epochs: 1000, signal: controller.signal };
      const trained = getOrThrow(await fit(head, data, options)());
      expect(performance.now() - aborted).toBeLessThan(1000);
      expect(trained.stopped).toBe("aborted");
      // What a step had not come to its end leaves no trace: without one the parameters are those given.
      if (trained.steps === 0) expect(parameters(trained.params)).toEqual(parameters(head));
    });

    it(`ends with its time: ${name}`, async () => {
      const began = performance.now();
      const trained = getOrThrow(
        await fit(head, data, { optimizer: make(), batchSize, epochs: 1000, maxSeconds: 0.1 })(),
      );
      expect(performance.now() - began).toBeLessThan(1600); // half a second for the first step, and one to hear it
      expect(trained.stopped).toBe("maxSeconds");
    });
  }

  it("gives the same bytes whatever else the kernel is used for meanwhile", async () => {
    const { head, data } = long(3000, 300), small = long(5, 300);
    const train = async (): Promise<Float32Array> => {
      const trained = getOrThrow(await fit(head, data, { batchSize: 3000, epochs: 2 })());
      expect(trained.steps).toBe(2);
      return parameters(trained.params);
    };
    const alone = await train(), timer = setInterval(() => evaluate(small.head, small.data), 1);
    const disturbed = await train();
    clearInterval(timer);
    expect(disturbed).toEqual(alone);
  });
});

// Preparing a kernel: no effect on results, the memory of what is to come, the shapes that it runs, and bad input.

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  type Batch,
  customModel,
  dense,
  embedding,
  fgnStep,
  fromRows,
  gelu,
  getOrThrow,
  initialise,
  type Kernel,
  layerNorm,
  logits,
  type Network,
  prepareKernel,
  type PrepareOptions,
  releaseKernel,
  zeroHead,
} from "../../mod.ts";
import { defaultKernel, instantiate, type LoadedKernel } from "../../src/kernel/kernel.ts";
import { simd } from "../../src/kernel/simd.generated.ts";
import { flat, left, problem } from "../support/reference.ts";

const layers = [dense(21), layerNorm(), gelu(), dense(5)];
const mlp = getOrThrow(initialise({ inputs: 13, layers, seed: 3 }));
const table = getOrThrow(initialise({ inputs: 9, layers: [embedding(6), layerNorm(), dense(4)], seed: 3 }));
const words = getOrThrow(fromRows(9, Array.from({ length: 20 }, (_, i) => [[i % 9, 1], [(i * 5 + 1) % 9, -0.5]])));
const labels = Uint32Array.from({ length: 20 }, (_, i) => i % 4);

const kernel = (): LoadedKernel => getOrThrow(defaultKernel());
const bytes = ({ exports: { memory } }: LoadedKernel): number => memory.buffer.byteLength;

/** Rows of the batches that prepareKernel() takes its steps with. */
function sizes(model: Network, rows: number, options: PrepareOptions = {}): number[] {
  const seen: number[] = [];
  const step = (_: Network, { features, labels: y }: Batch) => {
    seen.push(features.rows);
    expect(features.data.slice(-model.inputs).every((value) => value === 0)).toBe(false);
    expect([features.cols, y.length]).toEqual([model.inputs, features.rows]);
    return logits(model, features);
  };
  expect(getOrThrow(prepareKernel(model, rows, { run: step, ...options })).steps).toBe(seen.length);
  return seen;
}

const wasm = WebAssembly;

beforeEach(releaseKernel);
afterEach(() => {
  vi.restoreAllMocks();
  Object.assign(globalThis, { WebAssembly: wasm });
  releaseKernel();
});

describe("prepareKernel()", () => {
  it.each<[string, Network, Batch]>([
    ["a head", ...Object.values(problem(37, 29, 21)) as [Network, Batch]],
    ["a network", mlp, problem(18, 13, 5).data],
    ["sparse features", table, { features: words, labels, targets: null, weights: null }],
  ])("has no effect on the steps after it: %s", (_, model, data) => {
    const before = structuredClone(model), cold = getOrThrow(fgnStep(model, data));
    releaseKernel();
    getOrThrow(prepareKernel(model, data.features.rows, { milliseconds: 5 }));
    const warm = getOrThrow(fgnStep(model, data));
    expect([flat(warm.params), warm.report]).toEqual([flat(cold.params), cold.report]);
    expect(model).toEqual(before);
  });

  it("grows the memory to what is to come, and of each new kernel again", () => {
    const { head, data } = problem(128, 384, 100), fresh = bytes(kernel());
    for (let i = 0; i < 2; i++) {
      releaseKernel();
      getOrThrow(prepareKernel(head, 128, { milliseconds: 0 }));
      const warm = bytes(kernel());
      getOrThrow(fgnStep(head, data));
      expect([bytes(kernel()), warm > fresh]).toEqual([warm, true]);
    }
  });

  it("runs on the kernel that it is given", () => {
    const other = getOrThrow(instantiate(simd)),
      fresh = bytes(other),
      head = getOrThrow(zeroHead({ features: 384, classes: 100 }));
    getOrThrow(prepareKernel(head, 128, { milliseconds: 0, kernel: other }));
    expect([bytes(other) > fresh, bytes(kernel())]).toEqual([true, fresh]);
  });

  it("alternates between the full size and few rows with the same edges", () => {
    vi.spyOn(performance, "now").mockReturnValue(0);
    const head = getOrThrow(zeroHead({ features: 3, classes: 2 })),
      few = (rows: number) => Array(8).fill(rows) as number[];
    expect(sizes(head, 128).slice(0, 11)).toEqual([128, ...few(16), 128, 16]);
    expect(sizes(head, 364).slice(0, 10)).toEqual([364, ...few(28), 364]);
    for (const rows of [7, 31]) expect(sizes(head, rows).slice(0, 10)).toEqual([rows, ...few(rows), rows]);
    expect(sizes(table, 50).slice(0, 10)).toEqual([50, ...few(18), 50]);
  });

  it("ends by the clock, by steps where that stands still, after one if it must be quick", () => {
    const head = getOrThrow(zeroHead({ features: 3, classes: 2 })), now = vi.spyOn(performance, "now");
    now.mockReturnValue(0);
    expect(sizes(head, 2, { milliseconds: 1e9 })).toHaveLength(200);
    expect(sizes(head, 2)).toHaveLength(100);
    expect(sizes(head, 2, { milliseconds: 2.5 })).toHaveLength(5);
    expect(sizes(head, 2, { milliseconds: 0 })).toHaveLength(1);
    let clock = 0;
    now.mockImplementation(() => clock++);
    expect(getOrThrow(prepareKernel(head, 2, { milliseconds: 7 }))).toEqual({ milliseconds: 8, steps: 7 });
  });
});

describe("prepareKernel() gives an error for", () => {
  const head = getOrThrow(zeroHead({ features: 3, classes: 2 }));
  const tag = (model: unknown, rows: number, options?: unknown): string =>
    left(prepareKernel(model as Network, rows, options as PrepareOptions))._tag;

  it("models", () => {
    const f = () => [0, 0];
    const own = getOrThrow(customModel({ parameters: [1], classes: 2, forward: f, jvp: f, vjp: f }));
    for (const wrong of [own, zeroHead({ features: 3, classes: 2 }), null, 7]) expect(tag(wrong, 8)).toBe("WrongKind");
    for (const run of [logits, () => zeroHead({ features: 3, classes: 2 })]) {
      expect(tag({ ...head, inputs: 4 }, 8, { run })).toBe("InvalidLayer");
    }
  });

  it("sizes", () => {
    for (const wrong of [0, -1, 1.5, NaN, "8"]) expect(tag(head, wrong as number)).toBe("InvalidSize");
    expect(tag(head, 2 ** 40)).toBe("OutOfMemory");
    expect(tag(table, 2 ** 40)).toBe("OutOfMemory");
  });

  it("options", () => {
    for (const milliseconds of [-1, NaN, Infinity, "soon"]) {
      expect(tag(head, 8, { milliseconds })).toBe("InvalidOption");
    }
    expect(tag(head, 8, { kernel: {} as Kernel })).toBe("InvalidOption");
    expect(tag(head, 8, null)).toBe("WrongKind");
  });

  it("steps, which say themselves what is wrong", () => {
    const fails = () => {
      throw new Error("no");
    };
    for (const run of [7, fails, () => undefined]) expect(tag(head, 8, { run })).toBe("InvalidOption");
    expect(tag(head, 8, { run: () => zeroHead({ features: 0, classes: 2 }) })).toBe("InvalidSize");
  });

  it("a runtime without WebAssembly", () => {
    Object.assign(globalThis, { WebAssembly: undefined });
    expect(tag(head, 8)).toBe("UnsupportedRuntime");
  });
});

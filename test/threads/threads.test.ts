// Several threads: the bytes of one for every product, nothing left behind, and what is said where there are none.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { Worker } from "node:worker_threads";
import { build } from "esbuild";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import {
  dense,
  fgnStep,
  fit,
  gelu,
  getOrThrow,
  initialise,
  type Kernel,
  layerNorm,
  lossAndGradient,
  memoryStore,
  type Network,
  prepareKernel,
  relative,
  relu,
  robust,
  type StepOptions,
} from "../../mod.ts";
import { defaultKernel, type LoadedKernel } from "../../src/kernel/kernel.ts";
import { type ThreadedKernel, threadedKernel } from "../../src/threads/threads.ts";
import { flat, left, problem } from "../support/reference.ts";

/** A short text for many numbers: where they differ, lists of them would be compared for minutes. */
const hash = (model: Network): string => createHash("sha256").update(Float32Array.from(flat(model))).digest("hex");

const layers = [dense(160), relu(), layerNorm(), dense(130), gelu(), dense(90)];
const network = (inputs: number): Network => getOrThrow(initialise({ inputs, layers, seed: 5 }));

describe.each([2, 3, 5])("a kernel of %i threads", (threads) => {
  let kernel: ThreadedKernel;
  beforeAll(async () => {
    kernel = getOrThrow(await threadedKernel({ threads })());
  });
  afterAll(() => kernel.close());
  afterEach(() => vi.restoreAllMocks());

  /** Both steps, and how many tasks workers were given. */
  function both(model: Network, data: ReturnType<typeof problem>["data"], options: StepOptions = {}) {
    const one = getOrThrow(fgnStep(model, data, undefined, options));
    const told = vi.spyOn(Atomics, "notify");
    const several = getOrThrow(fgnStep(model, data, undefined, { ...options, kernel }));
    return { one, several, given: told.mock.calls.length };
  }

  it("is prepared, and gives its workers their share of it", () => {
    const { head, data } = problem(128, 384, 200), told = vi.spyOn(Atomics, "notify");
    expect(getOrThrow(prepareKernel(head, 128, { milliseconds: 5, kernel })).steps).toBeGreaterThan(0);
    expect(told.mock.calls.length).toBeGreaterThan(0);
    vi.restoreAllMocks();
    const { one, several } = both(head, data);
    expect(hash(several.params)).toBe(hash(one.params));
  });

  it("says how many it has", () => expect(kernel).toMatchObject({ threads, name: "simd128" }));

  it.each<[string, number, number, number, StepOptions]>([
    ["whole panels", 64, 256, 512, {}],
    ["ragged shapes", 61, 301, 203, {}],
    ["more rows than Cholesky takes", 300, 67, 131, {}],
    ["few classes", 128, 784, 10, {}],
    ["competitors, majorised and centred", 64, 200, 300, { curvature: "majorized", metric: "centred" }],
    ["the full method", 64, 200, 150, { refine: 3 }],
  ])("gives the bytes of one: %s", (_, B, D, C, options) => {
    const { head, data } = problem(B, D, C);
    const { one, several, given } = both(head, data, options);
    expect(given).toBeGreaterThan(0);
    expect(several).toEqual(one);
  });

  it("gives the bytes of one for many classes, in place and in blocks", () => {
    const { head, data } = problem(64, 200, 3000), told = vi.spyOn(Atomics, "notify");
    for (const limit of [Infinity, 0]) {
      const classes = { apart: 0, whole: limit, block: 512 };
      const step = (given: Kernel) =>
        getOrThrow(fgnStep(head, data, relative(1), { kernel: Object.assign({}, given, { classes }) }));
      const one = step(getOrThrow(defaultKernel()));
      told.mockClear();
      const several = step(kernel);
      expect(several.report).toEqual(one.report);
      expect([...several.dual]).toEqual([...one.dual]);
      expect(hash(several.params)).toBe(hash(one.params));
      expect(told.mock.calls.length).toBeGreaterThan(20);
    }
  });

  it("gives the bytes of one for networks, forth and back, explicit and matrix-free", () => {
    const { data } = problem(120, 150, 90), model = network(150);
    for (const system of ["gram", "matrixFree"] as const) {
      for (let again = 0; again < 20; again++) {
        const { one, several, given } = both(model, data, { system });
        expect(given).toBeGreaterThan(0);
        expect([...several.dual]).toEqual([...one.dual]);
        expect(hash(several.params)).toBe(hash(one.params));
      }
    }
    expect(getOrThrow(lossAndGradient(model, data, { kernel }))).toEqual(getOrThrow(lossAndGradient(model, data)));
  });

  it("leaves small problems to the calling thread", () => {
    const { head, data } = problem(16, 20, 5);
    expect(both(head, data).given).toBe(0);
  });

  it("trains as one does, and goes on from a checkpoint of one", async () => {
    const { data } = problem(200, 150, 90), model = network(150);
    const run = { optimizer: robust<Network>(), batchSize: 100, seed: 2 }, checkpoint = { store: memoryStore() };
    const whole = getOrThrow(await fit(model, data, { ...run, epochs: 3 })());
    getOrThrow(await fit(model, data, { ...run, epochs: 1, checkpoint })());
    const resumed = getOrThrow(await fit(model, data, { ...run, epochs: 3, checkpoint, kernel })());
    expect(hash(resumed.params)).toBe(hash(whole.params));
    expect(resumed.history).toHaveLength(2);
  });
});

describe("close()", () => {
  it("may come twice; the kernel goes on with the calling thread alone", async () => {
    const kernel = getOrThrow(await threadedKernel({ threads: 3 })()), { head, data } = problem(64, 256, 512);
    kernel.close();
    kernel.close();
    const told = vi.spyOn(Atomics, "notify");
    expect(getOrThrow(fgnStep(head, data, undefined, { kernel }))).toEqual(getOrThrow(fgnStep(head, data)));
    expect(told).not.toHaveBeenCalled();
    vi.restoreAllMocks();
  });

  it("leaves the memory that workers had when a larger problem comes", async () => {
    const kernel = getOrThrow(await threadedKernel({ threads: 3 })()),
      sizes = [[64, 256, 512], [200, 700, 300], [8, 9, 4]];
    const problems = sizes.map(([B = 0, D = 0, C = 0]) => problem(B, D, C));
    const alone = problems.map(({ head, data }) => getOrThrow(fgnStep(head, data)));
    const step = (i: number) => {
      const { head, data } = problems[i] as ReturnType<typeof problem>,
        { params, ...rest } = alone[i] as typeof alone[0];
      const made = getOrThrow(fgnStep(head, data, undefined, { kernel }));
      expect(made).toMatchObject({ report: rest.report, dual: rest.dual });
      expect(hash(made.params)).toBe(hash(params));
    };
    step(0);
    kernel.close();
    const loaded = kernel as unknown as LoadedKernel, memory = loaded.exports.memory, bytes = memory.buffer.byteLength;
    step(0);
    expect(loaded.exports.memory).toBe(memory);
    step(1);
    expect(loaded.exports.memory.buffer.byteLength).toBeGreaterThan(bytes);
    expect(memory.buffer.byteLength).toBe(bytes);
    step(2);
    step(0);
  });

  it("takes along what that memory held", async () => {
    const kernel = getOrThrow(await threadedKernel({ threads: 3 })()), { head, data } = problem(64, 256, 512);
    const { exports } = kernel as unknown as LoadedKernel;
    getOrThrow(fgnStep(head, data, undefined, { kernel }));
    kernel.close();
    const held = new Uint8Array(exports.memory.buffer), pages = held.length / 65_536, old = exports.memory;
    expect(old.grow(3)).toBe(pages);
    expect([old.buffer.byteLength, exports.memory.buffer.byteLength]).toEqual([held.length, held.length + 3 * 65_536]);
    const digest = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
    expect(digest(new Uint8Array(exports.memory.buffer, 0, held.length))).toBe(digest(held));
    expect(exports.memory.grow(1)).toBe(pages + 3);
  });

  it("lets a program end, and leaves no worker behind", async () => {
    const folder = mkdtempSync(join(tmpdir(), "fgn-threads-"));
    try {
      const file = join(folder, "program.mjs");
      await build({
        stdin: {
          contents: `import { batch, fgnStep, matrix, zeroHead } from "./mod.ts";
            import { threadedKernel } from "./src/threads/threads.ts";
            import { readdirSync } from "node:fs";
            const tasks = () => readdirSync("/proc/self/task").length;
            let before = 0;
            for (let i = 0; i < 20; i++) {
              const made = await threadedKernel({ threads: 3 })();
              if (made._tag === "Left") throw new Error(made.left.message);
              made.right.close();
              // Goes on alone, with more memory, while the workers end.
              const features = matrix(64, 1000, new Float32Array(64_000)).right;
              const data = batch({ features, labels: new Array(64).fill(i) }).right;
              await new Promise((later) => setTimeout(later, i % 5));
              const head = zeroHead({ features: 1000, classes: 300 }).right;
              if (fgnStep(head, data, 0.1, { kernel: made.right })._tag === "Left") throw new Error("no step");
              if (i === 4) before = tasks();
            }
            await new Promise((later) => setTimeout(later, 300));
            console.log(tasks() - before);`,
          resolveDir: process.cwd(),
        },
        bundle: true,
        format: "esm",
        platform: "node",
        outfile: file,
      });
      const command = "Deno" in globalThis ? [process.execPath, "run", "-A", file] : [process.execPath, file];
      const said = execFileSync(command[0] as string, command.slice(1), { encoding: "utf8", timeout: 30_000 });
      expect(Number(said)).toBeLessThanOrEqual(4);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

/** Starts threads where globals are others: undefined ones are not there. */
async function startWith(globals: Readonly<Record<string, unknown>>, threads?: number) {
  const before = Object.keys(globals).map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)] as const);
  for (const [name, value] of Object.entries(globals)) {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
  try {
    return await threadedKernel(threads === undefined ? {} : { threads })();
  } finally {
    for (const [name, descriptor] of before) {
      if (descriptor === undefined) delete (globalThis as Record<string, unknown>)[name];
      else Object.defineProperty(globalThis, name, descriptor);
    }
  }
}

/** A web worker that a page's policy does not allow. */
class Blocked {
  onerror: ((event: { message: string }) => void) | undefined;
  postMessage(): void {
    setTimeout(() => this.onerror?.({ message: "blocked by a policy" }));
  }
  terminate(): void {}
}

describe("threadedKernel()", () => {
  it.each([1, 0, -2, 2.5, 65, NaN])("refuses %s threads", async (threads) => {
    expect(left(await threadedKernel({ threads })())).toMatchObject({ _tag: "InvalidOption", option: "threads" });
  });

  it("says what is missing where memory cannot be shared", async () => {
    const error = left(await startWith({ SharedArrayBuffer: undefined }));
    expect(error._tag).toBe("UnsupportedRuntime");
    expect(error.message).toContain("SharedArrayBuffer is missing");
    expect(error.remedy).toContain("Cross-Origin-Opener-Policy: same-origin");
  });

  it("says what is missing where there are no workers", async () => {
    const error = left(await startWith({ Worker: undefined, process: undefined }));
    expect(error.message).toContain("workers are missing");
  });

  it("starts Node's workers where a library has made their class the global one", async () => {
    getOrThrow(await startWith({ Worker }, 2)).close();
  });

  it("says what a runtime has against its workers", async () => {
    expect(left(await startWith({ Worker: Blocked }, 4))).toMatchObject({
      _tag: "UnsupportedRuntime",
      cause: "blocked by a policy",
    });
  });
});

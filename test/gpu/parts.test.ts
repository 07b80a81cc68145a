// Parts that need no device: blocks of rows, size classes, networks apart from their numbers.

import { describe, expect, it } from "vitest";
import { watch } from "../../src/gpu/device/device_loss.ts";
import { failRefused } from "../../src/gpu/device/faults.ts";
import { pool, scope, sizeClass } from "../../src/gpu/device/pool.ts";
import { noTraffic } from "../../src/gpu/device/traffic.ts";
import { blocks, checkFits, type Limits } from "../../src/gpu/device/view.ts";
import { scaleDown, staysOnDevice } from "../../src/gpu/step/solve.ts";
import { mapArrays } from "../../src/network/arrays.ts";
import { allArrays } from "../../src/network/flat.ts";
import { solverOf } from "../../src/solver/solver.ts";
import { left } from "../support/reference.ts";
import { everyKind } from "./cases/steps.ts";

const limits: Limits = { binding: 4 * 64 * 10, buffer: 4 * 1000 * 10, groups: 65_535 };

describe("blocks()", () => {
  it("cuts rows so that a binding holds each block, at multiples of 64", () => {
    expect([...blocks(limits, 150, 10)]).toEqual([[0, 64], [64, 128], [128, 150]]);
    expect([...blocks(limits, 150, 5, 3)]).toEqual([[0, 128], [128, 150]]);
    expect([...blocks(limits, 64, 10)]).toEqual([[0, 64]]);
  });

  it("takes the whole where it is smaller than a tile that no binding holds", () => {
    expect([...blocks(limits, 3, 200)]).toEqual([[0, 3]]);
    expect(checkFits(limits, "it", 3, 200)._tag).toBe("Right");
  });

  it("stays below the workgroups of a dispatch", () => {
    expect([...blocks({ ...limits, groups: 128 }, 300, 1)]).toEqual([[0, 128], [128, 256], [256, 300]]);
  });
});

describe("scaleDown()", () => {
  it("brings vectors of any size about 1 over the root of the largest entry of K, and keeps their ratios", () => {
    for (const [size, largest] of [[1e-200, 1e-30], [1, 1], [1e200, 1e36]] as const) {
      const { scaled, unit } = scaleDown(Float64Array.of(size, -4 * size, 0), largest);
      expect(Math.abs(scaled[1] as number) * Math.sqrt(largest)).toBeCloseTo(1, 6);
      expect((scaled[0] as number) * unit / size).toBeCloseTo(1, 6);
    }
  });

  it("has a unit that is neither above 0 nor finite where there is no product to make", () => {
    expect(scaleDown(Float64Array.of(0, 0), 1).unit).toBe(0);
    expect(scaleDown(Float64Array.of(1, 0), 0).unit).toBe(0);
    expect(scaleDown(Float64Array.of(1, NaN), 1).unit).toBeNaN();
  });
});

it("staysOnDevice() is for conjugate gradient beyond so many rows", () => {
  const stays = (solver: "auto" | "cg" | "cholesky", rows: number, most: number): boolean =>
    staysOnDevice(solverOf({ solver }), rows, most);
  expect([stays("cg", 5, 5), stays("cg", 6, 5), stays("auto", 256, 5), stays("auto", 257, 5)]).toEqual(
    [false, true, false, true],
  );
  expect(stays("cholesky", 5000, 5)).toBe(false);
});

it("checkFits() says what does not fit, with its size", () => {
  expect(left(checkFits(limits, "it", 64, 11))).toMatchObject({ _tag: "OutOfMemory", bytes: 4 * 64 * 11 });
  expect(left(checkFits(limits, "it", 1001, 10))).toMatchObject({ _tag: "OutOfMemory", bytes: 4 * 1001 * 10 });
});

it("sizeClass() rounds up by at most an eighth, within the limit", () => {
  for (let bytes = 1; bytes < 1e7; bytes = Math.ceil(bytes * 1.1)) {
    const size = sizeClass(bytes, 2 ** 40);
    expect(size).toBeGreaterThanOrEqual(bytes);
    expect(size).toBeLessThanOrEqual(Math.max(bytes + 256, bytes * 1.126));
  }
  expect(sizeClass(1000, 1000)).toBe(1000);
});

it("mapArrays() visits arrays in the order of allArrays, and puts others in their places", () => {
  const model = everyKind(), seen: Float32Array[] = [];
  const layers = mapArrays(model.layers, true, ({ data, rows, cols }) => {
    expect(data.length).toBe(rows * cols);
    seen.push(data);
    return new Float32Array();
  });
  const skeleton = { ...model, layers };
  expect(seen).toEqual(allArrays(model));
  expect(allArrays(skeleton).every(({ length }) => length === 0)).toBe(true);
  let at = 0;
  expect(mapArrays(layers, true, () => seen[at++] as Float32Array)).toEqual(model.layers);
});

describe("watch()", () => {
  /** A device that is lost after so many milliseconds. */
  const lostAfter = (ms: number): GPUDevice =>
    ({
      lost: new Promise((lost) => setTimeout(() => lost({ message: "gone", reason: "unknown" }), ms)),
    }) as unknown as GPUDevice;

  it("takes a refusal that comes just before the news of a loss for the loss", async () => {
    const { guarded } = watch(lostAfter(20));
    expect(left(await guarded(() => Promise.resolve(failRefused("unmapped"))))._tag).toBe("DeviceLost");
  });

  it("answers what waits for a device that is lost, and what comes later", async () => {
    const { guarded } = watch(lostAfter(20)), never = () => new Promise<ReturnType<typeof failRefused>>(() => {});
    expect(left(await guarded(never))._tag).toBe("DeviceLost");
    expect(left(await guarded(never))._tag).toBe("DeviceLost");
  });

  it("takes a refusal without a loss for a refusal", async () => {
    const { guarded } = watch(lostAfter(10_000));
    expect(left(await guarded(() => Promise.resolve(failRefused("unmapped"))))._tag).toBe("DeviceFailure");
  });
});

describe("pool()", () => {
  /** A device that makes buffers which know whether they are destroyed. */
  function fake(): { device: GPUDevice; alive: () => number } {
    const made: { size: number; destroyed: boolean; destroy: () => void }[] = [];
    const createBuffer = ({ size }: GPUBufferDescriptor) => {
      const buffer = { size, destroyed: false, destroy: () => void (buffer.destroyed = true) };
      made.push(buffer);
      return buffer;
    };
    const device = { limits: { maxBufferSize: 2 ** 30 }, createBuffer } as unknown as GPUDevice;
    return { device, alive: () => made.filter(({ destroyed }) => !destroyed).length };
  }

  it("gives buffers of one size again, and destroys what is not asked for any more", () => {
    const { device, alive } = fake(), counts = noTraffic(), { acquire, release, sweep } = pool(device, 0, counts);
    const first = acquire(1000);
    release(first);
    expect(acquire(1001)).toBe(first);
    release(first);
    for (let n = 0; n < 100; n++) sweep();
    expect([alive(), counts.buffers, counts.bytes]).toEqual([0, 0, 0]);
  });

  it("uses no buffer again after it was renewed", () => {
    const { device, alive } = fake(), buffers = pool(device, 0, noTraffic());
    const held = scope(buffers), kept = buffers.acquire(10);
    held.keep(held.acquire(3000));
    held.acquire(2000);
    buffers.renew();
    held.close();
    buffers.release(kept);
    expect(alive()).toBe(1);
    buffers.destroy();
    expect(alive()).toBe(0);
  });
});

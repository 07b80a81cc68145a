// Files that were changed anywhere: whatever is accepted holds what its bytes say, a checkpoint what was saved; all else
// is an error of a known kind, at once, and nothing throws. FGN_FILES says how many, FGN_SEED which.

import { pipe } from "fp-ts/lib/function.js";
import { afterAll, describe, expect, it } from "vitest";
import {
  averaged,
  decodePlain,
  dense,
  fgn,
  type FgnErrorTag,
  freeze,
  fromJson,
  getOrThrow,
  initialise,
  layerNorm,
  mlp,
  type Model,
  momentum,
  type Optimizer,
  readCheckpoint,
  readSafetensors,
  relu,
  residual,
  robust,
  type Safetensors,
  type Tensor,
  toJson,
  withAdapters,
  writeSafetensors,
} from "../../mod.ts";
import { defaultKernel } from "../../src/kernel/kernel.ts";
import { identify, resumeRun, writeCheckpoint } from "../../src/train/checkpoint.ts";
import { noteEvaluation, type Run, startRun } from "../../src/train/run.ts";
import { dice, joinParts, mutateBytes, mutateFile, mutateTree, partsOf } from "../support/mutate.ts";
import { problem } from "../support/reference.ts";
import { same } from "../support/same.ts";

const SEED = Number(process.env.FGN_SEED ?? 1), FILES = Number(process.env.FGN_FILES ?? 100_000);

/** The most milliseconds that one file may take. */
const MOST = 1000;

type Result = { readonly _tag: "Left"; readonly left: { readonly _tag: FgnErrorTag; readonly message: string } } | {
  readonly _tag: "Right";
  readonly right: unknown;
};

const totals: Record<string, { files: number; accepted: number; slowest: number }> = {};
afterAll(() => {
  if (process.env.FGN_FILES !== undefined) console.log(JSON.stringify(totals));
});

/**
 * Reads that many mutated files, each with what says whether an accepted one is right. Errors are to have one of the tags.
 */
function attack(
  name: string,
  share: number,
  tags: readonly FgnErrorTag[],
  read: (index: number) => { readonly result: Result; readonly isRight: () => boolean },
): void {
  const count = Math.ceil(FILES * share), total = { files: count, accepted: 0, slowest: 0 };
  totals[name] = total;
  for (let index = 0; index < count; index++) {
    const begun = performance.now();
    let seen: ReturnType<typeof read> | undefined, thrown: unknown;
    try {
      seen = read(index);
    } catch (error) {
      thrown = error;
    }
    total.slowest = Math.max(total.slowest, performance.now() - begun);
    const where = `seed ${SEED}, file ${index}`;
    if (seen === undefined) throw new Error(`${where} threw`, { cause: thrown });
    const { result, isRight } = seen;
    if (result._tag === "Right") {
      total.accepted++;
      if (!isRight()) expect.fail(`${where} is accepted with other contents`);
    } else if (!tags.includes(result.left._tag) || !result.left.message) {
      expect.fail(`${where}: ${JSON.stringify(result.left)}`);
    }
  }
  expect(total.slowest).toBeLessThan(MOST);
}

interface Kept {
  readonly bytes: Uint8Array;
  readonly result: (bytes: Uint8Array) => Result;
  readonly resumed: (bytes: Uint8Array) => Result;
  readonly isRead: (value: unknown) => boolean;
  readonly isRun: (value: unknown) => boolean;
}

/** The checkpoint of a run that took three steps and was evaluated. */
function keep<M extends Model, S>(model: M, optimizer: Optimizer<M, S>): Kept {
  const { data } = problem(16, 4, 3), run: Run<M, S> = startRun(model, null, null, optimizer, 7);
  for (let step = 0; step < 3; step++) {
    const { params, state } = getOrThrow(optimizer.update(run.model, run.state, data));
    Object.assign(run, { model: params, state, step: step + 1, done: 16 * step });
  }
  noteEvaluation(run, run.model, { loss: 0.5, accuracy: 0.75, correct: 12, count: 16 } as never, "loss");
  const checked = {
    epochs: 1,
    batchSize: 16,
    seed: 7,
    reportEvery: 1,
    maxSeconds: 1,
    patience: 1,
    by: "loss",
    every: 1,
  };
  const kernel = getOrThrow(defaultKernel());
  const plan = { train: data, validation: null, optimizer, steering: null, options: {}, checked: checked as never };
  const identity = identify(model, plan, kernel);
  const bytes = getOrThrow(writeCheckpoint(run, identity));
  const wanted = getOrThrow(readCheckpoint(bytes, model, optimizer));
  return {
    bytes,
    result: (changed) => readCheckpoint(changed, model, optimizer),
    resumed: (changed) => resumeRun<M, S>(changed, model, identity),
    isRead: (value) => same(value, wanted),
    isRun: (value) => same(value, run),
  };
}

const network = getOrThrow(mlp({ inputs: 4, hidden: [3], classes: 3, seed: 1 }));

describe("mutated checkpoints", () => {
  const kept = [
    keep(network, robust()),
    keep(network, pipe(fgn(), momentum(0.5), averaged(0.9))),
    keep(getOrThrow(freeze(network, [0])), fgn()),
  ];

  it("as they are, are what was saved", () => {
    for (const { bytes, result, resumed, isRead, isRun } of kept) {
      expect([isRead(getOrThrow(result(bytes) as never)), isRun(getOrThrow(resumed(bytes) as never))]).toEqual([
        true,
        true,
      ]);
    }
  });

  it("are refused, or hold what was saved", () => {
    attack("checkpoints", 0.3, ["InvalidFile"], (index) => {
      const { bytes, result, isRead } = kept[index % kept.length] as Kept,
        seen = result(
          mutateFile(bytes, dice(SEED, index)).bytes,
        );
      return { result: seen, isRight: () => seen._tag === "Right" && isRead(seen.right) };
    });
  }, 3_600_000);

  it("are not gone on from, or from what was saved", () => {
    attack("resumed", 0.1, ["InvalidFile"], (index) => {
      const { bytes, resumed, isRun } = kept[index % kept.length] as Kept,
        seen = resumed(
          mutateFile(bytes, dice(SEED + 1, index)).bytes,
        );
      return { result: seen, isRight: () => seen._tag === "Right" && isRun(seen.right) };
    });
  }, 3_600_000);

  it("with any tensor of another kind, or any list for an object, are refused", () => {
    const kinds: Record<string, string[]> = {
      F32: ["I32", "U32"],
      F64: ["I64", "U64"],
      U32: ["F32", "I32"],
      I32: ["F32", "U32"],
    };
    let swaps = 0;
    for (const { bytes, result } of kept) {
      const { header, data } = partsOf(bytes), fields = JSON.parse(header);
      for (const name of Object.keys(fields)) {
        for (const dtype of kinds[fields[name].dtype] ?? []) {
          const other = JSON.stringify({ ...fields, [name]: { ...fields[name], dtype } });
          expect(result(joinParts({ header: other, data })), `${name}: ${dtype}`).toMatchObject({ _tag: "Left" });
          swaps++;
        }
      }
      const { value } = fields.__metadata__;
      for (let at = value.indexOf("["); at >= 0; at = value.indexOf("[", at + 1)) {
        let index = 0, depth = 0, end = at;
        for (; end === at || depth > 0; end++) {
          depth += "[{".includes(value[end]) ? 1 : "]}".includes(value[end]) ? -1 : 0;
        }
        const items = JSON.parse(value.slice(at, end)).map((item: unknown) => `"${index++}":${JSON.stringify(item)}`);
        const metadata = {
          ...fields.__metadata__,
          value: `${value.slice(0, at)}{${items.join(",")}}${value.slice(end)}`,
        };
        const other = JSON.stringify({ ...fields, __metadata__: metadata });
        expect(result(joinParts({ header: other, data })), items.join()).toMatchObject({ _tag: "Left" });
        swaps++;
      }
    }
    expect(swaps).toBeGreaterThan(40);
  });
});

/** Bits of a value by dtype, and whether it is read into an array of those bytes. */
const DTYPES: Record<string, readonly [bits: number, raw: string | null]> = {
  F64: [64, "Float64Array"],
  F32: [32, "Float32Array"],
  I64: [64, "BigInt64Array"],
  U64: [64, "BigUint64Array"],
  I32: [32, "Int32Array"],
  U32: [32, "Uint32Array"],
  I16: [16, "Int16Array"],
  U16: [16, "Uint16Array"],
  I8: [8, "Int8Array"],
  U8: [8, "Uint8Array"],
  BOOL: [8, "Uint8Array"],
  F16: [16, "widened"],
  BF16: [16, "widened"],
  C64: [64, null],
  F8_E4M3: [8, null],
  F8_E5M2: [8, null],
  F6_E2M3: [6, null],
  F4: [4, null],
};

/** The value of 16 bits, by the definition of the format. */
function sixteen(dtype: string, bits: number): number {
  const [digits, bias, most] = dtype === "F16" ? [10, 15, 31] : [7, 127, 255];
  const fraction = bits & (2 ** digits - 1), exponent = (bits >> digits) & most, sign = bits >> 15 ? -1 : 1;
  if (exponent === most) return fraction === 0 ? sign * Infinity : NaN;
  const leading = exponent === 0 ? fraction : 2 ** digits + fraction;
  return sign * leading * 2 ** (Math.max(exponent, 1) - bias - digits);
}

/** What a file's bytes say, read another way; throws where they say nothing. */
function agrees(bytes: Uint8Array, { tensors, metadata, skipped }: Required<Safetensors>): boolean {
  const { header, data } = partsOf(bytes), { __metadata__: texts = {}, ...entries } = JSON.parse(header);
  if (!same(Object.fromEntries(metadata), texts)) return false;
  const list = Object.entries<{ dtype: string; shape: number[]; data_offsets: [number, number] }>(entries);
  let covered = 0;
  for (const [name, { dtype, shape, data_offsets: [start, end] }] of list) {
    const [bits, raw] = DTYPES[dtype] as (typeof DTYPES)[string], part = data.slice(start, end);
    const count = shape.reduce((product, size) => product * size, 1);
    covered += end - start;
    if (start < 0 || end > data.length || part.length !== end - start || count * bits !== 8 * part.length) return false;
    const tensor = tensors.get(name) as Tensor;
    if (raw === null) {
      if (tensor !== undefined || !skipped.some((other) => other.name === name && other.dtype === dtype)) return false;
    } else if (!same(tensor.shape, shape)) return false;
    else if (raw === "widened") {
      const halves = new Uint16Array(part.buffer), { data: wide } = tensor;
      const isRight = wide instanceof Float32Array && wide.length === halves.length &&
        halves.every((half, i) => Object.is(sixteen(dtype, half), wide[i]));
      if (!isRight) return false;
    } else {
      const { data: values } = tensor, own = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
      if (Object.prototype.toString.call(values) !== `[object ${raw}]` || !same(own, part)) return false;
    }
  }
  return covered === data.length && list.length === tensors.size + skipped.length;
}

describe("mutated safetensors files", () => {
  const tensors = new Map<string, Tensor>([
    ["classifier.weight", { shape: [2, 3], data: Float32Array.of(1, -2, 0.5, 3e38, 1e-45, -0) }],
    ["mean", { shape: [3], data: Float64Array.of(0.1, -1e300, 5) }],
    ["ids", { shape: [2], data: BigInt64Array.of(-1n, 2n ** 62n) }],
    ["small", { shape: [1, 4], data: Int16Array.of(1, -2, 300, -32768) }],
    ["bytes", { shape: [5], data: Uint8Array.of(0, 1, 2, 254, 255) }],
    ["none", { shape: [0, 7], data: new Uint32Array(0) }],
    ["scale", { shape: [], data: Float32Array.of(7) }],
  ]);
  const written = getOrThrow(writeSafetensors({ tensors, metadata: new Map([["by", "a test"], ["é", "\u0000"]]) }));
  const { header, data } = partsOf(written), fields = JSON.parse(header);
  const foreign = joinParts({
    header: JSON.stringify({
      ...fields,
      small: { ...fields.small, dtype: "BF16" },
      bytes: { ...fields.bytes, dtype: "F8_E4M3" },
    }),
    data,
  });

  it("are refused, or give what their bytes say", () => {
    for (const bytes of [written, foreign]) expect(agrees(bytes, getOrThrow(readSafetensors(bytes)))).toBe(true);
    attack("safetensors", 0.35, ["InvalidFile"], (index) => {
      const { bytes, twice } = mutateFile(index % 2 === 0 ? written : foreign, dice(SEED + 2, index));
      const result = readSafetensors(bytes);
      return { result, isRight: () => result._tag === "Right" && !twice && agrees(bytes, result.right) };
    });
    expect(totals.safetensors?.accepted).toBeGreaterThan(FILES / 100);
  }, 3_600_000);

  it("of plain data are refused, or decoded without an exception", () => {
    const { bytes } = keep(network, robust());
    attack("plain", 0.05, ["InvalidFile"], (index) => ({
      result: decodePlain("fgn-checkpoint", 3, mutateFile(bytes, dice(SEED + 3, index)).bytes),
      isRight: () => true,
    }));
  }, 3_600_000);
});

/** Whether JSON of a network says what a value does: numbers of arrays as float32, and nothing but its own fields. */
function says(json: unknown, value: unknown, inArray: boolean): boolean {
  if (Array.isArray(json)) {
    return Array.isArray(value) && json.length === value.length &&
      json.every((item, i) => says(item, value[i], typeof item === "number"));
  }
  if (typeof json === "object" && json !== null) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
    return Object.entries(json).every(([name, inner]) => says(inner, (value as Record<string, unknown>)[name], false));
  }
  return typeof json === "number" && typeof value === "number"
    ? json === (inArray ? Math.fround(value) : value)
    : json === value;
}

describe("mutated networks as JSON", () => {
  const layers = [dense(4), layerNorm(), residual([dense(4, { bias: false }), relu()]), dense(3)];
  const networks = [
    network,
    getOrThrow(initialise({ inputs: 4, layers, seed: 2 })),
    getOrThrow(withAdapters(getOrThrow(freeze(network)), { rank: 2 })),
  ].map((model) => JSON.stringify(toJson(model)));
  const TAGS: readonly FgnErrorTag[] = [
    "InvalidOption",
    "InvalidLayer",
    "InvalidSize",
    "ShapeMismatch",
    "NotFinite",
    "OutOfMemory",
  ];

  it("are refused, or give the network that they say", () => {
    attack("networks", 0.2, TAGS, (index) => {
      const draws = dice(SEED + 4, index), text = networks[index % networks.length] as string;
      let value: unknown;
      if (draws.below(2) === 0) value = mutateTree(JSON.parse(text), draws);
      else {
        try {
          value = JSON.parse(new TextDecoder().decode(mutateBytes(new TextEncoder().encode(text), draws)));
        } catch {
          value = undefined;
        }
      }
      const result = fromJson(value);
      return { result, isRight: () => result._tag === "Right" && says(toJson(result.right), value, false) };
    });
    expect(totals.networks?.accepted).toBeGreaterThan(FILES / 200);
  }, 3_600_000);
});

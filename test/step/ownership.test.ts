// Who owns what: over random sequences of calls every array that a call ever gave is, at the end, as it was when given, or
// empty where it was donated; no result lies in the memory of another one or of the kernel. All exact.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  adapt,
  averaged,
  type Batch,
  type Damping,
  diagnose,
  evaluate,
  fgn,
  fgnStep,
  getOrThrow,
  ggnStep,
  levenbergMarquardt,
  logits,
  lossAndGradient,
  matrix,
  type Model,
  momentum,
  observe,
  online,
  type Optimizer,
  parameters,
  relative,
  robust,
  type StepOptions,
  train,
  weightDecay,
  withParameters,
} from "../../mod.ts";
import { defaultKernel } from "../../src/kernel/kernel.ts";
import { hashOf } from "../../src/math/hash.ts";
import { arraysOf } from "../../src/network/flat.ts";
import { C, D, PAIRS } from "../support/custom_models.ts";
import { problems, type RandomProblem } from "../support/random_network.ts";
import { problem } from "../support/reference.ts";

type Numbers = Float32Array | Float64Array;

/** The typed arrays in a value, at any depth. */
const arraysIn = (value: unknown): Numbers[] =>
  ArrayBuffer.isView(value)
    ? [value as Numbers]
    : typeof value === "object" && value !== null
    ? Object.values(value).flatMap(arraysIn)
    : [];

const buffersIn = (value: unknown): Set<ArrayBufferLike> => new Set(arraysIn(value).map(({ buffer }) => buffer));

/** What was given by a call, and in which state. */
interface Published {
  readonly call: string;
  readonly value: unknown;
  readonly arrays: readonly { readonly array: Numbers; readonly hash: string }[];
  /** Hash of the numbers beside the arrays. */
  readonly rest: string;
}

/** Numbers without arrays. */
const restOf = (value: unknown): string => JSON.stringify(value, (_, v) => ArrayBuffer.isView(v) ? null : v);

/** Keeps what calls gave. */
function ledger() {
  const published: Published[] = [], donated = new Set<ArrayBufferLike>();
  return {
    /** Notes a result; `shared`: what it may hold arrays of. */
    publish: (call: string, value: unknown, shared: unknown = null): void => {
      const taken = new Set(published.flatMap(({ value }) => [...buffersIn(value)]));
      taken.add(getOrThrow(defaultKernel()).exports.memory.buffer);
      for (const buffer of buffersIn(shared)) taken.delete(buffer);
      for (const { buffer } of arraysIn(value)) {
        expect(taken.has(buffer), `${call}: shares memory`).toBe(false);
        if (!buffersIn(shared).has(buffer)) taken.add(buffer);
      }
      const arrays = arraysIn(value).map((array) => ({ array, hash: hashOf(array) }));
      published.push({ call, value, arrays, rest: restOf(value) });
    },
    /** Notes that arrays were given up. */
    donate: (value: unknown): void => buffersIn(value).forEach((buffer) => donated.add(buffer)),
    /** Everything is as it was, or empty where it may be. */
    verify: (after: string): void => {
      for (const { call, value, arrays, rest } of published) {
        expect(restOf(value), `${call}, after ${after}`).toBe(rest);
        for (const { array, hash } of arrays) {
          if (array.buffer.byteLength === 0 && donated.has(array.buffer)) continue;
          expect(array.buffer.byteLength > 0 && hashOf(array) === hash, `${call}, after ${after}`).toBe(true);
        }
      }
    },
  };
}

type Ledger = ReturnType<typeof ledger>;

/** A model with trainable arrays of its own. */
const own = <M extends Model>(model: M): M => getOrThrow(withParameters(model, parameters(model)));

/** The arrays that training leaves alone. */
const frozenOf = (model: Model): Numbers[] => {
  const trained = buffersIn(arraysOf(model));
  return arraysIn(model).filter(({ buffer }) => !trained.has(buffer));
};

/** A chain of results: where it stands, and how it goes on. */
type Track = (data: Batch, donate: boolean) => void;

const counts = { taken: 0, rejected: 0, failed: 0, donated: 0 };

/** Steps of fgnStep or ggnStep; `options` may leave the damping rejecting. */
function stepping(
  book: Ledger,
  model: Model,
  name: string,
  damping: Damping,
  options: StepOptions,
  take: typeof fgnStep = fgnStep,
): Track {
  let params = own(model);
  book.publish(`start of ${name}`, params, frozenOf(model));
  return (data, donate) => {
    const step = take(params, data, damping, { ...options, donate });
    if (step._tag === "Left") return void counts.failed++;
    const { report, params: next } = step.right, call = `${name}${donate ? ", donated" : ""}`;
    counts[report.accepted ? "taken" : "rejected"]++;
    if (!report.accepted) {
      expect(next).toBe(params);
    } else if (donate) {
      counts.donated++;
      expect(arraysOf(params).map(({ buffer }) => buffer.byteLength)).toEqual(arraysOf(params).map(() => 0));
      book.donate(arraysOf(params));
    }
    book.publish(call, step.right, report.accepted ? frozenOf(params) : params);
    params = next;
  };
}

/** Updates of an optimizer. */
function updating(book: Ledger, model: Model, optimizer: Optimizer<Model, unknown>, microBatch?: number): Track {
  let params = own(model), state = optimizer.init(params);
  book.publish(`start of ${optimizer.name}`, { params, state }, frozenOf(model));
  return (data, donate) => {
    const given = { donate, ...(microBatch !== undefined && { microBatch }) };
    const update = optimizer.update(params, state, data, given);
    if (update._tag === "Left") return void counts.failed++;
    if (donate) book.donate([arraysOf(params), state]);
    // Parts of the state that an update does not change go on.
    book.publish(optimizer.name, update.right, [frozenOf(params), state]);
    ({ params, state } = update.right);
    const result = optimizer.result(params, state);
    expect(getOrThrow(evaluate(result, data)).examples).toBe(data.labels.length);
  };
}

/** Calls that only read. */
function reading(book: Ledger, model: Model): Track {
  const params = own(model);
  book.publish("start of reading", params, frozenOf(model));
  return (data) => {
    const calls = {
      logits: logits(params, data.features),
      gradient: lossAndGradient(params, data),
      diagnose: diagnose(params, data, 0.1, { maxIterations: 5, samples: 2 }),
      observe: observe(params, null, data.features),
    };
    for (const [name, done] of Object.entries(calls)) if (done._tag === "Right") book.publish(name, done.right);
  };
}

/** Learning online, with a class more each time. */
function adapting(book: Ledger, model: Model): Track {
  let params = own(model), state = online<Model>().init(params);
  book.publish("start of adapt", params, frozenOf(model));
  return (data, donate) => {
    const labels = data.labels.map((label, i) => i === 0 ? params.outputs : label);
    const done = adapt(params, state, { ...data, labels }, { donate, maxClasses: 40 });
    if (done._tag === "Left") return void counts.failed++;
    if (donate) book.donate([arraysOf(params), state]);
    book.publish("adapt", done.right, [frozenOf(params), state]);
    ({ params, state } = done.right);
  };
}

/** A batch that is refused, or that overflows when the kernel is at work. */
function spoilt(data: Batch, how: number): Batch {
  const { features } = data, { rows, cols } = features;
  if (how === 0) return { ...data, features: getOrThrow(matrix(rows, cols + 1, new Float32Array(rows * (cols + 1)))) };
  return { ...data, features: { ...features, data: features.data.map((v) => v === 0 ? 0 : Math.sign(v) * 3e38) } };
}

/** Damping that lets few steps pass. */
const NEVER = levenbergMarquardt({ lambda: 1e-9, attempts: 1 });

const optimizer = (made: unknown): Optimizer<Model, unknown> => made as Optimizer<Model, unknown>;

/** All tracks over one model. */
function tracks(book: Ledger, model: Model): readonly Track[] {
  return [
    stepping(book, model, "fgnStep", relative(1), {}),
    stepping(book, model, "fgnStep, matrixFree", relative(0.1), { system: "matrixFree", l2: 0.01, lossAfter: false }),
    stepping(book, model, "fgnStep, rejecting", NEVER, {}),
    stepping(book, model, "ggnStep", relative(1), {}, ggnStep),
    updating(book, model, optimizer(fgn<Model>()), 2),
    updating(book, model, optimizer(robust<Model>())),
    updating(book, model, optimizer(averaged(0.9)(robust<Model>()))),
    updating(book, model, optimizer(averaged(0.9)(weightDecay(0.01)(momentum()(fgn<Model>()))))),
    updating(book, model, optimizer(weightDecay(0.01)(fgn<Model>({ damping: NEVER })))),
    updating(book, model, optimizer(online<Model>())),
    adapting(book, model),
    reading(book, model),
  ];
}

/** Trains a few steps; what it gives is its own. */
async function training(book: Ledger, model: Model, data: Batch): Promise<void> {
  for await (const record of train<Model>(own(model), data, { epochs: 2, batchSize: 3 })) {
    if (record._tag === "Right") book.publish("train", record.right, frozenOf(model));
  }
}

const act = fc.record({
  track: fc.nat({ max: 11 }),
  donate: fc.boolean(),
  spoil: fc.constantFrom(null, null, null, 0, 1),
});

const custom: fc.Arbitrary<RandomProblem | { readonly model: Model; readonly data: Batch }> = fc.integer({
  min: 0,
  max: 9,
}).map((n) => ({ model: PAIRS[n % 2]?.[2] as Model, data: problem(4 + n, D, C, { seed: n }).data }));

describe("what calls give", () => {
  it("is never written to again, and shares no memory", async () => {
    const start = fc.oneof({ weight: 5, arbitrary: problems(300) }, { weight: 1, arbitrary: custom });
    const acts = fc.array(act, { minLength: 6, maxLength: 24 });
    await fc.assert(
      fc.asyncProperty(start, acts, fc.boolean(), async ({ model, data }, sequence, trains) => {
        const book = ledger();
        book.publish("model", model);
        const all = tracks(book, model);
        for (const { track, donate, spoil } of sequence) {
          all[track]?.(spoil === null ? data : spoilt(data, spoil), donate);
          book.verify(`track ${track}`);
        }
        if (trains) await training(book, model, data);
        book.verify("train");
      }),
      { numRuns: 150, seed: 5 },
    );
    // The sequences hold some of everything.
    for (const count of Object.values(counts)) expect(count).toBeGreaterThan(20);
  }, 60_000);
});

// Handles: what comes back, what is counted, what ends, and what is refused.

import {
  type Batch,
  batch,
  customModel,
  type Damping,
  dense,
  embedding,
  evaluate,
  type FgnErrorTag,
  freeze,
  fromRows,
  getOrThrow,
  initialise,
  logits,
  matrix,
  mlp,
  type Network,
  toJson,
  zeroHead,
} from "../../../mod.ts";
import type { BackendStepOptions, ResidentStep, Traffic } from "../../../src/gpu/gpu.ts";
import { cpu } from "../../../src/gpu/gpu.ts";
import { examples } from "../../support/random_network.ts";
import { problem, relativeError, uniform } from "../../support/reference.ts";
import { below, type Case, check, close, done, equal, lent, refused } from "../check.ts";
import { everyKind } from "./steps.ts";

const roundTrip: Case = {
  name: "download gives back what was put there, and a step leaves it alone",
  run: async (backend) => {
    const model = everyKind(), data = examples(20, 9, 5, 4), before = toJson(model);
    await lent(backend, model, data, async (params, held) => {
      equal(toJson(await done(backend.download(params))), before, "at first");
      const step = await done(backend.fgnStep(params, held));
      equal(toJson(await done(backend.download(params))), before, "after a step");
      const first = toJson(await done(backend.download(step.params)));
      const second = await done(backend.fgnStep(params, held, 10));
      equal(toJson(await done(backend.download(step.params))), first, "the first result, after a second step");
      backend.release(second.params);
      equal(toJson(model), before, "the caller's network");
      backend.release(step.params);
      equal(toJson(await done(backend.download(params))), before, "after the result is released");
    });
  },
};

const donation: Case = {
  name: "donated parameters end with a step that succeeds, and stay with one that fails",
  run: async (backend) => {
    const { head, data } = problem(10, 4, 3), held = await done(backend.batchOnDevice(data));
    const params = await done(backend.onDevice(head));
    refused(await backend.fgnStep(params, held, -1, { donate: true })(), "InvalidDamping", "bad damping");
    const step = await done(backend.fgnStep(params, held, 0.1, { donate: true }));
    refused(await backend.download(params)(), "Released", "the donated parameters");
    const after = await done(backend.download(step.params));
    await lent(backend, head, data, async (again, batch) => {
      const kept = await done(backend.fgnStep(again, batch, 0.1));
      equal(toJson(await done(backend.download(kept.params))), toJson(after), "the same step without donating");
    });
    backend.release(step.params);
    backend.release(held);
  },
};

const releases: Case = {
  name: "released handles are refused, releasing twice is not, and a step under way keeps what it reads",
  run: async (backend) => {
    const { head, data } = problem(12, 5, 4);
    const params = await done(backend.onDevice(head)), held = await done(backend.batchOnDevice(data));
    const want = toJson(await done(backend.download((await done(backend.fgnStep(params, held))).params)));
    const running = backend.fgnStep(params, held)();
    backend.release(params);
    backend.release(held);
    backend.release(params);
    const result = await running;
    check(result._tag === "Right", "the step under way");
    equal(toJson(await done(backend.download(result.right.params))), want, "its result");
    refused(await backend.fgnStep(params, held)(), "Released", "a step");
    refused(await backend.download(params)(), "Released", "download");
    refused(await backend.evaluate(result.right.params, held)(), "Released", "the batch");
    backend.release(result.right.params);
  },
};

const concurrent: Case = {
  name: "tasks started together give what they give one after another",
  run: async (backend) => {
    const { head, data } = problem(30, 6, 4), other = problem(20, 6, 4, { seed: 9 });
    await lent(backend, head, data, (params, held) =>
      lent(backend, other.head, other.data, async (second, batch) => {
        const one = await done(backend.fgnStep(params, held)), two = await done(backend.fgnStep(second, batch));
        const together = await Promise.all([
          done(backend.fgnStep(params, held)),
          done(backend.fgnStep(second, batch)),
          done(backend.evaluate(params, batch)),
        ]);
        equal(together[0].report, one.report, "the first");
        equal(together[1].report, two.report, "the second");
        for (const { params: made } of [one, two, together[0], together[1]]) backend.release(made);
      }));
  },
};

const ties: Case = {
  name: "ties go to the lower class",
  run: (backend) => {
    const labels = [0, 0, 1, 4, 5, 6], features = getOrThrow(matrix(6, 2, uniform(12, 1)));
    return lent(
      backend,
      getOrThrow(zeroHead({ features: 2, classes: 7 })),
      getOrThrow(batch({ features, labels })),
      async (params, held) => {
        const { loss, accuracy, top5 } = await done(backend.evaluate(params, held));
        close(loss, Math.log(7), 1e-6, "loss");
        close(accuracy, 2 / 6, 1e-6, "accuracy");
        close(top5, 4 / 6, 1e-6, "top 5");
      },
    );
  },
};

const prediction: Case = {
  name: "evaluate and logits on batches of several blocks, with weights",
  long: true,
  run: async (backend) => {
    const model = everyKind(), B = 2500;
    const weights = Array.from({ length: B }, (_, i) => i < 1100 ? 0 : i % 3);
    const data = { ...examples(B, 9, 5, 6), weights: Float32Array.from(weights) };
    await lent(backend, model, data, async (params, held) => {
      const got = await done(backend.evaluate(params, held)), want = getOrThrow(evaluate(model, data));
      close(got.loss, want.loss, 1e-5, "loss");
      close(got.accuracy, want.accuracy, 1e-3, "accuracy");
      close(got.top5, want.top5, 1e-6, "top 5");
      equal(got.examples, B, "examples");
      const f = await done(backend.logits(params, held)), expected = getOrThrow(logits(model, data.features));
      equal([f.rows, f.cols], [expected.rows, expected.cols], "shape");
      below(relativeError(f.data, expected.data), 1e-5, "logits");
    });
  },
};

/** Bytes of K as it comes down. */
export const gramBytes = (B: number): number => 4 * B * Math.ceil(B / 4) * 4;

const residency: Case = {
  name: "a hundred steps move the Gram matrices, row coefficients and scalars, and allocate nothing",
  long: true,
  run: async (backend) => {
    const B = 30,
      steps = 100,
      model = getOrThrow(mlp({ inputs: 50, hidden: [40], classes: 7 })),
      data = examples(B, 50, 7, 2);
    await lent(backend, model, data, async (start, held) => {
      let params = start;
      const go = async (count: number): Promise<void> => {
        for (let n = 0; n < count; n++) {
          const step: ResidentStep = await done(backend.fgnStep(params, held, undefined, { donate: params !== start }));
          params = step.params;
        }
      };
      await go(3);
      const before = backend.traffic();
      await go(steps);
      const after = backend.traffic();
      const moved = (name: keyof Traffic): number => after[name] - before[name];
      const scalars = 16 * B, none = backend.name === "cpu" ? 0 : steps;
      equal([moved("uploads"), moved("bytesUp")], [none, none * 4 * B], "uploads");
      equal([moved("downloads"), moved("bytesDown")], [2 * none, none * (gramBytes(B) + 2 * scalars + 4)], "downloads");
      equal(moved("submits"), 2 * none, "submits");
      check(moved("buffers") <= 0 && moved("bytes") <= 0, "new buffers");
      backend.release(params);
    });
  },
};

/** Steps of the soak here; `npm run test:gpu -- --soak` takes more. */
const SOAK = 300;

export const soak = (steps: number): Case => ({
  long: true,
  name: `${steps} steps of several sizes: buffers and bytes on the device stay as they are`,
  run: async (backend) => {
    const problems = [problem(5, 8, 3), problem(9, 8, 3), problem(16, 8, 3)].map(({ data }) => data);
    let params = await done(backend.onDevice(problem(5, 8, 3).head)), most = 0, largest = 0;
    for (let n = 0; n < steps; n++) {
      const held = await done(backend.batchOnDevice(problems[n % 3] as Batch));
      const step: ResidentStep = await done(
        backend.fgnStep(params, held, undefined, { donate: true, lossAfter: n % 2 === 0 }),
      );
      params = step.params;
      backend.release(held);
      const { buffers, bytes } = backend.traffic();
      if (n < 30) [most, largest] = [Math.max(most, buffers), Math.max(largest, bytes)];
      check(buffers <= most, `${buffers} buffers after ${n} steps, where ${most} were enough`);
      check(bytes <= largest, `${bytes} bytes after ${n} steps, where ${largest} were enough`);
    }
    backend.release(params);
  },
});

const { head, data } = problem(4, 3, 3);
const narrow = problem(4, 2, 3).data, many = problem(4, 3, 9).data;

/** Requests that every backend refuses. */
const BAD: readonly (readonly [what: string, FgnErrorTag, Batch, Damping, BackendStepOptions, Network?])[] = [
  ["negative damping", "InvalidDamping", data, -1, {}],
  ["NaN as damping", "InvalidDamping", data, NaN, {}],
  ["another damping", "InvalidOption", data, { _tag: "other" } as unknown as Damping, {}],
  ["features of another width", "FeatureMismatch", narrow, 0.1, {}],
  ["labels beyond the classes", "LabelOutOfRange", { ...many, labels: Uint32Array.of(0, 1, 2, 8) }, 0.1, {}],
  ["curvature", "InvalidOption", data, 0.1, { curvature: "other" as "majorized" }],
  ["solver", "InvalidOption", data, 0.1, { solver: "other" as "cg" }],
  ["tolerance", "InvalidOption", data, 0.1, { tolerance: 2 }],
  ["a warm start of another length", "ShapeMismatch", data, 0.1, { solver: "cg", warmStart: new Float64Array(3) }],
  ["class weights of another length", "ShapeMismatch", data, 0.1, { classWeights: [1, 2] }],
  ["class weights of zero", "ZeroWeights", data, 0.1, { classWeights: [0, 0, 0] }],
  ["null as options", "WrongKind", data, 0.1, null as unknown as BackendStepOptions],
  ["null as damping", "InvalidOption", data, null as unknown as Damping, {}],
  ["nothing to train", "InvalidLayer", data, 0.1, {}, getOrThrow(freeze(head))],
];

const badInput: Case = {
  name: "bad input is a typed error, and leaves the backend as it was",
  run: async (backend) => {
    for (const [what, tag, batch, damping, options, model = head] of BAD) {
      await lent(backend, model, batch, async (params, held) => {
        refused(await backend.fgnStep(params, held, damping, options)(), tag, what);
      });
    }
    const huge = getOrThrow(batch({ features: getOrThrow(matrix(2, 2, [1e30, 0, 0, 1e30])), labels: [0, 1] }));
    const wide = getOrThrow(initialise({ inputs: 2, layers: [dense(2)] }));
    await lent(backend, wide, huge, async (params, held) => {
      refused(await backend.fgnStep(params, held, 0.1)(), "Overflow", "features beyond float32");
    });
    const none = { ...data, weights: new Float32Array(4) };
    await lent(backend, head, none, async (params, held) => {
      refused(await backend.fgnStep(params, held)(), "ZeroWeights", "weights of zero");
      refused(await backend.evaluate(params, held)(), "ZeroWeights", "evaluation with weights of zero");
    });
    refused(await backend.onDevice({} as Network)(), "WrongKind", "no network");
    refused(await backend.onDevice({ ...head, inputs: 7 })(), "InvalidLayer", "a network that does not fit");
    refused(await backend.batchOnDevice({} as Batch)(), "WrongKind", "no batch");
    await lent(backend, head, data, async (params, held) => {
      check((await backend.fgnStep(params, held)())._tag === "Right", "a step afterwards");
    });
  },
};

const strangers: Case = {
  name: "handles of another backend and Eithers are refused",
  run: async (backend) => {
    const other = cpu();
    const theirs = await done(other.onDevice(head)), batch = await done(other.batchOnDevice(data));
    await lent(backend, head, data, async (params, held) => {
      refused(await backend.fgnStep(theirs, held)(), "WrongKind", "parameters of another backend");
      refused(await backend.fgnStep(params, batch)(), "WrongKind", "a batch of another backend");
      const either = { _tag: "Right", right: params } as unknown as typeof params;
      check(
        refused(await backend.evaluate(either, held)(), "WrongKind", "an Either").message.includes("Either"),
        "says",
      );
      refused(await backend.download(undefined as unknown as typeof params)(), "WrongKind", "nothing");
      backend.release(undefined as unknown as typeof params);
    });
  },
};

/** What the device leaves to the CPU, by the name that its error gives. */
const LACKING: readonly (readonly [string, BackendStepOptions])[] = [
  ["metric", { metric: "centred" }],
  ["metric", { metric: "factored" }],
  ["twoStage", { twoStage: 0.5 }],
  ["refine", { refine: 2 }],
  ["trustRegion", { trustRegion: 0.2 }],
  ["momentum", { momentum: { decay: 0.5, previous: null } }],
  ["competitors", { competitors: 1 }],
  ["labelSmoothing", { labelSmoothing: 0.1 }],
  ["l2", { l2: 0.1 }],
  ["system", { system: "matrixFree" }],
];

const lacking: Case = {
  name: "what the device lacks is named, and the CPU does it",
  run: async (backend) => {
    const gpu = backend.name === "webgpu", bare = getOrThrow(initialise({ inputs: 3, layers: [dense(3), dense(3)] }));
    await lent(backend, bare, data, async (params, held) => {
      for (const [name, options] of LACKING) {
        const step = await backend.fgnStep(params, held, 0.1, options)();
        if (gpu) check(refused(step, "Unsupported", name).message.includes(name), `${name} is named`);
        else check(step._tag === "Right", name);
      }
    });
    const sparse = getOrThrow(batch({ features: getOrThrow(fromRows(3, [[[0, 1]], [[2, 1]]])), labels: [0, 1] }));
    const soft = getOrThrow(
      batch({ features: data.features, targets: getOrThrow(matrix(4, 3, Array(12).fill(1 / 3))) }),
    );
    for (const [what, given] of [["sparse", sparse], ["soft targets", soft]] as const) {
      const held = await backend.batchOnDevice(given)();
      if (gpu) check(refused(held, "Unsupported", what).message.includes(what), `${what} are named`);
      else backend.release(getOrThrow(held));
    }
    const embedded = getOrThrow(initialise({ inputs: 3, layers: [embedding(3), dense(3)] }));
    const own = getOrThrow(customModel({
      parameters: uniform(3, 1),
      classes: 2,
      forward: () => [],
      jvp: () => [],
      vjp: () => [],
    })) as unknown as Network;
    if (gpu) refused(await backend.onDevice(embedded)(), "Unsupported", "embeddings");
    refused(await backend.onDevice(own)(), gpu ? "Unsupported" : "InvalidOption", "a model of your own");
  },
};

export const handles: readonly Case[] = [
  roundTrip,
  donation,
  releases,
  concurrent,
  prediction,
  ties,
  residency,
  badInput,
  strangers,
  lacking,
  soak(SOAK),
];

// What holds for every optimizer and chain: pure functions over plain data, the same bytes with donated arrays and in
// every runtime, the same steps in train(); fgn and paper against fgnStep. All exact.

import { createHash } from "node:crypto";
import { pipe } from "fp-ts/lib/function.js";
import { describe, expect, it } from "vitest";
import {
  averaged,
  backtracking,
  type Batch,
  clipGlobalNorm,
  constant,
  cosineDecay,
  type Damping,
  dense,
  fgn,
  type FgnOptions,
  fgnStep,
  getOrThrow,
  initialise,
  l2Penalty,
  layerNorm,
  levenbergMarquardt,
  misfit,
  type Model,
  momentum,
  type Network,
  type Optimizer,
  paper,
  relative,
  relu,
  residual,
  robust,
  scaled,
  stepDecay,
  train,
  type TrainOptions,
  trustRegion,
  type UpdateOptions,
  warmUp,
  weightDecay,
} from "../../mod.ts";
import { C, D, PAIRS } from "../support/custom_models.ts";
import { flat, left, problem } from "../support/reference.ts";

const layers = [dense(6), relu(), residual([layerNorm(), dense(6)]), dense(C)];
const MIXED = getOrThrow(initialise({ inputs: D, layers, seed: 3 }));
const [[, , OWN]] = PAIRS as [(typeof PAIRS)[number]];
const BATCHES = [1, 2, 3].map((seed) => problem(8 + seed, D, C, { seed }).data);
const batchOf = (n: number): Batch => BATCHES[n % BATCHES.length] as Batch;

type Any = Optimizer<Model, unknown>;
/** An optimizer whose state is looked at as plain data alone. */
const any = <S>(optimizer: Optimizer<Model, S>): Any => optimizer as Any;

/** A long chain: every transform that goes with every objective. */
const long = <M extends Model = Network>() =>
  pipe(
    fgn<M>({ damping: levenbergMarquardt({ lambda: 0.01 }), curvature: "majorized" }),
    momentum(0.8),
    l2Penalty(1e-3),
    trustRegion(0.5),
    scaled(warmUp(4)),
    scaled(cosineDecay(50, 0.1)),
    scaled(stepDecay(7, 0.9)),
    weightDecay(warmUp(5, 0.01)),
    clipGlobalNorm(1),
    averaged(0.9),
  );

const OPTIMIZERS: readonly Any[] = [
  any(fgn<Model>()),
  any(fgn<Model>({ damping: levenbergMarquardt({ lambda: 1e-4 }) })),
  any(fgn<Model>({ damping: backtracking({ ratio: 1e-3 }) })),
  any(fgn<Model>({ damping: misfit(), refine: 2 })),
  any(paper<Model>()),
  any(robust<Model>()),
  any(averaged()(fgn<Model>())),
  any(averaged(0.9)(robust<Model>())),
  any(momentum()(fgn<Model>())),
  any(weightDecay(0.01)(fgn<Model>())),
  any(weightDecay(0.01)(robust<Model>())),
  any(l2Penalty(0.01)(fgn<Model>())),
  any(l2Penalty(0.01)(robust<Model>())),
  any(clipGlobalNorm(0.01)(fgn<Model>())),
  any(clipGlobalNorm(1e9)(fgn<Model>())),
  any(trustRegion(0.1)(robust<Model>())),
  any(scaled(0.5)(fgn<Model>())),
  any(averaged(0.5)(averaged(0.9)(momentum()(scaled(0.5)(fgn<Model>()))))),
  any(long<Model>()),
];

/** The typed arrays in a value, at any depth. */
const arraysIn = (value: unknown): ArrayBufferView[] =>
  ArrayBuffer.isView(value)
    ? [value]
    : typeof value === "object" && value !== null
    ? Object.values(value).flatMap(arraysIn)
    : [];

const buffers = (value: unknown): Set<ArrayBufferLike> => new Set(arraysIn(value).map(({ buffer }) => buffer));
const disjoint = (a: unknown, b: unknown): boolean => [...buffers(a)].every((buffer) => !buffers(b).has(buffer));

/** Plain data as text, arrays byte for byte, and back. */
const text = (value: unknown): string =>
  JSON.stringify(
    value,
    (_, inner) =>
      inner instanceof Float32Array
        ? { float32: Buffer.from(inner.buffer, inner.byteOffset, inner.byteLength).toString("hex") }
        : inner,
  );
const parse = (from: string): unknown =>
  JSON.parse(
    from,
    (_, inner) =>
      typeof inner?.float32 === "string"
        ? new Float32Array(Uint8Array.from(Buffer.from(inner.float32, "hex")).buffer)
        : inner,
  );

/** Updates over the batches; the last parameters, state and result as text. */
function run(optimizer: Any, model: Model, count: number, options: UpdateOptions = {}): string {
  let params = structuredCopy(model), state = optimizer.init(params);
  const reports = Array.from({ length: count }, (_, n) => {
    const done = getOrThrow(optimizer.update(params, state, batchOf(n), options));
    ({ params, state } = done);
    return done.report;
  });
  return text([flat(params), state, flat(optimizer.result(params, state)), reports]);
}

/** A copy down to the arrays; functions are shared. */
const structuredCopy = (model: Model): Model =>
  model._tag === "custom" ? { ...model, parameters: model.parameters.slice() } : structuredClone(model);

describe("every optimizer", () => {
  for (const optimizer of OPTIMIZERS) {
    for (const model of [MIXED, OWN]) {
      const name = `${optimizer.name}, ${model._tag}`;

      it(`writes to none of its arguments, and its first state shares no array with them: ${name}`, () => {
        const start = optimizer.init(model), fresh = text(start), shown = text([model, start]);
        expect(disjoint(start, model)).toBe(true);
        const first = getOrThrow(optimizer.update(model, start, batchOf(0)));
        expect(disjoint(first.state, [model, first.params])).toBe(true);
        const kept = text([first.params, first.state]), data = text(batchOf(1));
        const second = getOrThrow(optimizer.update(first.params, first.state, batchOf(1)));
        expect(text([model, start])).toBe(shown);
        expect(text([first.params, first.state])).toBe(kept);
        expect(text(batchOf(1))).toBe(data);
        const again = getOrThrow(optimizer.update(first.params, first.state, batchOf(1)));
        expect(text(again)).toBe(text(second));
        expect(text(optimizer.init(model))).toBe(fresh);
      });

      it(`gives the same bytes with donated arrays: ${name}`, () => {
        expect(run(optimizer, model, 5, { donate: true })).toBe(run(optimizer, model, 5));
        expect(run(optimizer, model, 5, { donate: false })).toBe(run(optimizer, model, 5));
      });

      it(`goes on from a clone of its state, or from its text: ${name}`, () => {
        let params: Model = model, state = optimizer.init(model);
        for (let n = 0; n < 3; n++) ({ params, state } = getOrThrow(optimizer.update(params, state, batchOf(n))));
        const next = text(getOrThrow(optimizer.update(params, state, batchOf(3))));
        for (const copy of [structuredClone(state), parse(text(state))]) {
          expect(text(copy)).toBe(text(state));
          expect(text(getOrThrow(optimizer.update(params, copy, batchOf(3))))).toBe(next);
        }
      });
    }
  }

  it("takes the memory of what is donated where it can", () => {
    for (
      const optimizer of [fgn(), averaged()(fgn()), robust(), l2Penalty(0.1)(fgn())] as Optimizer<Network, unknown>[]
    ) {
      const params = structuredClone(MIXED),
        done = getOrThrow(
          optimizer.update(params, optimizer.init(params), batchOf(0), { donate: true }),
        );
      expect(flat(done.params)).not.toEqual(flat(MIXED));
      expect(flat(params)).toEqual([]);
    }
  });

  it("leaves donated arrays as they are when the step fails", () => {
    for (const optimizer of OPTIMIZERS) {
      const params = structuredClone(MIXED), state = optimizer.init(params), before = text([params, state]);
      const wrong = problem(8, D + 1, C).data;
      expect(left(optimizer.update(params, state, wrong, { donate: true }))._tag).toBe("FeatureMismatch");
      expect(text([params, state])).toBe(before);
    }
  });
});

describe("fgn() and paper()", () => {
  const chain = (options: FgnOptions, given: UpdateOptions = {}): string => {
    const { damping: first = relative(1), ...method } = options;
    let params: Network = MIXED, damping: Damping = first;
    const reports = Array.from({ length: 5 }, (_, n) => {
      const step = getOrThrow(fgnStep(params, batchOf(n), damping, { lossAfter: false, ...method, ...given }));
      ({ params, damping } = step);
      return step.report;
    });
    return text([flat(params), { damping }, flat(params), reports]);
  };

  it("are chains of fgnStep that hand the damping on, byte for byte", () => {
    const all: readonly FgnOptions[] = [
      {},
      { damping: 0.3 },
      { damping: levenbergMarquardt({ lambda: 1e-4 }) },
      { damping: backtracking({ ratio: 1e-3 }) },
      { damping: misfit(), curvature: "majorized" },
      { metric: "centred", twoStage: 0.1, trustRegion: 0.2 },
      { refine: 2, solver: "cg", tolerance: 1e-3 },
      { system: "matrixFree", maxIterations: 5 },
    ];
    for (const options of all) expect(run(any(fgn<Model>(options)), MIXED, 5)).toBe(chain(options));
    expect(run(any(paper<Model>()), MIXED, 5)).toBe(chain({}));
    expect(run(any(paper<Model>({ damping: constant(0.2) })), MIXED, 5)).toBe(chain({ damping: constant(0.2) }));
  });

  it("take the objective, and what is asked of one update, from the update", () => {
    const given = { labelSmoothing: 0.1, l2: 0.01, classWeights: [1, 2, 3], lossAfter: true };
    expect(run(any(fgn<Model>()), MIXED, 5, given)).toBe(chain({}, given));
    expect(run(any(fgn<Model>({ trustRegion: 3 })), MIXED, 5, { trustRegion: 0.01 })).toBe(
      chain({ trustRegion: 0.01 }),
    );
    expect(chain({ trustRegion: 0.01 })).not.toBe(chain({ trustRegion: 3 }));
    expect(run(any(fgn<Model>()), MIXED, 5)).not.toBe(chain({}, { lossAfter: true }));
  });

  it("refuse what fgnStep refuses", () => {
    const refused = (options: FgnOptions): unknown =>
      left(fgn(options).update(MIXED, fgn(options).init(MIXED), batchOf(0)));
    expect(refused({ damping: -1 })).toMatchObject({ _tag: "InvalidDamping" });
    expect(refused({ refine: 0.5 })).toMatchObject({ _tag: "InvalidOption", option: "refine" });
  });
});

/** Hashes of the run below, by whether its penalty takes in biases; what Node, Deno and Bun must all print. */
const EXPECTED = "5b6bf73ff82056c87406cead6a3ecbe0d30f854f4b1550d3ebeb6c52438cf536";
const EXPECTED_WITH_BIASES = "4764c2230b13b14940378b2ba61ae4ddace988bfc9334e683890bffedd7d7d33";

describe("train() with a chain", () => {
  const { data } = problem(90, D, C, { seed: 5 });
  const last = async <S>(
    optimizer: Optimizer<Network, S>,
    epochs: number,
    given: Pick<TrainOptions, "l2Biases" | "standardise"> = {},
  ): Promise<Network> => {
    let params = MIXED;
    for await (const record of train(MIXED, data, { optimizer, epochs, batchSize: 30, seed: 2, ...given })) {
      const seen = getOrThrow(record);
      if (seen._tag === "epoch") ({ params } = seen);
    }
    return params;
  };

  it("gives the same bytes in every runtime", async () => {
    const hash = async (l2Biases: boolean) =>
      createHash("sha256").update(Float32Array.from(flat(await last(long(), 20, { l2Biases })))).digest("hex");
    expect(await hash(false)).toBe(EXPECTED);
    expect(await hash(false)).toBe(EXPECTED);
    expect(await hash(true)).toBe(EXPECTED_WITH_BIASES);
  });

  it("donates copies of its own, and does as a loop of updates", async () => {
    const before = text(MIXED), inner = long();
    let model = MIXED, state = inner.init(MIXED), donated = 0;
    const spy: typeof inner = {
      ...inner,
      update: (params, given, batch, options = {}) => {
        if (options.donate === true) donated++;
        const done = inner.update(params, given, batch, options);
        ({ params: model, state } = getOrThrow(inner.update(model, state, batch)));
        return done;
      },
    };
    expect(flat(await last(spy, 2, { standardise: false }))).toEqual(flat(inner.result(model, state)));
    expect(donated).toBe(6);
    expect(text(MIXED)).toBe(before);
    // These write to what is donated.
    for (const optimizer of [fgn(), averaged()(fgn()), robust()] as Optimizer<Network, unknown>[]) {
      expect(flat(await last(optimizer, 1))).not.toEqual(flat(MIXED));
      expect(text(MIXED)).toBe(before);
    }
  });
});

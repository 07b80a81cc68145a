// Parameters that are given up: the same bytes as without, in the memory of the arrays given; what is not given up where
// that is not safe; and an error wherever what was given up is used again. All exact.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  adapt,
  averaged,
  backtracking,
  batch,
  customModel,
  type Dense,
  diagnose,
  encodePlain,
  evaluate,
  fgn,
  type FgnError,
  fgnStep,
  fit,
  freeze,
  fromJson,
  fromRows,
  getOrThrow,
  ggnProduct,
  ggnStep,
  growClasses,
  jvp,
  levenbergMarquardt,
  lossAndGradient,
  matrix,
  mergeAdapters,
  type Model,
  type Network,
  network,
  observe,
  online,
  parameters,
  probabilities,
  randomHead,
  readCheckpoint,
  relative,
  robust,
  rowSystem,
  type StepOptions,
  toJson,
  train,
  unfreeze,
  vjp,
  withAdapters,
  withParameters,
} from "../../mod.ts";
import { arraysOf } from "../../src/network/flat.ts";
import { D, PAIRS } from "../support/custom_models.ts";
import { problems } from "../support/random_network.ts";
import { flat, left, problem, uniform } from "../support/reference.ts";

const B = 8, C = 4, H = 4;
const { head: HEAD, data } = problem(B, D, C);
const RUNS = { numRuns: 100, seed: 11 };

/** A model with trainable arrays of its own. */
const own = <M extends Model>(model: M): M => getOrThrow(withParameters(model, parameters(model)));

/** A head whose arrays were given up. */
function givenUp(): Network {
  const head = own(HEAD);
  getOrThrow(fgnStep(head, data, relative(1), { donate: true }));
  return head;
}

const lengths = (model: Model): number[] => arraysOf(model).map(({ buffer }) => buffer.byteLength / 4);
const weightOf = ({ layers }: Network): Float32Array => (layers[0] as Dense).weight.data;

/** A head over the given memory. */
const headOver = (weight: Float32Array, bias: Float32Array | null = null): Network =>
  getOrThrow(network(D, [{ _tag: "dense", weight: { rows: C, cols: D, data: weight }, bias, frozen: false }]));

describe("donate", () => {
  it("gives the bytes of the pure step, over networks and options, and empties what was given", () => {
    const options: readonly StepOptions[] = [{}, { system: "matrixFree" }, { l2: 0.1 }, { refine: 2 }];
    fc.assert(
      fc.property(problems(300), fc.constantFrom(...options), ({ model, data }, option) => {
        const given = own(model);
        const pure = getOrThrow(fgnStep(model, data, relative(1), option));
        const donated = getOrThrow(fgnStep(given, data, relative(1), { ...option, donate: true }));
        expect(toJson(donated.params)).toEqual(toJson(pure.params));
        expect([donated.report, donated.dual, donated.damping]).toEqual([pure.report, pure.dual, pure.damping]);
        expect(lengths(given)).toEqual(lengths(model).map(() => 0));
      }),
      RUNS,
    );
  });

  it("works for models of one's own, the full method and micro-batches", () => {
    for (const [, , model] of PAIRS) {
      const { data } = problem(B, D, 3), given = own(model);
      const pure = getOrThrow(fgnStep(model, data)),
        donated = getOrThrow(fgnStep(given, data, relative(1), { donate: true }));
      expect(flat(donated.params)).toEqual(flat(pure.params));
      expect(lengths(given)).toEqual([0]);
    }
    const full = own(HEAD), parts = own(HEAD);
    const ggn = getOrThrow(ggnStep(full, data, relative(1), { donate: true })).params;
    expect(flat(ggn)).toEqual(flat(getOrThrow(ggnStep(HEAD, data)).params));
    const optimizer = fgn(),
      update = getOrThrow(
        optimizer.update(parts, optimizer.init(parts), data, { microBatch: 3, donate: true }),
      );
    const kept = getOrThrow(optimizer.update(HEAD, optimizer.init(HEAD), data, { microBatch: 3 }));
    expect(flat(update.params)).toEqual(flat(kept.params));
    expect([...lengths(full), ...lengths(parts)]).toEqual([0, 0, 0, 0]);
  });

  it("takes the memory from every view of it that was made before", () => {
    const head = own(HEAD), view = new Uint8Array(weightOf(head).buffer, 4, 8);
    getOrThrow(fgnStep(head, data, relative(1), { donate: true }));
    expect(view.buffer.byteLength).toBe(0);
  });

  it("leaves what was given when the step is rejected or fails", () => {
    const head = own(HEAD), before = flat(head);
    const give = { donate: true };
    const never = levenbergMarquardt({ lambda: 1e-9, attempts: 1 });
    const wild = problem(40, 3, 5, { spread: 30, seed: 3 });
    const rejected = getOrThrow(fgnStep(wild.head, wild.data, never, give));
    expect(rejected.report.accepted).toBe(false);
    expect(rejected.params).toBe(wild.head);
    expect(lengths(wild.head)).toEqual([15, 5]);
    expect(left(fgnStep(head, problem(B, D + 1, C).data, relative(1), give))._tag).toBe("FeatureMismatch");
    expect(left(fgnStep(head, data, NaN, give))._tag).toBe("InvalidDamping");
    const features = { ...data.features, data: data.features.data.map((v) => v * 3e38) };
    expect(left(fgnStep(head, { ...data, features }, relative(1), give))._tag).toBe("Overflow");
    expect(flat(head)).toEqual(before);
    getOrThrow(fgnStep(head, data, backtracking(), give));
    expect(lengths(head)).toEqual([0, 0]);
  });

  it("is true or false", () => {
    for (const donate of ["yes", 1, null, {}]) {
      const options = { donate } as unknown as { donate: boolean };
      const error = { _tag: "InvalidOption", option: "donate", value: donate };
      expect(left(fgnStep(HEAD, data, relative(1), options))).toMatchObject(error);
      expect(left(ggnStep(HEAD, data, relative(1), options))).toMatchObject(error);
      for (const optimizer of [fgn(), robust(), online()]) {
        const update = optimizer.update as (...args: unknown[]) => ReturnType<typeof fgnStep>;
        expect(left(update(HEAD, optimizer.init(HEAD), data, options))).toMatchObject(error);
      }
      expect(left(adapt(HEAD, "forget", data, options))).toMatchObject(error);
    }
    getOrThrow(fgnStep(HEAD, data, relative(1), { donate: undefined } as unknown as StepOptions));
    expect(lengths(HEAD)).toEqual([C * D, C]);
  });

  it("is no option of what only looks at a model", () => {
    const options: StepOptions = { donate: true }, none = { _tag: "InvalidOption", option: "donate" };
    expect(left(diagnose(HEAD, data, 0.1, options))).toMatchObject(none);
    const optimizer = fgn({ donate: true } as object);
    expect(left(optimizer.update(HEAD, optimizer.init(HEAD), data))).toMatchObject(none);
    expect(lengths(HEAD)).toEqual([C * D, C]);
  });
});

describe("an array that is not all of a buffer of its own", () => {
  const size = C * D;
  const memories: Readonly<Record<string, () => Float32Array>> = {
    "the start of a larger buffer": () => new Float32Array(new ArrayBuffer(4 * size + 4), 0, size),
    "the end of a larger buffer": () => new Float32Array(new ArrayBuffer(4 * size + 4), 4, size),
    "memory shared between threads": () => new Float32Array(new SharedArrayBuffer(4 * size)),
    "the memory of a WebAssembly instance": () => {
      const { buffer } = new WebAssembly.Memory({ initial: 1 });
      return new Float32Array(buffer, 0, size);
    },
    "a resizable buffer": () => {
      const Resizable = ArrayBuffer as new (length: number, options: { maxByteLength: number }) => ArrayBuffer;
      return new Float32Array(new Resizable(4 * size, { maxByteLength: 8 * size }));
    },
  };

  for (const [name, memory] of Object.entries(memories)) {
    it(`is copied: ${name}`, () => {
      const weight = memory();
      weight.set(weightOf(HEAD));
      const head = headOver(weight), before = [...weight];
      const pure = getOrThrow(fgnStep(headOver(weightOf(HEAD)), data)).params;
      const { params } = getOrThrow(fgnStep(head, data, relative(1), { donate: true }));
      expect(flat(params)).toEqual(flat(pure));
      expect([...weight]).toEqual(before);
      expect(weightOf(params).buffer).not.toBe(weight.buffer);
      getOrThrow(evaluate(head, data));
    });
  }

  it("is copied where its owner does not let it go, the features that do not occur included", () => {
    const rows = 2 ** 16 / 4 / H;
    const embedded = (data: Float32Array): Network =>
      getOrThrow(network(rows, [
        { _tag: "embedding", weight: { rows, cols: H, data }, bias: null, frozen: false },
        ...own(getOrThrow(randomHead({ features: H, classes: C }, 1))).layers,
      ]));
    const sparse = getOrThrow(batch({ features: getOrThrow(fromRows(rows, [[[3, 1]], [[7, 2]]])), labels: [0, 1] }));
    const weight = new Float32Array(new WebAssembly.Memory({ initial: 1 }).buffer);
    weight.set(uniform(rows * H, 5));
    const model = embedded(weight), pure = getOrThrow(fgnStep(embedded(weight.slice()), sparse)).params;
    const { params } = getOrThrow(fgnStep(model, sparse, relative(1), { donate: true }));
    expect(flat(params)).toEqual(flat(pure));
    expect(weight).toEqual(uniform(rows * H, 5));
  });

  it("is copied where another layer has it, too, be it frozen", () => {
    const square = (data: Float32Array, frozen = false): Dense => ({
      _tag: "dense",
      weight: { rows: D, cols: D, data },
      bias: null,
      frozen,
    });
    const tied = new Float32Array(D * D).map((_, i) => Math.sin(i));
    const last = HEAD.layers[0] as Dense;
    for (const frozen of [false, true]) {
      const make = (weight: Float32Array) =>
        getOrThrow(
          network(D, [
            square(weight, frozen),
            { _tag: "residual", layers: [square(weight)] },
            own(HEAD).layers[0] ?? last,
          ]),
        );
      const model = make(tied), before = [...tied];
      const pure = getOrThrow(fgnStep(make(tied.slice()), data)).params;
      const { params } = getOrThrow(fgnStep(model, data, relative(1), { donate: true }));
      expect(toJson(params)).toEqual(toJson(pure));
      expect([...tied]).toEqual(before);
      expect(lengths(model).slice(-2)).toEqual([0, 0]);
    }
  });
});

describe("parameters that were given up", () => {
  it("are told from every function that takes a model", async () => {
    const head = givenUp(), { features } = data, v = new Float32Array(C * D + C);
    const adapter = getOrThrow(withAdapters(HEAD, { rank: 1 }));
    getOrThrow(fgnStep(adapter, data, relative(1), { donate: true }));
    const optimizer = robust(), state = optimizer.init(HEAD);
    const last = async (): Promise<unknown> => {
      for await (const record of train(head, data)) return record;
    };
    const calls: Readonly<Record<string, unknown>> = {
      fgnStep: fgnStep(head, data),
      donated: fgnStep(head, data, relative(1), { donate: true }),
      ggnStep: ggnStep(head, data),
      ggnProduct: ggnProduct(head, data, v),
      evaluate: evaluate(head, data),
      probabilities: probabilities(head, features),
      jvp: jvp(head, features, v),
      vjp: vjp(head, features, getOrThrow(matrix(B, C, new Float32Array(B * C)))),
      lossAndGradient: lossAndGradient(head, data),
      rowSystem: rowSystem(head, data),
      diagnose: diagnose(head, data),
      observe: observe(head, null, features),
      adapt: adapt(head, "forget", data),
      withParameters: withParameters(head, v),
      freeze: freeze(head),
      unfreeze: unfreeze(head),
      withAdapters: withAdapters(head, { rank: 1 }),
      mergeAdapters: mergeAdapters(adapter),
      growClasses: growClasses(head, C + 1),
      network: network(D, head.layers),
      encodePlain: encodePlain("model", 1, head),
      readCheckpoint: readCheckpoint(new Uint8Array(0), head, optimizer),
      robust: optimizer.update(head, state, data),
      averaged: averaged()(fgn()).update(head, averaged()(fgn()).init(HEAD), data),
      "init and update": optimizer.update(head, optimizer.init(head), data),
      fit: await fit(head, data)(),
      train: await last(),
    };
    for (const [name, done] of Object.entries(calls)) {
      expect(done, name).toMatchObject({ _tag: "Left", left: { _tag: "DonatedParameters" } });
      const { message, remedy } = (done as { left: FgnError }).left;
      expect(message, name).toMatch(/(weight|down)(\.data)? is empty: its memory was given up/);
      expect(remedy).toContain("result");
    }
  });

  it("leave nothing to functions that have no error to give", () => {
    const head = givenUp();
    expect(parameters(head)).toHaveLength(0);
    expect(left(fromJson(JSON.parse(JSON.stringify(toJson(head)))))._tag).toBe("ShapeMismatch");
  });

  it("are told of the shared arrays of other networks, of layer norms and of models of one's own", () => {
    const [, , model] = PAIRS[0] as (typeof PAIRS)[number], given = own(model), three = problem(B, D, 3).data;
    getOrThrow(fgnStep(given, three, relative(1), { donate: true }));
    expect(left(evaluate(given, three))).toMatchObject({ _tag: "DonatedParameters", what: "parameters" });
    expect(left(withParameters(given, flat(model)))._tag).toBe("DonatedParameters");
    const base = own(HEAD), frozen = getOrThrow(freeze(base));
    getOrThrow(fgnStep(base, data, relative(1), { donate: true }));
    expect(left(evaluate(frozen, data))).toMatchObject({ _tag: "DonatedParameters", what: "layers[0].weight" });
    const gain = new Float32Array(D).fill(1), norm = { _tag: "layerNorm", gain, shift: new Float32Array(D) } as const;
    const normed = getOrThrow(
      network(D, [{ ...norm, epsilon: 0.1, frozen: false }, ...getOrThrow(freeze(own(HEAD))).layers]),
    );
    getOrThrow(fgnStep(normed, data, relative(1), { donate: true }));
    expect(left(evaluate(normed, data))).toMatchObject({ _tag: "DonatedParameters", what: "layers[0].gain" });
  });

  it("are told apart from arrays of a wrong length", () => {
    const [layer] = HEAD.layers as [Dense];
    for (const length of [0, 1, C * D - 1, C * D + 1]) {
      const layers = [{ ...layer, weight: { ...layer.weight, data: new Float32Array(length) } }];
      expect(left(fgnStep({ ...HEAD, layers }, data))).toMatchObject({ _tag: "ShapeMismatch", actual: length });
    }
    const [, , model] = PAIRS[0] as (typeof PAIRS)[number], three = problem(B, D, 3).data;
    expect(left(fgnStep({ ...model, parameters: new Float32Array(0) }, three))._tag).toBe("InvalidSize");
    const plain = [1, 2, 3] as unknown as Float32Array;
    expect(left(fgnStep({ ...model, parameters: plain }, three))._tag).toBe("WrongKind");
  });

  it("by a function of the model, while it is stepped, are an error", () => {
    const [, , linear] = PAIRS[0] as (typeof PAIRS)[number], three = problem(B, D, 3).data;
    let given: Model | null = null;
    const model = getOrThrow(customModel({
      ...linear.functions,
      parameters: flat(linear),
      classes: 3,
      vjp: (...args) => {
        const mine = given;
        given = null;
        if (mine !== null) getOrThrow(fgnStep(mine, three, relative(1), { donate: true }));
        return linear.functions.vjp(...args);
      },
    }));
    given = model;
    expect(left(fgnStep(model, three))._tag).toBe("DonatedParameters");
  });
});

describe("the state of an optimizer", () => {
  const optimizers = [robust(), averaged(0.9)(fgn())] as const;

  it("is given up with the parameters: its average is told, too", () => {
    for (const optimizer of optimizers as readonly (typeof optimizers)[0][]) {
      const params = own(HEAD), state = optimizer.init(params);
      const next = getOrThrow(optimizer.update(params, state, data, { donate: true }));
      expect(left(optimizer.update(HEAD, state, data))).toMatchObject({
        _tag: "DonatedParameters",
        what: "the state's average[0]",
      });
      getOrThrow(optimizer.update(next.params, next.state, data));
      const plain = { ...next.state, average: [[1, 2, 3]] } as unknown as typeof state;
      expect(left(optimizer.update(HEAD, plain, data))._tag).toBe("WrongKind");
      const other = optimizer.init(getOrThrow(randomHead({ features: D, classes: C + 1 }, 1)));
      expect(left(optimizer.update(HEAD, other, data))._tag).toBe("ShapeMismatch");
    }
  });

  it("may lie in the memory of the parameters: the same bytes as without", () => {
    for (const optimizer of optimizers as readonly (typeof optimizers)[0][]) {
      const run = (donate: boolean): number[] => {
        let params = own(HEAD), state = optimizer.init(params);
        for (let n = 0; n < 3; n++) {
          ({ params, state } = getOrThrow(optimizer.update(params, state, data, { donate })));
          params = optimizer.result(params, state);
        }
        return flat(params);
      };
      expect(run(true)).toEqual(run(false));
    }
  });
});

// States that no update gives: refused with the place of what is wrong, and nothing is computed from them.

import { pipe } from "fp-ts/lib/function.js";
import { describe, expect, it } from "vitest";
import {
  adapt,
  averaged,
  batch,
  cosineDecay,
  type Damping,
  evaluate,
  fgn,
  fit,
  getOrThrow,
  levenbergMarquardt,
  matrix,
  misfit,
  mlp,
  momentum,
  observe,
  online,
  type OnlineState,
  type Optimizer,
  randomHead,
  robust,
  scaled,
  weightDecay,
  zeroHead,
} from "../../mod.ts";
import { left, problem, uniform } from "../support/reference.ts";

const model = () => getOrThrow(mlp({ inputs: 6, hidden: [5], classes: 3, seed: 3 }));
const { data } = problem(12, 6, 3);
const COUNTS = [-1, 0.5, NaN, Infinity, "1", null, undefined, 2 ** 53, [1]];
const AMOUNTS = [-1e-9, NaN, Infinity, "1", null, undefined, {}];

type Model = ReturnType<typeof model>;

/** The plain value with another one at a place, such as ["layers", 0, "mean"]. */
function replace(value: unknown, [key, ...rest]: readonly (string | number)[], other: unknown): unknown {
  if (key === undefined) return other;
  const copy = (ArrayBuffer.isView(value) || Array.isArray(value) ? (value as unknown[]).slice() : {
    ...value as object,
  }) as Record<string | number, unknown>;
  copy[key] = replace(copy[key], rest, other);
  return copy;
}

/** The place as errors name it. */
const named = (path: readonly (string | number)[]): string =>
  path.reduce<string>(
    (name, key) => typeof key === "number" ? `${name}[${key}]` : name === "" ? key : `${name}.${key}`,
    "",
  );

/** Puts wrong values in a state after two updates; each is an error that names the place, and the state still goes on. */
function refuses<S>(
  optimizer: Optimizer<Model, S>,
  cases: readonly (readonly [(string | number)[], unknown[]])[],
): void {
  const first = getOrThrow(optimizer.update(model(), optimizer.init(model()), data));
  const { params, state } = getOrThrow(optimizer.update(first.params, first.state, data));
  for (const [path, values] of cases) {
    for (const value of values) {
      const error = left(optimizer.update(params, replace(state, path, value) as S, data));
      const told = error._tag === "InvalidState" ? error.path : error._tag === "WrongKind" ? error.what : error._tag;
      expect(told, `${named(path)}: ${String(value)}`).toContain(named(path));
      expect(error.message && error.remedy).toBeTruthy();
    }
  }
  for (const none of [null, undefined, 3, "x", [], { _tag: "Right", right: state }]) {
    expect(["WrongKind", "InvalidState"]).toContain(left(optimizer.update(params, none as S, data))._tag);
  }
  getOrThrow(optimizer.update(params, state, data));
}

describe("a state that no update gives is refused", () => {
  const FLOATS = [null, [1, 2, 3, 4, 5, 6], new Float64Array(6), "x"];

  it("by robust()", () => {
    refuses(robust<Model>(), [
      [["steps"], COUNTS],
      [["meanSlope"], AMOUNTS],
      [["layers", 0, "mean", 2], [NaN, Infinity, -Infinity]],
      [["layers", 1, "variance", 4], [NaN, Infinity, -1e-30]],
      [["layers", 1, "signal", 2], [NaN, -1]],
      [["layers", 0, "mean"], FLOATS],
      [["layers", 1, "signal"], FLOATS],
      [["average", 0, 7], [NaN, Infinity]],
      [["average", 3, 2], [NaN, -Infinity]],
      [["average"], [null, {}, [1]]],
    ]);
  });

  it("by online(), whose examples and moments belong together", () => {
    refuses(online<Model>(), [
      [["steps"], COUNTS],
      [["examples"], [...AMOUNTS, 0]],
      [["layers", 0, "mean", 5], [NaN, Infinity]],
      [["layers", 1, "variance", 0], [NaN, -1]],
      [["layers", 1, "variance"], FLOATS],
    ]);
    const empty = { ...online().init(model()), examples: 3 };
    expect(left(online().update(model(), empty, data))).toMatchObject({ _tag: "InvalidState", path: "examples" });
  });

  it("by averaged(), momentum() and transforms that count", () => {
    refuses(averaged(0.9)(fgn<Model>()), [
      [["steps"], COUNTS],
      [["average", 1, 4], [NaN, Infinity]],
    ]);
    refuses(momentum(0.5)(fgn<Model>()), [[["previous", 9], [NaN, Infinity]], [["previous"], [
      3,
      undefined,
      [1],
      "x",
    ]]]);
    for (const counted of [scaled(cosineDecay(9)), weightDecay(0.1)]) {
      refuses(counted(fgn<Model>()), [[["steps"], COUNTS]]);
    }
    const chain = pipe(robust<Model>(), scaled(0.5), averaged());
    const { params, state } = getOrThrow(chain.update(model(), chain.init(model()), data));
    const wrong = replace(state, ["inner", "inner", "layers", 0, "variance", 1], -1) as typeof state;
    expect(left(chain.update(params, wrong, data))).toMatchObject({ path: "layers[0].variance[1]", value: -1 });
  });

  it("by fgn(): dampings that were put together", () => {
    const optimizer = fgn<Model>(),
      update = (damping: unknown) => left(optimizer.update(model(), { damping: damping as Damping }, data))._tag;
    const wrong: unknown[] = [undefined, null, "1", {}, { _tag: "other" }, { _tag: "relative", ratio: "1" }];
    for (const lambda of [NaN, 0, -1, "1", undefined]) wrong.push({ ...levenbergMarquardt(), lambda });
    for (const raise of [1, "2", NaN]) wrong.push({ ...levenbergMarquardt(), raise });
    for (const lower of [0, 2, "0.5"]) wrong.push({ ...levenbergMarquardt(), lower });
    for (const steps of COUNTS) wrong.push({ ...misfit(), steps });
    for (const meanSlope of AMOUNTS) wrong.push({ ...misfit(), meanSlope });
    for (const caution of [0, "1", Infinity]) wrong.push({ ...misfit(), caution });
    for (const damping of wrong) {
      expect(["InvalidDamping", "InvalidOption"], JSON.stringify(damping)).toContain(update(damping));
    }
  });

  it("by observe()", () => {
    const known = data.features, state = getOrThrow(observe(model(), null, known));
    const cases: readonly (readonly [(string | number)[], unknown])[] = [
      [["steps"], -1],
      [["examples"], NaN],
      [["layers", 0, "variance", 3], -1],
      [["layers", 1, "mean", 0], NaN],
    ];
    for (const [path, value] of cases) {
      const error = left(observe(model(), replace(state, path, value) as OnlineState, known));
      expect(error).toMatchObject({ _tag: "InvalidState", path: named(path), value });
    }
    for (const none of [3, "x", [], {}]) {
      expect(["WrongKind", "InvalidState"]).toContain(
        left(observe(model(), none as unknown as OnlineState, known))._tag,
      );
    }
  });

  it("and moments beyond float32 are an error of the step that leads there", () => {
    const huge = getOrThrow(batch({ features: getOrThrow(matrix(2, 1, [3e19, -3e19])), labels: [0, 1] }));
    const head = getOrThrow(zeroHead({ features: 1, classes: 2 }));
    const { update, init } = robust();
    expect(left(update(head, init(head), huge))).toMatchObject({
      _tag: "Overflow",
      what: "a layer's inputs or signals",
    });
    const state = online().init(head);
    expect(left(online().update(head, state, huge))).toMatchObject({ _tag: "Overflow", what: "a layer's inputs" });
  });
});

describe("adapt() without moments", () => {
  /** Three clusters in 8 dimensions; the third class comes later. */
  const cluster = (label: number, count: number, seed: number) =>
    Array.from(uniform(8 * count, seed), (v, i) => 1 + 0.8 * v + (i % 8 === label ? 2 : 0));
  const two = [...cluster(0, 40, 1), ...cluster(1, 40, 2)],
    labels = Array.from({ length: 80 }, (_, i) => i < 40 ? 0 : 1);
  const known = getOrThrow(batch({ features: getOrThrow(matrix(80, 8, two)), labels }));
  const fresh = getOrThrow(batch({ features: getOrThrow(matrix(3, 8, cluster(2, 3, 3))), labels: [2, 2, 2] }));
  const zeros = () => getOrThrow(zeroHead({ features: 8, classes: 2 }));

  it("is refused where the network has learnt something, for null and for a state that has seen nothing", async () => {
    const { params } = getOrThrow(await fit(zeros(), known, { epochs: 10 })());
    for (const state of [null, undefined, online().init(params)]) {
      const error = left(adapt(params, state, fresh));
      expect(error).toMatchObject({ _tag: "InvalidState", path: "layers" });
      expect(error.remedy).toContain("observe(model, null, known features)");
    }
    const seen = getOrThrow(adapt(params, getOrThrow(observe(params, null, known.features)), fresh));
    const forgot = getOrThrow(adapt(params, "forget", fresh));
    const accuracy = (network: typeof params) => getOrThrow(evaluate(network, known)).accuracy;
    expect(accuracy(params)).toBe(1);
    expect(accuracy(seen.params)).toBeGreaterThan(0.95);
    expect(accuracy(forgot.params)).toBeLessThan(0.8);
    // What the first call gave is enough for the next one.
    getOrThrow(adapt(forgot.params, forgot.state, fresh));
  });

  it("goes for a head of zeros, and where no layer has moments", () => {
    expect(getOrThrow(adapt(zeros(), null, fresh)).params.outputs).toBe(3);
    const begun = getOrThrow(adapt(zeros(), null, known));
    expect(left(adapt(begun.params, null, fresh))._tag).toBe("InvalidState");
    const random = getOrThrow(randomHead({ features: 8, classes: 2 }, 1));
    expect(left(adapt(random, null, fresh))._tag).toBe("InvalidState");
    const smoothed = getOrThrow(adapt(random, null, known, { labelSmoothing: 0.1 }));
    expect(smoothed.state.layers).toEqual([]);
  });

  it("takes no other text for a state", () => {
    for (const state of ["", "Forget", "observe"]) {
      expect(left(adapt(zeros(), state as "forget", fresh))._tag).toBe("WrongKind");
    }
  });
});

// What `npm run bench` makes of times, and what `npm run watch:speed` makes of ratios.

import { describe, expect, it } from "vitest";
import { race } from "../../bench/support/race.ts";
import { goals, isMet } from "../../bench/speed/goals.ts";
import { matMulModel } from "../../bench/speed/matmul_model.ts";
import { gradientStep } from "../../bench/speed/own.ts";
import { page, type Run } from "../../bench/speed/report.ts";
import { faults, TOLERANCE } from "../../bench/watch/verdict.ts";
import { getOrThrow, lossAndGradient, parameters } from "../../mod.ts";
import { problem, relativeError } from "../support/reference.ts";

const linear = [
  { what: "128×384×1000", flops: 4e8, peak: 50, times: { FGN: 10, SGD: 5, "tfjs SGD": 90 } },
  { what: "128×384×1000, fitted", flops: 4e8, peak: 50, times: { FGN: 10.5, SGD: 5 } },
];

const byName = Object.fromEntries(goals({ linear }, false).map((goal) => [goal.what, goal]));

describe("goals", () => {
  it("divides times and counts shares of the peak", () => {
    expect(byName["FGN 128×384×1000, share of the peak"]).toMatchObject({ value: 80, bound: 78 });
    expect(byName["FGN / SGD, 128×384×1000"]).toMatchObject({ value: 2, bound: 1.25 });
    expect(byName["tfjs SGD / FGN, 128×384×1000"]).toMatchObject({ value: 9, bound: 8 });
    expect(byName["FGN, 128×384×1000, fitted / fresh"]).toMatchObject({ value: 1.05, bound: 1.1 });
    expect(Object.values(byName).filter(isMet)).toHaveLength(3);
  });

  it("leaves out what was not measured, and asks less of Deno", () => {
    expect(Object.keys(byName)).toHaveLength(4);
    expect(goals({ linear }, true)[0]).toMatchObject({ bound: 65 });
  });
});

it("writes a page with times of ours, ratios of the others and why one is missing", () => {
  const [first] = linear;
  const cases = [{ ...first as typeof linear[0], missing: { "NumPy SGD": "skipped: numpy not found" } }];
  const table = { id: "linear", title: "Steps", note: "A note.", base: "FGN", cases };
  const about = { runtime: "Node 20", machine: "a machine", date: "2026-01-02", command: "npm run bench" };
  const run: Run = { ...about, versions: { tfjs: "4" }, tables: [table], printed: [], goals: Object.values(byName) };
  const text = page([run]).replace(/ +/g, " ");
  expect(text).toContain("| | FGN, ms | of the peak | peak, GF/s | SGD | tfjs SGD | NumPy SGD |");
  expect(text).toContain("| 128×384×1000 | 10.0 | 80 % | 50.0 | 0.500 | 9.00 | skipped: numpy not found |");
  expect(text).toContain("| FGN / SGD, 128×384×1000 | 2.00 | ≤ 1.25 | ✗ |");
  expect(text).toContain("Goals: 3 of 4 met");
});

it("takes the gradient step that it is compared with", () => {
  const { head, data } = problem(20, 15, 7), { gradient } = getOrThrow(lossAndGradient(head, data));
  const before = parameters(head);
  const expected = before.map((value, i) => value - 0.3 * (gradient[i] as number));
  expect(relativeError(parameters(gradientStep(head, data, 0.3)), expected)).toBeLessThan(1e-6);
});

it("writes lengths above 127 of an ONNX model in two bytes", () => {
  const model = [...matMulModel(200, 3, 4)];
  expect(model.slice(0, 3)).toEqual([8, 7, 18]); // version 7 of the format, then who wrote it
  expect(model.join()).toContain([10, 3, 8, 200, 1].join());
});

it("races contenders in turns, with what each prepares", async () => {
  const order: string[] = [];
  const contender = (name: string) => ({ name, prepare: () => order.push(`${name}?`), run: () => order.push(name) });
  const best = await race([contender("a"), contender("b")], { milliseconds: 0, rounds: 2, fewest: 2 });
  expect(order).toEqual(["a?", "a", "b?", "b", "a?", "a", "b?", "b"]);
  expect(Object.keys(best)).toEqual(["a", "b"]);
  expect(Object.values(best).every((ms) => ms >= 0 && ms < 100)).toBe(true);
});

describe("the watch", () => {
  const baseline = { product: 2, step: 10 };

  it("lets pass what is within the tolerance, and what is faster", () => {
    expect(faults({ product: 2 * (1 + TOLERANCE), step: 4 }, baseline)).toEqual([]);
    expect(faults({ product: 2.1 }, baseline)).toEqual([]);
  });

  it("tells what is 40 % slower, and what has no baseline", () => {
    expect(faults({ product: 2.8, step: 10, other: 1 }, baseline)).toEqual([
      { name: "product", message: "product is 40 % slower: 2.800 of the reference, 2.000 in the baseline" },
      { name: "other", message: "other has no baseline: npm run watch:speed -- --write" },
    ]);
  });

  it("does not pass what could not be measured", () => {
    expect(faults({ product: NaN }, baseline)).toHaveLength(1);
  });
});

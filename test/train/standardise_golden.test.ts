// Standardised features against golden traces: float64 values of column scales, of the start and two steps of robust() on
// standardised rows, and of what is given back for raw features.
//
// Tolerances: means and sizes 1e-12, both are float64 sums over rows rounded to float32 before (relative to the largest
// value of the column: 1e-7, that rounding). Parameters 1e-6 at the start (one rounding to float32); 2e-4 (L2, by layer) after
// two steps, as elsewhere 1e-4 a step. Logits of raw features 1e-3 of their size: a raw column of 1,000 ± 1 and float32
// weights leave 1e-4 of a logit.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  type Batch,
  batch,
  columnScales,
  foldScales,
  getOrThrow,
  type Layer,
  logits,
  matrix,
  type Network,
  network,
  parameters,
  robust,
  type RobustState,
  standardise,
  unfoldScales,
  withParameters,
} from "../../mod.ts";
import { picker } from "../../src/data/select.ts";
import { adoptScales } from "../../src/network/fold.ts";
import { giveBack, startModel } from "../../src/train/standardise.ts";
import { flat, relativeError } from "../support/reference.ts";

interface Golden {
  readonly sizes: readonly number[];
  readonly batch: number;
  readonly rows: number;
  readonly fresh: boolean;
  readonly features: number[];
  readonly labels: number[];
  readonly columnMean: number[];
  readonly columnSize: number[];
  readonly constant: boolean[];
  readonly given: number[];
  readonly scaledStart: number[];
  readonly steps: readonly { readonly x: number[]; readonly step: number[]; readonly mu: number }[];
  readonly scaledEnd: number[];
  readonly foldedEnd: number[];
  readonly foldedAverage: number[];
  readonly logitsRawFeatures: number[];
}

const FILE = JSON.parse(readFileSync(new URL("../golden/robust_v5.json", import.meta.url), "utf8"));

/** A network of the sizes with parameters in flat order. */
function networkOf(sizes: readonly number[], values: readonly number[]): Network {
  const layers = sizes.slice(1).flatMap((rows, l): Layer[] => {
    const cols = sizes[l] as number, weight = { rows, cols, data: new Float32Array(rows * cols) };
    const dense: Layer = { _tag: "dense", weight, bias: new Float32Array(rows), frozen: false };
    return l === 0 ? [dense] : [{ _tag: "activation", kind: "relu", slope: 0 }, dense];
  });
  return getOrThrow(withParameters(getOrThrow(network(sizes[0] as number, layers)), values));
}

const rowsOf = ({ rows, sizes: [cols = 0], features, labels }: Golden): Batch =>
  getOrThrow(batch({ features: getOrThrow(matrix(rows, cols, features)), labels }));

/** Both vectors by column of the first layer, by its biases, and the rest: columns differ by 1e7 in size. */
function errors(actual: ArrayLike<number>, wanted: readonly number[], [inputs = 0, outputs = 0]: readonly number[]) {
  const all = Array.from(actual), firsts = inputs * outputs;
  const column = (from: readonly number[], j: number): number[] =>
    from.filter((_, i) => i < firsts && i % inputs === j);
  const parts = [
    ...Array.from({ length: inputs }, (_, j) => [column(all, j), column(wanted, j)] as const),
    [all.slice(firsts, firsts + outputs), wanted.slice(firsts, firsts + outputs)] as const,
    [all.slice(firsts + outputs), wanted.slice(firsts + outputs)] as const,
  ];
  return Math.max(...parts.map(([a, b]) => relativeError(a, b)));
}

for (const name of ["head_c3", "mlp_c4", "mlp_c4_resumed"]) {
  describe(`golden trace ${name}`, () => {
    const golden: Golden = FILE[name], { sizes, fresh } = golden, data = rowsOf(golden);
    const scales = getOrThrow(columnScales(data)), given = networkOf(sizes, golden.given);
    const start = fresh ? adoptScales(given, scales) : getOrThrow(unfoldScales(given, scales));

    it("has its means, sizes and constant columns", () => {
      expect(Array.from(scales.constant, Boolean)).toEqual(golden.constant);
      const cols = sizes[0] as number;
      golden.columnSize.forEach((size, j) => {
        const most = Math.max(...golden.features.filter((_, i) => i % cols === j).map(Math.abs));
        expect(Math.abs((scales.mean?.[j] as number) - (golden.columnMean[j] as number))).toBeLessThan(1e-7 * most);
        expect(Math.abs((scales.size[j] as number) - size)).toBeLessThan(1e-7 * Math.max(most, size));
      });
    });

    it("starts from its parameters", () => {
      expect(errors(parameters(start), golden.scaledStart, sizes)).toBeLessThan(1e-6);
      // The first layers of this file are drawn from a normal distribution: by themselves they count as trained ones.
      expect(flat(startModel(given, scales))).toEqual(flat(getOrThrow(unfoldScales(given, scales))));
    });

    it("takes its two steps and gives them back for raw features", () => {
      const optimizer = robust(), pick = picker(data, golden.batch, true, scales);
      let model = start, state: RobustState = optimizer.init(start);
      golden.steps.forEach(({ x, step, mu }, k) => {
        const part = pick(Uint32Array.from({ length: golden.batch }, (_, i) => k * golden.batch + i));
        expect(relativeError(part.features.data, x)).toBeLessThan(1e-4);
        const before = flat(model), update = getOrThrow(optimizer.update(model, state, part));
        const taken = flat(update.params).map((value, i) => value - (before[i] as number));
        const rounding = 1e-6 * Math.hypot(...before) / Math.max(1, Math.hypot(...step));
        expect(relativeError(taken, step)).toBeLessThan(2e-4 + rounding);
        expect(Math.abs(update.report.lambda * golden.batch / mu - 1)).toBeLessThan(1e-4);
        model = update.params;
        state = update.state;
      });
      expect(relativeError(flat(model), golden.scaledEnd)).toBeLessThan(2e-4);
      const raw = getOrThrow(foldScales(model, scales));
      expect(errors(parameters(raw), golden.foldedEnd, sizes)).toBeLessThan(1e-3);
      // The file's average begins with the parameters after the first step, that of robust() with those before it.
      const [, second] = golden.steps, end = golden.scaledEnd, decay = 2 / 11;
      const mixed = end.map((value, i) => value - decay * (second?.step[i] as number));
      const average = giveBack(getOrThrow(withParameters(model, mixed)), scales);
      expect(errors(parameters(average), golden.foldedAverage, sizes)).toBeLessThan(1e-5);
      const read = getOrThrow(logits(raw, data.features)).data;
      expect(relativeError(read, golden.logitsRawFeatures)).toBeLessThan(1e-3);
      const standard = getOrThrow(logits(model, getOrThrow(standardise(data, scales)).features)).data;
      expect(relativeError(read, Array.from(standard))).toBeLessThan(1e-3);
    });
  });
}

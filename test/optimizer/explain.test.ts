// What explain() says of optimizers and chains, word for word where the words come from options.

import { pipe } from "fp-ts/lib/function.js";
import { describe, expect, it } from "vitest";
import {
  averaged,
  clipGlobalNorm,
  cosineDecay,
  explain,
  fgn,
  l2Penalty,
  levenbergMarquardt,
  momentum,
  paper,
  robust,
  scaled,
  trustRegion,
  warmUp,
  weightDecay,
} from "../../mod.ts";

describe("explain()", () => {
  it("gives the name, then a line for each part, in the order of the chain", () => {
    const chain = pipe(
      fgn({ damping: levenbergMarquardt({ lambda: 0.1 }), metric: "centred", refine: 0 }),
      momentum(0.8),
      weightDecay(warmUp(100, 0.01)),
      clipGlobalNorm(2),
      scaled(cosineDecay(5)),
      averaged(0.9),
    );
    expect(explain(chain).split("\n")).toEqual([
      "averaged(scaled(clipGlobalNorm(weightDecay(momentum(fgn)))))",
      "  - Fast Gauss-Newton: one margin an example, solved in one system with a row an example",
      "  - damping: levenbergMarquardt, lambda 0.1, raise 2, lower 0.95, attempts 16",
      "  - metric: centred",
      "  - refine: 0",
      "  - the damping draws each step towards 0.8 of the one before",
      "  - takes a share of the weights off after every step: rises to 0.01 over 100 steps",
      "  - scales steps longer than 2 down to that length",
      "  - step length: falls to 0 over 5 steps by half a cosine",
      "  - evaluates a running average of the parameters, decay min(0.9, n/(n + 9))",
    ]);
  });

  it("names what a step is asked for, numbers and the parts of the presets", () => {
    const asked = explain(pipe(fgn({ damping: 0.1 }), l2Penalty(0.5), trustRegion(0.2)));
    expect(asked).toContain("trustRegion(l2Penalty(fgn))\n");
    for (
      const part of [
        "damping: 0.1",
        "½ 0.5 ‖W‖² over the weights",
        "no layer of several moves by more than 0.2 of its size",
      ]
    ) {
      expect(asked).toContain(part);
    }
    expect(explain(paper())).toMatch(/^paper\n {2}- Fast Gauss-Newton.*\n {2}- damping: relative, ratio 1$/);
    const told = explain(robust({ caution: 2, rule: "steady" }));
    expect(told.split("\n")[0]).toBe("robust");
    for (
      const part of [
        "κ(m)",
        "metric",
        "two-stage",
        "damping by the steady rule, caution 2",
        "trust region 0.2",
        "average",
        "knob",
      ]
    ) {
      expect(told).toContain(part);
    }
  });

  it("says what training does around an optimizer, given its options", () => {
    const plain = explain(robust()), run = explain(robust(), {}), raw = explain(robust(), { standardise: false });
    for (const text of [run, raw]) expect(text.startsWith(`${plain}\n  - train: `)).toBe(true);
    expect(run).toContain("centres and scales the columns");
    expect(raw).toContain("features as they are");
    expect(run).toContain("beyond 10 of a column's deviations");
    expect(explain(robust(), { clip: false })).not.toContain("beyond");
    expect(explain(robust(), null as never)).toBe(plain);
  });
});

// Optimizers that are told to be more careful: the step is that of the option, the state that of the optimizer.

import { describe, expect, it } from "vitest";
import {
  averaged,
  clipGlobalNorm,
  fgn,
  getOrThrow,
  type Network,
  type Optimizer,
  robust,
  type RobustState,
  weightDecay,
} from "../../mod.ts";
import { flat, left, problem } from "../support/reference.ts";

type Steered<S> = Required<Optimizer<Network, S>>;
const optimizer = robust() as Steered<RobustState>;

describe("steering", () => {
  const { head, data } = problem(12, 6, 3), start = optimizer.init(head);

  it("multiplies the damping of every update, beside the option, until it is said anew", () => {
    const steered = getOrThrow(optimizer.steer(start, 4));
    expect(start).not.toHaveProperty("caution");
    const first = getOrThrow(optimizer.update(head, steered, data)), option = robust({ caution: 4 });
    const wanted = getOrThrow(option.update(head, option.init(head), data));
    expect(flat(first.params)).toEqual(flat(wanted.params));
    expect(first.state).toEqual({ ...wanted.state, caution: 4 });
    const second = getOrThrow(optimizer.update(first.params, first.state, data));
    const after = getOrThrow(option.update(wanted.params, wanted.state, data));
    expect(flat(second.params)).toEqual(flat(after.params));
    const both = robust({ caution: 2 }) as Steered<RobustState>;
    const twice = getOrThrow(both.update(head, getOrThrow(both.steer(start, 2)), data));
    expect(flat(twice.params)).toEqual(flat(first.params));
    const back = getOrThrow(optimizer.update(head, getOrThrow(optimizer.steer(steered, 1)), data));
    expect(flat(back.params)).toEqual(flat(getOrThrow(optimizer.update(head, start, data)).params));
  });

  it("leaves a state as it is that was never steered", () => {
    expect(getOrThrow(optimizer.update(head, start, data)).state).not.toHaveProperty("caution");
  });

  it("is handed on by transforms, and there is none in fgn", () => {
    const around = averaged(0.9)(weightDecay(0.1)(optimizer)), state = around.init(head);
    const steered = getOrThrow((around as Steered<typeof state>).steer(state, 3));
    expect(steered).toEqual({
      ...state,
      inner: { ...state.inner, inner: { ...start, ...state.inner.inner, caution: 3 } },
    });
    const clipped = clipGlobalNorm(1)(optimizer) as Steered<RobustState>;
    expect(getOrThrow(clipped.steer(start, 3))).toEqual({ ...start, caution: 3 });
    expect(fgn().steer).toBeUndefined();
  });

  it("refuses cautions and states that are none", () => {
    for (const caution of [0, -1, NaN, Infinity, "2" as never]) {
      expect(left(optimizer.steer(start, caution))).toMatchObject({ _tag: "InvalidOption", option: "caution" });
      const state = { ...start, caution };
      expect(left(optimizer.update(head, state, data))).toMatchObject({ _tag: "InvalidState", path: "caution" });
      expect(left(optimizer.steer(state, 1))).toMatchObject({ _tag: "InvalidState", path: "caution" });
    }
    expect(left(optimizer.steer(null as never, 1))._tag).toBe("WrongKind");
    expect(left((robust({ caution: 0 }) as Steered<RobustState>).steer(start, 1))).toMatchObject({ option: "caution" });
  });
});

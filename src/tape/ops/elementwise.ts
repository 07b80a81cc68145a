// Operations without parameters: activations, sums and multiples of slots.

import { f32, NONE } from "../../kernel/arena.ts";
import { type Activation, ACTIVATIONS } from "../../network/activations.ts";
import { type Op, parameterless, type Slot, up4 } from "../tape.ts";
import type { Context } from "./signals.ts";

/** out = f(in); the forward pass leaves f′(in) at `derivative` for backward and tangent. */
export function activation(
  { kernel, rows }: Context,
  { kind, slope }: Activation,
  input: Slot,
  output: Slot,
  derivative: number,
): Op {
  const { exports } = kernel;
  const length = output.width * up4(rows), { number } = ACTIVATIONS[kind];
  return {
    ...parameterless,
    output,
    forward: ({ trial }) => {
      if (trial) exports.activate(number, length, slope, input.trial, output.trial, NONE);
      else exports.activate(number, length, slope, input.value, output.value, derivative);
    },
    backward: () => {
      if (input.depends) exports.multiplyAdd(length, derivative, output.signal, input.signal);
    },
    tangent: () => {
      f32(kernel, output.tangent, length).fill(0);
      if (input.depends) exports.multiplyAdd(length, derivative, input.tangent, output.tangent);
    },
  };
}

/** out = first + second. */
export function add({ kernel, rows }: Context, first: Slot, second: Slot, output: Slot): Op {
  const { exports } = kernel;
  const length = output.width * up4(rows);
  const sum = (a: number, b: number, to: number): void => {
    f32(kernel, to, length).set(f32(kernel, a, length));
    exports.axpy(length, 1, b, to);
  };
  return {
    ...parameterless,
    output,
    forward: ({ trial }) =>
      trial ? sum(first.trial, second.trial, output.trial) : sum(first.value, second.value, output.value),
    backward: () => {
      for (const slot of [first, second]) if (slot.depends) exports.axpy(length, 1, output.signal, slot.signal);
    },
    tangent: () => {
      f32(kernel, output.tangent, length).fill(0);
      for (const slot of [first, second]) if (slot.depends) exports.axpy(length, 1, slot.tangent, output.tangent);
    },
  };
}

/** out = factor · in. */
export function multiple({ kernel, rows }: Context, factor: number, input: Slot, output: Slot): Op {
  const { exports } = kernel;
  const length = output.width * up4(rows);
  const scale = (from: number, to: number): void => {
    f32(kernel, to, length).fill(0);
    exports.axpy(length, factor, from, to);
  };
  return {
    ...parameterless,
    output,
    forward: ({ trial }) => trial ? scale(input.trial, output.trial) : scale(input.value, output.value),
    backward: () => {
      if (input.depends) exports.axpy(length, factor, output.signal, input.signal);
    },
    tangent: () => scale(input.tangent, output.tangent),
  };
}

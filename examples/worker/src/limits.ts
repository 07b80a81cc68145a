// The limits: all that a request may ask of the worker. Each is a var of wrangler.jsonc.

import * as E from "fp-ts/Either";
import { type Answered, refuse } from "./answers.ts";
import type { Env } from "./env.ts";

/** The limits and what they are where the vars leave them out. */
const DEFAULTS = {
  /** Bytes of a body of examples. */
  MAX_BODY_BYTES: 2 * 2 ** 20,
  /** Bytes of a head's file. */
  MAX_HEAD_BYTES: 8 * 2 ** 20,
  /** Bytes of all bodies that are being read at once. */
  MAX_HELD_BYTES: 16 * 2 ** 20,
  /** Examples of one request. */
  MAX_EXAMPLES: 64,
  /** Classes of the head. */
  MAX_CLASSES: 1024,
  /** Numbers of one embedding. */
  MAX_FEATURES: 1536,
  /** UTF-16 units of a label. */
  MAX_LABEL_LENGTH: 100,
  /** Learns and new heads that are worked on or wait for their turn. */
  MAX_WAITING: 16,
  /** Milliseconds of a learn's turn, after which no more of its examples are begun. */
  MAX_MILLISECONDS: 5000,
};

type Name = keyof typeof DEFAULTS;

/** The limits, by name, and the ratio of the optimizer (undefined: the library's own). */
export interface Limits extends Readonly<Record<Name, number>> {
  readonly RATIO: number | undefined;
}

const isSet = (value: unknown): value is string | number => value !== undefined && value !== "";

function misconfigured(name: string, value: unknown, wanted: string): Answered<never> {
  return refuse(500, "Misconfigured", `the var ${name} is ${JSON.stringify(value)}`, `Set it to ${wanted}`);
}

function whole(env: Env, name: Name): Answered<number> {
  const value = env[name];
  if (!isSet(value)) return E.right(DEFAULTS[name]);
  const number = Number(value);
  return Number.isSafeInteger(number) && number > 0
    ? E.right(number)
    : misconfigured(name, value, "a whole number from 1");
}

/** The limits that the vars say. */
export function readLimits(env: Env): Answered<Limits> {
  const limits = { ...DEFAULTS };
  for (const name of Object.keys(DEFAULTS) as Name[]) {
    const value = whole(env, name);
    if (value._tag === "Left") return value;
    limits[name] = value.right;
  }
  const { RATIO } = env;
  if (!isSet(RATIO)) return E.right({ ...limits, RATIO: undefined });
  const ratio = Number(RATIO);
  return ratio > 0 && ratio < Infinity
    ? E.right({ ...limits, RATIO: ratio })
    : misconfigured("RATIO", RATIO, "a positive number");
}

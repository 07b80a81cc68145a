// The limits: all that a request may ask of the worker. Each is a var of wrangler.jsonc; they are checked together.

import * as E from "fp-ts/Either";
import { type Answered, refuse } from "./answers.ts";
import type { Env } from "./env.ts";

/** The limits and what they are where the vars leave them out. */
const DEFAULTS = {
  /** Bytes of a body of examples. */
  MAX_BODY_BYTES: 2 * 2 ** 20,
  /** Bytes of a head's file. */
  MAX_HEAD_BYTES: 8 * 2 ** 20,
  /** Bytes of all bodies with the token that are being read at once: those of learns and new heads. */
  MAX_HELD_BYTES: 10 * 2 ** 20,
  /** Bytes of all bodies without the token that are being read at once: those of predictions. */
  MAX_OPEN_BYTES: 6 * 2 ** 20,
  /** Examples of one request. */
  MAX_EXAMPLES: 64,
  /** Classes of the head. */
  MAX_CLASSES: 1024,
  /** Numbers of one embedding. */
  MAX_FEATURES: 1536,
  /** Classes that a prediction names. */
  MAX_TOP: 100,
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

const isSet = (value: unknown): boolean => value !== undefined && value !== "";

/** The refusal of every request until the vars or secrets are mended. */
export function misconfigured(message: string, remedy: string): Answered<never> {
  return refuse(500, "Misconfigured", message, remedy);
}

function wrong(name: string, value: unknown, wanted: string): Answered<never> {
  return misconfigured(`the var ${name} is ${JSON.stringify(value)}`, `Set it to ${wanted}`);
}

const DECIMAL = /^\d*\.?\d+(?:e[+-]?\d+)?$/i;

/** The number of a var, which is a number or the text of one: NaN for all else, such as true or null. */
const numberOf = (value: unknown): number =>
  typeof value === "number" || (typeof value === "string" && DECIMAL.test(value)) ? Number(value) : NaN;

function whole(env: Env, name: Name): Answered<number> {
  const value = env[name];
  if (!isSet(value)) return E.right(DEFAULTS[name]);
  const number = numberOf(value);
  return Number.isSafeInteger(number) && number > 0 ? E.right(number) : wrong(name, value, "a whole number from 1");
}

/** Vars that would be limits if their names were known: a misspelt limit would be none. */
function checkNames(env: Env): Answered<void> {
  const unknown = Object.keys(env).find((name) => name.startsWith("MAX_") && !Object.hasOwn(DEFAULTS, name));
  return unknown === undefined
    ? E.right(undefined)
    : misconfigured(`there is no limit ${unknown}`, `Name one of ${Object.keys(DEFAULTS).join(", ")}`);
}

/** Limits that are at least another one: a room that has no place for a body would be full for ever. */
const AT_LEAST: readonly (readonly [Name, Name])[] = [
  ["MAX_HELD_BYTES", "MAX_BODY_BYTES"],
  ["MAX_HELD_BYTES", "MAX_HEAD_BYTES"],
  ["MAX_OPEN_BYTES", "MAX_BODY_BYTES"],
];

/** Limits that are sound one by one may still contradict each other. */
function checkTogether(limits: Limits): Answered<Limits> {
  if (limits.MAX_CLASSES < 2) return wrong("MAX_CLASSES", limits.MAX_CLASSES, "2 or more, as no head has fewer");
  for (const [room, body] of AT_LEAST) {
    if (limits[room] >= limits[body]) continue;
    return misconfigured(
      `${room} is ${limits[room]}, but ${body} is ${limits[body]}: such a body would never be read`,
      `Raise ${room} to ${limits[body]} or more, or lower ${body}`,
    );
  }
  return E.right(limits);
}

/** The limits that the vars say. */
export function readLimits(env: Env): Answered<Limits> {
  const names = checkNames(env);
  if (names._tag === "Left") return names;
  const limits = { ...DEFAULTS };
  for (const name of Object.keys(DEFAULTS) as Name[]) {
    const value = whole(env, name);
    if (value._tag === "Left") return value;
    limits[name] = value.right;
  }
  const { RATIO } = env;
  if (!isSet(RATIO)) return checkTogether({ ...limits, RATIO: undefined });
  const ratio = numberOf(RATIO);
  return ratio > 0 && ratio < Infinity
    ? checkTogether({ ...limits, RATIO: ratio })
    : wrong("RATIO", RATIO, "a positive number");
}

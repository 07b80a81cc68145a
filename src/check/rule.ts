/**
 * Rules of options: what each may be, by name, and the one reader of options that goes by them.
 *
 * A function that takes options has a table of rules over their keys, {@link Rules}: an option without a rule does not
 * compile. Options are read once, before any work; what comes of it is an object of the library's own, without those that
 * are undefined, so that spreading it over defaults leaves these in place.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import { type FgnError, invalid } from "./error.ts";
import { checkKind, isError, isObject } from "./kind.ts";
import { type Elsewhere, unknownOption } from "./nearest.ts";
import { thrownBy } from "./total.ts";

/** Whether a value fits, type first, then range; values that do, in words; and the rules of the options within. */
export type Rule = readonly [
  fits: (value: unknown) => boolean,
  wanted: string,
  within?: Readonly<Record<string, Rule>>,
];

/** A rule for every option. */
export type Rules<Options> = { readonly [Name in keyof Options]-?: Rule };

type Table = Readonly<Record<string, Rule>>;

const isNumber = (value: unknown): value is number => typeof value === "number";

/** True or false. */
export const FLAG: Rule = [(value) => typeof value === "boolean", "true or false"];
/** A finite number. */
export const NUMBER: Rule = [(value) => Number.isFinite(value), "a finite number"];
/** (0, ∞). */
export const POSITIVE: Rule = [(value) => isNumber(value) && value > 0 && value < Infinity, "a positive number"];
/** [0, ∞). */
export const FROM_ZERO: Rule = [(value) => isNumber(value) && value >= 0 && value < Infinity, "a number of at least 0"];
/** (0, 1). */
export const SHARE: Rule = [(value) => isNumber(value) && value > 0 && value < 1, "a number in (0, 1)"];
/** [0, 1). */
export const BELOW_ONE: Rule = [(value) => isNumber(value) && value >= 0 && value < 1, "a number in [0, 1)"];
/** 1, 2, 3 … */
export const COUNT: Rule = [(value) => Number.isSafeInteger(value) && value as number >= 1, "a whole number from 1"];
/** 2, 3, 4 … */
export const TWO_OR_MORE: Rule = [
  (value) => Number.isSafeInteger(value) && value as number >= 2,
  "a whole number from 2",
];
/** 0, 1, 2 … */
export const WHOLE: Rule = [(value) => Number.isSafeInteger(value) && value as number >= 0, "a whole number from 0"];
/** What is judged by something else, which says more about it. */
export const ANY: Rule = [() => true, ""];

/** A function. */
export const FUNCTION: Rule = [(value) => typeof value === "function", "a function"];

/** One of a few words. */
export const oneOf = (...words: readonly string[]): Rule => [
  (value) => words.includes(value as string),
  words.join(", ").replace(/, ([^,]*)$/, " or $1"),
];

/** An object with options of its own. */
export const holding = <Inner>(rules: Rules<Inner>, wanted: string): Rule => [isObject, wanted, rules as Table];

/** Tables as one. */
export const union = <A, B, C = unknown, D = unknown, F = unknown>(
  a: A,
  b: B,
  c?: C,
  d?: D,
  f?: F,
): A & B & C & D & F => ({ ...a, ...b, ...c, ...d, ...f }) as A & B & C & D & F;

/** A table of some of the names of another. */
export const only = <A, Name extends keyof A>(table: A, ...names: readonly Name[]): Pick<A, Name> =>
  Object.fromEntries(names.map((name) => [name, table[name]])) as unknown as Pick<A, Name>;

/** A table without some of its names. */
export function without<A, Name extends keyof A>(table: A, ...names: readonly Name[]): Omit<A, Name> {
  const rest = { ...table };
  for (const name of names) delete rest[name];
  return rest;
}

type Given = Record<string, unknown>;

/** What is given where nothing is. */
const NOTHING = /* @__PURE__ */ E.right<FgnError, Given>({});

/**
 * Names under which an object may hold options: its own, and where it is of a class or made from another object the known
 * ones, which its prototype may hold. Undefined: it is none, but a list, a date, an Either or the like.
 */
function namesOf(options: unknown, rules: Table): readonly string[] | undefined {
  if (!isObject(options) || "_tag" in options) return undefined;
  const names = Object.keys(options), prototype: unknown = Object.getPrototypeOf(options);
  if (prototype === Object.prototype || prototype === null) return names;
  if (Object.prototype.toString.call(options) !== "[object Object]") return undefined;
  return [...new Set([...names, ...Object.keys(rules)])];
}

/** `within` is the option that these are the options of, and a dot. */
function read(options: unknown, rules: Table, within: string, elsewhere: Elsewhere): E.Either<FgnError, Given> {
  const names = namesOf(options, rules), given: Given = {};
  if (names === undefined) {
    return checkKind(`the options ${within}`.trim(), options as Given, false, "an object with options");
  }
  if (names.length === 0) return NOTHING;
  for (const name of names) {
    const value = (options as Given)[name], path = within + name;
    if (value === undefined) continue;
    const rule = Object.hasOwn(rules, name) && rules[name];
    if (!rule) return unknownOption(path, value, Object.keys(rules), elsewhere);
    if (!rule[0](value)) return invalid(path, value, rule[1]);
    const inner = rule[2] && read(value, rule[2], `${path}.`, elsewhere);
    if (inner?._tag === "Left") return inner;
    given[name] = inner ? inner.right : value;
  }
  return E.right(given);
}

/**
 * Options that fit, in an object of their own without those that are undefined. Errors: `WrongKind` (no object),
 * `InvalidOption`.
 * @internal
 */
export function checkOptions<Options extends object>(
  options: Options,
  rules: Rules<NoInfer<Options>>,
  elsewhere: Elsewhere = {},
): E.Either<FgnError, Options> {
  try {
    return read(options, rules as Table, "", elsewhere) as E.Either<FgnError, Options>;
  } catch (cause) {
    return thrownBy("options", { options }, cause);
  }
}

/** What a constructor makes that returns no Either: what was wrong with its arguments goes along, and is told on first use. */
export interface Faulty {
  /** What was wrong with the arguments that made this; absent where nothing was. Whatever takes it returns it as its error. */
  readonly fault?: FgnError | null;
}

/**
 * The fault of what a constructor made; undefined where there is none, or a caller put something else in its place.
 * @internal
 */
export function faultIn(value: unknown): FgnError | undefined {
  const fault: unknown = isObject(value) ? value.fault : undefined;
  return isError(fault) ? fault : undefined;
}

/**
 * What a constructor makes of options that fit; of others its defaults, with the fault.
 * @internal
 */
export function makeOf<Options extends object, A extends object>(
  options: Options,
  rules: Rules<NoInfer<Options>>,
  make: (options: Partial<Options>) => A,
): A & Faulty {
  const checked = checkOptions(options, rules);
  return checked._tag === "Right" ? make(checked.right) : { ...make({}), fault: checked.left };
}

/**
 * Fields of a value that hold what their rules say. Errors: `InvalidOption`.
 * @internal
 */
export function checkFields<Fields extends object>(
  value: Fields,
  rules: Readonly<Partial<Record<keyof Fields, Rule>>>,
): E.Either<FgnError, Fields> {
  for (const name in rules) {
    const [fits, wanted] = rules[name] as Rule;
    if (!fits(value[name])) return invalid(name, value[name], wanted);
  }
  return E.right(value);
}

/**
 * The fault of an argument by a rule, or null.
 * @internal
 */
export function faultOf(name: string, value: unknown, [fits, wanted]: Rule): FgnError | null {
  if (fits(value)) return null;
  const error = invalid(name, value, wanted);
  return error._tag === "Left" ? error.left : null;
}

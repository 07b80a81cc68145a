// One call with hostile arguments, and whether it kept the promises of the library.

import type { FgnErrorTag } from "../../mod.ts";
import { type Hostile, hostileValue, showAny } from "./hostile.ts";
import { type Chance, chanceOf } from "./random.ts";
import { type Recipe, RECIPES } from "./recipes.ts";
import { snapshot } from "./snapshot.ts";

/** A promise that a call broke. */
export interface Fault {
  /** The name of the function. */
  readonly name: string;
  /** Which promise: `throws`, `untyped`, `unexpected`, `mutates`, `slow`, `kernel`. */
  readonly kind: string;
  /** What was given, and what came of it. */
  readonly text: string;
}

/** Every tag of an error: a compiler error here names one that is missing. */
const TAGS: { readonly [Tag in FgnErrorTag]: true } = {
  ShapeMismatch: true,
  WrongKind: true,
  InvalidSize: true,
  DonatedParameters: true,
  EmptyBatch: true,
  LabelOutOfRange: true,
  NotFinite: true,
  NegativeWeight: true,
  ZeroWeights: true,
  InvalidDamping: true,
  InvalidOption: true,
  FeatureMismatch: true,
  OutOfMemory: true,
  UnsupportedRuntime: true,
  CompilationForbidden: true,
  KernelBusy: true,
  Overflow: true,
  NotPositiveDefinite: true,
  InvalidSparse: true,
  InvalidTargets: true,
  InvalidProbabilities: true,
  InvalidTable: true,
  InvalidLabels: true,
  InvalidLayer: true,
  ModelMismatch: true,
  CheckpointMismatch: true,
  ModelFailure: true,
  InvalidFile: true,
  NotPlain: true,
  Unsupported: true,
  Released: true,
  DeviceLost: true,
  DeviceFailure: true,
  StorageFailed: true,
  TimedOut: true,
  TooLarge: true,
  CallbackFailure: true,
  InvalidState: true,
  Unexpected: true,
};

/** A place in the arguments: the object or list that holds it, and its key. */
interface Spot {
  readonly holder: Record<string | number, unknown>;
  readonly key: string | number;
  readonly path: string;
}

/** All places in the arguments that can be replaced, of typed arrays only the first numbers. */
function spotsOf(args: unknown[], struck: ReadonlySet<unknown>): Spot[] {
  const spots: Spot[] = [];
  const visit = (value: unknown, path: string, depth: number): void => {
    // What an earlier strike put there is left as it is.
    if (struck.has(value)) return;
    if (typeof value !== "object" || value === null || depth > 8 || Object.isFrozen(value)) return;
    if (ArrayBuffer.isView(value) || value instanceof AbortSignal || value instanceof Map) return;
    for (const key of Object.keys(value).slice(0, 12)) {
      const field = Object.getOwnPropertyDescriptor(value, key);
      if (field === undefined || !("value" in field)) continue;
      const inner = Array.isArray(value) ? `${path}[${key}]` : path === "" ? key : `${path}.${key}`;
      spots.push({ holder: value as Spot["holder"], key, path: inner });
      visit(field.value, inner, depth + 1);
    }
  };
  visit(args, "", 0);
  return spots;
}

/** Replaces one place. Gives what was done, in words. */
function strike(args: unknown[], struck: Set<unknown>, chance: Chance): string {
  const spots = spotsOf(args, struck);
  if (spots.length === 0) return "nothing more";
  // Each depth has the same share, so that the arguments themselves are replaced as often as their numbers.
  const depths = [...new Set(spots.map(({ path }) => path.split(/[.[]/).length))];
  const depth = chance.of(depths);
  const { holder, key, path } = chance.of(spots.filter(({ path }) => path.split(/[.[]/).length === depth));
  const before = holder[key];
  // The arguments themselves are values by then.
  switch (holder === args as unknown ? 3 + chance.below(8) : chance.below(11)) {
    case 0:
      Object.defineProperty(holder, key, {
        enumerable: true,
        configurable: true,
        get: () => {
          throw new Error("boom");
        },
      });
      return `${path} = a getter that throws`;
    case 1: {
      // A value that is right at first, and throws later.
      let left = chance.below(12);
      const get = (): unknown => {
        if (left-- <= 0) throw new Error("boom");
        return before;
      };
      Object.defineProperty(holder, key, { enumerable: true, configurable: true, get });
      return `${path} = a getter that throws at its read ${left + 1}`;
    }
    case 2: {
      // A value that is right at first, and another one later.
      let left = chance.below(12);
      const { name, value }: Hostile = hostileValue(chance);
      const get = (): unknown => left-- > 0 ? before : value;
      Object.defineProperty(holder, key, { enumerable: true, configurable: true, get });
      return `${path} = a getter that gives ${name} from its read ${left + 1}`;
    }
    case 3:
      holder[key] = chance.of([{ _tag: "Right", right: before }, { _tag: "Left", left: before }, () => before, [
        before,
      ]]);
      return `${path} = itself within another value`;
    default: {
      const { name, value }: Hostile = hostileValue(chance);
      holder[key] = value;
      struck.add(value);
      return `${path} = ${name}`;
    }
  }
}

/** Reads a result as an Either of the library; undefined where it is one, else what is wrong with it. */
function faultOfEither(result: unknown): Pick<Fault, "kind" | "text"> | undefined {
  const { _tag, left } = Object(result) as { readonly _tag?: unknown; readonly left?: Record<string, unknown> };
  if (_tag === "Right") return undefined;
  if (_tag !== "Left") return { kind: "untyped", text: `gave ${showAny(result)}` };
  if (left?.["_tag"] === "Unexpected") return { kind: "unexpected", text: String(left["message"]) };
  const isTyped = left !== undefined && Object.hasOwn(TAGS, left["_tag"] as string) &&
    typeof left["message"] === "string" && typeof left["remedy"] === "string";
  return isTyped ? undefined : { kind: "untyped", text: `gave a Left of ${showAny(left?.["_tag"] ?? left)}` };
}

const isThenable = (value: unknown): value is Promise<unknown> =>
  typeof (value as { readonly then?: unknown } | null | undefined)?.then === "function";

/** The end of a call: its fault, and whether it gave a Right. */
interface End {
  readonly fault: Pick<Fault, "kind" | "text"> | undefined;
  readonly isRight: boolean;
}

const endOf = (result: unknown): End => ({
  fault: faultOfEither(result),
  isRight: (result as { readonly _tag?: unknown } | undefined)?._tag === "Right",
});

const endAs = (kind: string, text: string): End => ({ fault: { kind, text }, isRight: false });

/** The end of an iterator, whose first Left is its last value. */
async function endOfRecords(records: AsyncIterable<unknown>): Promise<End> {
  let end: End = { fault: undefined, isRight: true };
  for await (const record of records) {
    if (!end.isRight) return endAs("untyped", "went on after a Left");
    end = endOf(record);
    if (end.fault !== undefined) return end;
  }
  return end;
}

/** Calls a function, to the end of its task or iterator. */
async function run({ call, gives, ends }: Recipe, args: readonly unknown[]): Promise<End> {
  try {
    const result = (call as (...args: readonly unknown[]) => unknown)(...args);
    if (typeof gives === "function") {
      return gives(result) ? { fault: undefined, isRight: true } : endAs("untyped", `gave ${showAny(result)}`);
    }
    if (gives === "either") return endOf(result);
    if (gives === "iterator") return await endOfRecords(result as AsyncIterable<unknown>);
    const promise = gives === "task" ? (result as () => unknown)() : result;
    if (!isThenable(promise)) return endAs("untyped", `gave ${showAny(promise)} in the place of a promise`);
    const settled = await promise;
    if (ends === true) (settled as { readonly right?: { readonly close?: () => void } }).right?.close?.();
    return endOf(settled);
  } catch (error) {
    const stack = error instanceof Error ? (error.stack ?? "").split("\n") : [];
    const at = stack.find((line) => line.includes("/src/"))?.trim().replace(/^.*\/src\//, "") ?? "";
    return endAs("throws", `${showAny(error)} ${at}`);
  }
}

/** A call with well-formed arguments: what is wrong with it, and whether it gave a Right. */
export const callWell = (name: string, variant: number): Promise<End> => {
  const recipe = RECIPES[name] as Recipe;
  return run(recipe, recipe.args(variant));
};

/** Most milliseconds of a call. */
const SLOW = 1000;

/**
 * One call, known by its seed. Undefined: all is well. A call that was slow is made again: machines are shared, and the
 * faster one counts.
 */
export async function attack(name: string, seed: number, again = false): Promise<Fault | undefined> {
  const recipe = RECIPES[name] as Recipe;
  const chance = chanceOf(seed), variant = chance.below(60), args = [...recipe.args(variant)];
  const strikes: string[] = [], struck = new Set<unknown>();
  const times = args.length === 0 ? 0 : chance.below(4) === 0 ? 2 : 1;
  for (let i = 0; i < times; i++) strikes.push(strike(args, struck, chance));
  const fault = (kind: string, text: string): Fault => ({
    name,
    kind,
    text: `${name}(${strikes.join("; ")}), seed ${seed}: ${text}`,
  });
  const before = snapshot(args), started = performance.now();
  const end = await run(recipe, args);
  const spent = performance.now() - started;
  if (end.fault !== undefined) return fault(end.fault.kind, end.fault.text);
  if (spent > SLOW) return again ? fault("slow", `took ${Math.round(spent)} ms`) : await attack(name, seed, true);
  const donates = strikes.some((text) => text.includes("donate"));
  return donates || snapshot(args) === before ? undefined : fault("mutates", "its arguments were changed");
}

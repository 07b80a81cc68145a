// Values that no caller should give, of all kinds, each by a name. They are made anew for every call.

import { runInNewContext } from "node:vm";
import type { Chance } from "./random.ts";

/** The exception of everything here that throws. */
class Boom extends Error {}

const boom = (): never => {
  throw new Boom("boom");
};

/** A proxy whose every trap throws. */
const throwingProxy = (target: object): unknown =>
  new Proxy(target, {
    get: boom,
    has: boom,
    ownKeys: boom,
    getPrototypeOf: boom,
    getOwnPropertyDescriptor: boom,
    set: boom,
    defineProperty: boom,
  });

function revoked(target: object): unknown {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
}

function detached(): unknown {
  const array = new Float32Array(6);
  structuredClone(array, { transfer: [array.buffer] });
  return array;
}

function cyclic(): unknown {
  const value: Record<string, unknown> = { _tag: "residual", rows: 1, cols: 1 };
  value["layers"] = [value];
  value["data"] = value;
  value["inner"] = value;
  return value;
}

function cyclicArray(): unknown {
  const value: unknown[] = [];
  value.push(value);
  return value;
}

function holes(): unknown {
  const value: unknown[] = [1, 2];
  value[5] = 3;
  return value;
}

class Instance {
  readonly rows = 2;
  readonly cols = 3;
  get data(): unknown {
    return boom();
  }
}

class Silent {
  get length(): number {
    return 6;
  }
}

/** A rejected promise that nobody has to wait for. */
function rejected(): unknown {
  const promise = Promise.reject(new Boom("boom"));
  promise.catch(() => undefined);
  return promise;
}

const unreadable = (key: string): unknown => Object.defineProperty({}, key, { enumerable: true, get: boom });

const TAGS = [
  "dense",
  "network",
  "custom",
  "residual",
  "relative",
  "misfit",
  "Left",
  "Right",
  "resident",
  "activation",
];
const KEYS = [
  "length",
  "_tag",
  "rows",
  "data",
  "features",
  "layers",
  "labels",
  "weights",
  "0",
  "name",
  "update",
  "then",
];

/** Values that are no functions. */
const VALUES: readonly (readonly [name: string, make: (chance: Chance) => unknown])[] = [
  ["undefined", () => undefined],
  ["null", () => null],
  ["NaN", () => NaN],
  ["Infinity", () => Infinity],
  ["-Infinity", () => -Infinity],
  ["-0", () => -0],
  ["0", () => 0],
  ["-1", () => -1],
  ["0.5", () => 0.5],
  ["3", () => 3],
  ["2^53", () => 2 ** 53],
  ["1e308", () => 1e308],
  ["5e-324", () => 5e-324],
  ['""', () => ""],
  ['"1"', () => "1"],
  ["a name", () => "__proto__"],
  ["a long text", () => "x".repeat(10_000)],
  ["true", () => true],
  ["false", () => false],
  ["a symbol", () => Symbol("s")],
  ["1n", () => 1n],
  ["a date", () => new Date(0)],
  ["a date that is none", () => new Date(NaN)],
  ["{}", () => ({})],
  ["an object without a prototype", () => Object.create(null)],
  ["[]", () => []],
  ["holes", holes],
  ["[null]", () => [null]],
  ["[[1, 2, 3]]", () => [[1, 2, 3], [4, 5, 6]]],
  ["a list of texts", () => ["1", "2", "3"]],
  ["a list of symbols", () => [Symbol("s"), Symbol("t")]],
  ["a list of 1n", () => [1n, 2n]],
  ["a list of objects without a prototype", () => [Object.create(null), Object.create(null)]],
  ["a throwing list", () => Object.defineProperty([1, 2, 3, 4, 5, 6], 1, { get: boom })],
  ["a throwing getter", (chance) => unreadable(chance.of(KEYS))],
  ["a throwing proxy", () => throwingProxy({})],
  ["a throwing proxy of a list", () => throwingProxy([])],
  ["a revoked proxy", () => revoked({})],
  ["a revoked proxy of a list", () => revoked([])],
  ["a proxy of an array of numbers", () => new Proxy(new Float32Array(6), {})],
  ["an object that gives itself", () => {
    const self: unknown = new Proxy({}, { get: (_, key) => typeof key === "symbol" ? undefined : self });
    return self;
  }],
  ["a frozen object", () => Object.freeze({ rows: 2, cols: 3, data: Object.freeze([1, 2, 3, 4, 5, 6]) })],
  ["a sealed list", () => Object.seal([1, 2, 3])],
  ["a cycle", cyclic],
  ["a cycle of lists", cyclicArray],
  ["a detached array", detached],
  ["an array of shared memory", () => new Float32Array(new SharedArrayBuffer(24))],
  ["BigInt64Array", () => BigInt64Array.of(0n, 1n, 2n)],
  ["BigUint64Array", () => BigUint64Array.of(2n ** 63n, 1n, 2n)],
  ["a Float32Array with NaN", () => Float32Array.of(0, NaN, 1, 1, 1, 1)],
  ["a Float64Array", () => Float64Array.of(0, 1, 2, 1e39, -1e308, 0.5)],
  ["an empty Float32Array", () => new Float32Array(0)],
  ["a buffer", () => new ArrayBuffer(24)],
  ["a view", () => new DataView(new ArrayBuffer(24))],
  ["bytes", () => Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 123)],
  ["a Left", () => ({ _tag: "Left", left: "no error" })],
  ["a Left of nothing", () => ({ _tag: "Left", left: undefined })],
  ["a Right of nothing", () => ({ _tag: "Right", right: undefined })],
  ["a Right of {}", () => ({ _tag: "Right", right: {} })],
  ["a promise", () => Promise.resolve(1)],
  ["a rejected promise", rejected],
  ["a thenable that throws", () => ({ then: boom })],
  ["a tag of others", (chance) => ({ _tag: chance.of(TAGS) })],
  ["a tag with layers", (chance) => ({ _tag: chance.of(TAGS), inputs: 2, outputs: 3, layers: [{ _tag: "dense" }] })],
  ["a custom model of nothing", () => ({ _tag: "custom", outputs: 3, parameters: new Float32Array(3) })],
  ["a tag that throws", () => Object.defineProperty({}, "_tag", { enumerable: true, get: boom })],
  ["a matrix of holes", () => ({ rows: 2, cols: 3, data: holes() })],
  ["a matrix of nothing", () => ({ rows: 2, cols: 3 })],
  ["a matrix beyond its values", () => ({ rows: 4096, cols: 4096, data: new Float32Array(6) })],
  ["a huge length", () => ({ length: 2 ** 53 })],
  ["a length of 2^31", () => ({ length: 2 ** 31 })],
  ["a length that is none", () => ({ length: NaN })],
  ["a negative length", () => ({ length: -1 })],
  ["a length in text", () => ({ length: "3", 0: 1, 1: 2, 2: 3 })],
  ["throwing entries", () => Object.defineProperty({ length: 6 }, "0", { enumerable: true, get: boom })],
  ["valueOf that throws", () => ({ valueOf: boom, toString: boom, [Symbol.toPrimitive]: boom })],
  ["toJSON that throws", () => ({ toJSON: boom, 0: 1, length: 1 })],
  ["an instance", () => new Instance()],
  ["an instance with a length", () => new Silent()],
  ["a map", () => new Map([["rows", 1]])],
  ["a set", () => new Set([1])],
  ["an error", () => new Boom("given")],
  ["a regular expression", () => /x/],
  ["an array of another realm", () => runInNewContext("new Float32Array([1, 2, 3, 4, 5, 6])")],
  ["a list of another realm", () => runInNewContext("[0, 1, 2]")],
  ["an object of another realm", () => runInNewContext("({ rows: 2, cols: 3, data: [1, 2, 3, 4, 5, 6] })")],
  ["a weak map", () => new WeakMap()],
  ["the global object", () => globalThis],
  ["an iterator that throws", () => ({ length: 2, [Symbol.iterator]: boom })],
];

/** A hostile value and its name. */
export interface Hostile {
  readonly name: string;
  readonly value: unknown;
}

/** A value of any kind; functions give or throw one of the others. */
export function hostileValue(chance: Chance): Hostile {
  const [name, make] = chance.of(VALUES), value = make(chance);
  const kind = chance.below(8);
  if (kind === 0) return { name: `a function that gives ${name}`, value: () => value };
  if (kind > 1) return { name, value };
  const throws = (): never => {
    throw value;
  };
  if (chance.below(2) === 0) return { name: `a function that throws ${name}`, value: throws };
  // Nobody else makes a rejection of these: the library has to wait for it, or to leave it alone.
  return {
    name: `a function that rejects with ${name}`,
    value: () => {
      const promise = Promise.reject(value);
      promise.catch(() => undefined);
      return promise;
    },
  };
}

/** An exception or another value in words, whatever it is. */
export function showAny(value: unknown): string {
  try {
    if (value instanceof Error) return `${value.name}: ${value.message}`;
    if (typeof value === "object" && value !== null) return `an object (${Object.prototype.toString.call(value)})`;
    return String(value);
  } catch {
    return "something that cannot be shown";
  }
}

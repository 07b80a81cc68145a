/**
 * Values as words of error messages.
 *
 * @module
 */

/** The most characters that a value takes up in a message. */
const WIDTH = 80;

/** The name of an object's kind, of whatever realm. */
const tagOf = (value: unknown): string => Object.prototype.toString.call(value).slice(8, -1);

/**
 * The name of a typed array's kind, such as "Float32Array", of whatever realm; undefined for everything else.
 * @internal
 */
export const typedName = (value: unknown): string | undefined =>
  ArrayBuffer.isView(value) && "length" in value ? tagOf(value) : undefined;

/** A text cut to the width, not within a character. */
const cut = (text: string): string =>
  text.length <= WIDTH ? text : `${text.slice(0, WIDTH - 1).replace(/[\ud800-\udbff]$/, "")}…`;

/** A noun with its article; "Uint8Array" begins like "you". */
const withArticle = (noun: string): string => `${/^[aeioAEIO]/.test(noun) ? "an" : "a"} ${noun}`;

const isEither = (value: object): boolean => "_tag" in value && (value._tag === "Left" || value._tag === "Right");

/** Objects whose class says more than their fields, by the name of the class. */
const nameOfClass = (value: object): string => {
  const tag = tagOf(value);
  const name: unknown = tag === "Object" ? Object.getPrototypeOf(value)?.constructor?.name : tag;
  return typeof name === "string" ? name : "Object";
};

function describeObject(value: object): string {
  const typed = typedName(value);
  if (typed !== undefined) return `${withArticle(typed)} of ${(value as Uint8Array).length}`;
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (isEither(value)) return "an Either";
  const name = nameOfClass(value);
  if (name === "Promise") return "a Promise";
  if (name !== "Object") return withArticle(name);
  const keys: string[] = [];
  for (const key in value) if (keys.push(key) > 5) break;
  return keys.length > 0 ? `an object with ${keys.join(", ")}` : "an empty object";
}

function describe(value: unknown): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value.slice(0, WIDTH));
    case "bigint":
      return BigInt.asIntN(256, value) === value ? `${value}n` : "a bigint beyond 2²⁵⁵";
    case "function":
      return "a function that was not called";
    case "object":
      return value === null ? "null" : describeObject(value);
    default:
      return String(value);
  }
}

/**
 * A value in a few words, for messages: numbers as they are, texts in quotes, everything else by its kind. Never throws,
 * whatever getters and proxies do.
 * @internal
 */
export function show(value: unknown): string {
  try {
    return cut(describe(value));
  } catch {
    return "something that cannot be read";
  }
}

/**
 * What to do about a value that only has to be opened, called or awaited to be the right one; otherwise undefined.
 * @internal
 */
export function cureOf(value: unknown): string | undefined {
  switch (show(value)) {
    case "an Either":
      return "Check its _tag and give its right, or chain with E.chain";
    case "a function that was not called":
      return "Call it: a task, such as fit(…) gives, runs by a second () and is awaited";
    case "a Promise":
      return "Await it";
  }
  return undefined;
}

/**
 * What was thrown, as text: the message of an Error, behind its name where that is asked for, a text as it is, everything
 * else as it is shown. Never throws.
 * @internal
 */
export function causeOf(thrown: unknown, named = false): string {
  try {
    if (thrown instanceof Error) return named ? String(thrown) : String(thrown.message);
    return typeof thrown === "string" ? thrown : show(thrown);
  } catch {
    return show(thrown);
  }
}

/**
 * Values as words of error messages.
 *
 * @module
 */

/** The most characters that a value takes up in a message. */
const WIDTH = 80;

/**
 * Whether a value is an object, an array included.
 * @internal
 */
export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

/** The name of an object's kind, of whatever realm. */
const tagOf = (value: unknown): string => Object.prototype.toString.call(value).slice(8, -1);

/**
 * The name of a typed array's kind, such as "Float32Array", of whatever realm; undefined for everything else.
 * @internal
 */
export const typedName = (value: unknown): string | undefined =>
  ArrayBuffer.isView(value) && "length" in value ? tagOf(value) : undefined;

/** An object by its kind, or by its fields where it has none of its own. */
function describeObject(value: object): string {
  if ("_tag" in value && (value._tag === "Left" || value._tag === "Right")) return "an Either";
  const kind = tagOf(value), isArray = Array.isArray(value) || typedName(value) !== undefined;
  if (kind === "Object") return `an object {${Object.keys(value).slice(0, 9).join(", ")}}`;
  return (/^[AEIO]/.test(kind) ? "an " : "a ") + kind + (isArray ? ` of ${(value as readonly unknown[]).length}` : "");
}

function describe(value: unknown): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value.slice(0, WIDTH));
    case "bigint":
      return `${value}n`;
    case "function":
      return "a function that was not called";
    default:
      return isObject(value) ? describeObject(value) : String(value);
  }
}

/**
 * A value in a few words, for messages: numbers as they are, texts in quotes, everything else by its kind. Never throws,
 * whatever getters and proxies do.
 * @internal
 */
export function show(value: unknown): string {
  try {
    const words = describe(value);
    return words.length > WIDTH ? `${words.slice(0, WIDTH - 1).replace(/[\ud800-\udbff]$/, "")}…` : words;
  } catch {
    return "something that cannot be read";
  }
}

/** What to do about values, by what they are shown as. */
const CURES: Readonly<Record<string, string>> = {
  "an Either": "Check its _tag and give its right",
  "a function that was not called": "Call it: a task, such as of fit(…), runs by a second ()",
  "a Promise": "Await it",
};

/**
 * What to do about a value that only has to be opened, called or awaited to be the right one; otherwise undefined.
 * @internal
 */
export const cureOf = (value: unknown): string | undefined => CURES[show(value)];

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

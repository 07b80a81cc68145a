// The names of classes.

import type { Label } from "fgn";
import * as E from "fp-ts/Either";
import { type Answered, refuse } from "./answers.ts";
import type { Limits } from "./limits.ts";

/** A label of a request as a name: whole numbers stand for their text. */
export function labelOf(label: unknown): unknown {
  return Number.isSafeInteger(label) ? String(label) : label;
}

/** A name of a class: some Unicode text, not too long. */
export function checkLabel(name: unknown, what: string, { MAX_LABEL_LENGTH }: Limits): Answered<string> {
  if (typeof name !== "string" || name === "" || /\p{Surrogate}/u.test(name)) {
    return refuse(400, "InvalidLabel", `${what} is no class name`, "Give some Unicode text or a whole number");
  }
  if (name.length > MAX_LABEL_LENGTH) {
    return refuse(400, "InvalidLabel", `${what} has ${name.length} characters`, `Give ${MAX_LABEL_LENGTH} at most`);
  }
  return E.right(name);
}

/** Names as the labels of a head's kind: where those are numbers, as the numbers that they are the texts of. */
export function asLabels(names: readonly string[], [first]: readonly Label[]): Answered<readonly Label[]> {
  if (typeof first !== "number") return E.right(names);
  const numbers = names.map((name) => name.trim() === "" ? NaN : Number(name));
  const wrong = numbers.findIndex((number) => !Number.isFinite(number));
  return wrong < 0 ? E.right(numbers) : refuse(
    400,
    "InvalidLabel",
    `label ${wrong} is no number`,
    "Give numbers, as the labels of the head are",
  );
}

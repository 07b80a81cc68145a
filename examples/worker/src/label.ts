// The names of classes.

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

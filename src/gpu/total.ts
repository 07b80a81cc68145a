/**
 * The boundary of backends: their tasks end with an Either whatever happens within them.
 *
 * @module
 */

import type * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../check/error.ts";
import { guardAsync } from "../check/total.ts";
import type { Backend } from "./backend.ts";

/** The functions that give tasks, with the names of their arguments. */
const TASKS = {
  onDevice: ["params"],
  batchOnDevice: ["batch"],
  fgnStep: ["params", "batch", "damping", "options"],
  evaluate: ["params", "batch"],
  logits: ["params", "batch"],
  download: ["params"],
} as const satisfies Partial<Readonly<Record<keyof Backend, readonly string[]>>>;

type Task = (...given: readonly unknown[]) => () => Promise<E.Either<FgnError, unknown>>;

/** The backend with tasks that are never rejected. Their errors: those of the backend, `WrongKind`, `Unexpected`. */
export function guardBackend(backend: Backend): Backend {
  const tasks = Object.entries(TASKS).map(([name, names]) => {
    const run = backend[name as keyof typeof TASKS] as unknown as Task;
    const total: Task = (...given) => () =>
      guardAsync(name, Object.fromEntries(names.map((each, i) => [each, given[i]])), () => run(...given)());
    return [name, total];
  });
  return { ...backend, ...Object.fromEntries(tasks) };
}

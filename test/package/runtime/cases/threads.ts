// Several threads: where the runtime has workers and a memory that they share, the bytes of one thread.

import { fgnStep, getOrThrow } from "fgn";
import { threadedKernel } from "fgn/threads";
import { type Cases, check, equal, refused } from "../check.ts";
import { flat, problem } from "../data.ts";

/** Whether there are workers, and a memory to share: in a page, only if it is cross-origin isolated. */
export function hasThreads(forbidden: boolean): boolean {
  if (forbidden) return false;
  const { process } = globalThis as { process?: { getBuiltinModule?: unknown } };
  const workers = typeof Worker !== "undefined" || process?.getBuiltinModule !== undefined;
  return workers && typeof SharedArrayBuffer !== "undefined";
}

/** The case of a runtime that lets a program compile bytes, or forbids it: no runtime that does has threads. */
export const threads = (forbidden: boolean): Cases => ({
  "two threads give the bytes of one, or say what is missing": async () => {
    const { head, data } = problem(96, 301, 203), one = getOrThrow(fgnStep(head, data));
    const made = await threadedKernel({ threads: 2 })();
    if (hasThreads(forbidden)) {
      const kernel = getOrThrow(made), step = () => getOrThrow(fgnStep(head, data, undefined, { kernel }));
      equal(step(), one, "the step");
      kernel.close();
      equal(step(), one, "the step when the workers are gone");
    } else if (made._tag === "Left" && made.left._tag === "CompilationForbidden") check(forbidden, "may not compile");
    else check(refused(made, "UnsupportedRuntime", "threads").remedy.includes("cross-origin isolated"), "the remedy");
    return [flat(one.params)];
  },
});

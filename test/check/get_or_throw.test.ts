// getOrThrow gives what an Either holds, or throws what went wrong in words.

import * as E from "fp-ts/lib/Either.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import { expect, it } from "vitest";
import { batch, type Either, fit, getOrThrow, matrix, showError, type TaskEither, zeroHead } from "../../mod.ts";
import type { FgnError } from "../../mod.ts";

const wrong = matrix(2, 2, [1, 2, 3]);

/** What a function throws. */
function thrownBy(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

/** What a promise is rejected with. */
const rejectionOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(() => Promise.reject(new Error("nothing was thrown")), (error: unknown) => error);

it("getOrThrow() gives the value of a Right", () => {
  expect(getOrThrow(E.right(7))).toBe(7);
  expect(getOrThrow(matrix(1, 2, [1, 2])).cols).toBe(2);
  expect(getOrThrow(E.right(undefined))).toBeUndefined();
});

it("getOrThrow() throws an Error with the line of showError, caused by the FgnError", () => {
  if (wrong._tag === "Right") throw new Error("the matrix should be refused");
  const error = thrownBy(() => getOrThrow(wrong)) as Error;
  expect(error).toBeInstanceOf(Error);
  expect(error.message).toBe(showError(wrong.left));
  expect(error.cause).toBe(wrong.left);
});

it("getOrThrow() of a task gives a promise of its value", async () => {
  const data = getOrThrow(batch({ features: getOrThrow(matrix(2, 1, [1, -1])), labels: [0, 1] }));
  const head = getOrThrow(zeroHead({ features: 1, classes: 2 }));
  const trained = await getOrThrow(fit(head, data, { epochs: 2 }));
  expect(trained.steps).toBe(2);
});

it("getOrThrow() of a task rejects with the Error that the Either would throw", async () => {
  const error = await rejectionOf(getOrThrow(TE.fromEither(wrong))) as Error;
  expect(error).toBeInstanceOf(Error);
  expect(error.message).toBe((thrownBy(() => getOrThrow(wrong)) as Error).message);
  expect((error.cause as FgnError)._tag).toBe("ShapeMismatch");
});

it("getOrThrow() refuses what is neither, such as a promise of an Either", async () => {
  const others: readonly unknown[] = [null, undefined, 3, {}, Promise.resolve(E.right(1))];
  for (const other of others) {
    const error = thrownBy(() => getOrThrow(other as Either<FgnError, number>)) as Error;
    expect((error.cause as FgnError)._tag).toBe("WrongKind");
  }
  const error = await rejectionOf(getOrThrow((() => Promise.resolve(3)) as unknown as TaskEither<FgnError, number>));
  expect(((error as Error).cause as FgnError)._tag).toBe("WrongKind");
});

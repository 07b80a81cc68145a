/**
 * The end of a device: whatever waits for it is answered, and whatever comes later.
 *
 * @module
 */

import type * as E from "fp-ts/lib/Either.js";
import type { FgnError } from "../../check/error.ts";
import { causeOf } from "../../check/show.ts";
import { failLost, failRefused } from "./faults.ts";

/** A watch for the end of a device. */
export interface Watch {
  /** The error that everything is answered with from the end on. */
  readonly error: () => E.Either<FgnError, never> | null;
  readonly end: (cause: string) => void;
  /** Runs a task; never rejects, and does not wait for a device that is gone. Errors: `DeviceLost`, `DeviceFailure`. */
  readonly guarded: <A>(task: () => Promise<E.Either<FgnError, A>>) => Promise<E.Either<FgnError, A>>;
}

/** Milliseconds for the news of a loss to arrive: what a lost device refuses is a consequence, and may be heard of first. */
const PATIENCE = 100;

/** Waits for the end of a device, or of the patience with it. */
const waitForNews = ({ lost }: GPUDevice): Promise<unknown> =>
  Promise.race([lost.catch(() => {}), new Promise((resolve) => setTimeout(resolve, PATIENCE))]);

/** Watches a device. */
export function watch(gpu: GPUDevice): Watch {
  let gone: E.Either<FgnError, never> | null = null;
  // A race against `gpu.lost` itself would keep every result for as long as the device lives.
  const waiting = new Set<(error: E.Either<FgnError, never>) => void>();
  const end = (cause: string): void => {
    const error = gone ??= failLost(cause);
    for (const stop of waiting) stop(error);
    waiting.clear();
  };
  gpu.lost.then(({ message, reason }) => end(message || reason || "lost"), () => end("lost"));
  return {
    error: () => gone,
    end,
    guarded: (task) => {
      if (gone !== null) return Promise.resolve(gone);
      return new Promise((resolve) => {
        waiting.add(resolve);
        const finish = async (result: Awaited<ReturnType<typeof task>>): Promise<void> => {
          if (result._tag === "Left" && result.left._tag === "DeviceFailure") await waitForNews(gpu);
          waiting.delete(resolve);
          resolve(result._tag === "Left" && gone !== null ? gone : result);
        };
        // In a promise of its own: what a task throws at once is caught, too.
        Promise.resolve().then(task).then(finish, (cause: unknown) => finish(failRefused(causeOf(cause))));
      });
    },
  };
}

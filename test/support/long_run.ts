// The run that is killed over and over: 200 steps, with a validation share and early stopping that does not come to pass.

import { type Checkpointing, train } from "../../mod.ts";
import { network, noisy, type Records } from "./training.ts";

/** Steps between checkpoints. */
export const EVERY = 7;

export const STEPS = 200;

export const longRun = (checkpoint?: Checkpointing): Records =>
  train(network([16]), noisy(300), {
    epochs: 10,
    batchSize: 12,
    validation: 0.2,
    earlyStopping: { patience: 10 },
    reportEvery: 1,
    ...(checkpoint && { checkpoint }),
  });

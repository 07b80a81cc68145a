// Checkpoints: resumed with the bytes of an uninterrupted run, and the same file in every runtime.

import {
  type CheckpointStore,
  decodePlain,
  encodePlain,
  getOrThrow,
  memoryStore,
  mlp,
  readCheckpoint,
  robust,
  train,
  type TrainOptions,
} from "fgn";
import { type Cases, check, equal, refused } from "../check.ts";
import { flat, problem, trained } from "../data.ts";

const FORMAT = "fgn-checkpoint";
const { data } = problem(60, 12, 5);
const network = () => getOrThrow(mlp({ inputs: 12, hidden: [8], classes: 5, seed: 1 }));
const options: TrainOptions = { epochs: 3, batchSize: 16, seed: 4 };

/** The bytes of a run that was dropped at its fifth step of twelve. */
async function dropped(): Promise<Uint8Array<ArrayBuffer>> {
  const store = memoryStore();
  const asked = { ...options, reportEvery: 1, checkpoint: { store, every: 1 } };
  for await (const record of train(network(), data, asked)) {
    if (getOrThrow(record).steps === 5) break;
  }
  return Uint8Array.from(getOrThrow(await store.load()) ?? []);
}

async function holding(bytes: Uint8Array): Promise<CheckpointStore> {
  const store = memoryStore();
  getOrThrow(await store.save(bytes));
  return store;
}

export const checkpoint: Cases = {
  "a checkpoint, decoded and encoded again, resumes with the bytes of the whole run": async () => {
    const bytes = await dropped(),
      again = getOrThrow(encodePlain(FORMAT, 3, getOrThrow(decodePlain(FORMAT, 3, bytes))));
    equal(again, bytes, "the file");
    equal(getOrThrow(readCheckpoint(again, network(), robust())).steps, 5, "steps kept");
    const whole = await trained(network(), data, options);
    const rest = await trained(network(), data, { ...options, checkpoint: { store: await holding(again) } });
    equal(rest.steps, 12, "steps");
    equal(rest.params, whole.params, "parameters");
    return [bytes, flat(rest.params)];
  },

  "a checkpoint names the kernel by the hash of its bytes": async () => {
    const { identity } = getOrThrow(decodePlain(FORMAT, 3, await dropped())) as { identity: { kernel: string } };
    check(/^simd128 [0-9a-f]{16}$/.test(identity.kernel), `the kernel is ${identity.kernel}`);
    return [Uint8Array.from(new TextEncoder().encode(identity.kernel))];
  },

  "a checkpoint of another run, or a damaged one, is refused": async () => {
    const bytes = await dropped(), other = { ...options, seed: 5, checkpoint: { store: await holding(bytes) } };
    for await (const record of train(network(), data, other)) refused(record, "CheckpointMismatch", "another seed");
    const damaged = bytes.slice();
    damaged[bytes.length - 9] = (damaged[bytes.length - 9] as number) ^ 1;
    refused(readCheckpoint(damaged, network(), robust()), "InvalidFile", "a bit");
    refused(readCheckpoint(bytes.subarray(0, 99), network(), robust()), "InvalidFile", "cut off");
  },
};

// Row systems solved by products on the device. The backends here solve at every size by conjugate gradient, so that small
// problems go there; steps agree with the CPU's as elsewhere: 1e-4, and 1e-3 at extremes, where K itself, float32 in
// both, leaves no more digits.

import {
  backtracking,
  type Batch,
  batch,
  constant,
  type Damping,
  fgnStep,
  getOrThrow,
  levenbergMarquardt,
  linearHead,
  matrix,
  mlp,
  type Network,
  relative,
} from "../../../mod.ts";
import type { Backend, BackendStepOptions } from "../../../src/gpu/gpu.ts";
import { webGpuWithin } from "../../../src/gpu/open.ts";
import { examples } from "../../support/random_network.ts";
import { problem, uniform } from "../../support/reference.ts";
import { below, type Case, check, type DeviceCase, done, equal, lent, refused } from "../check.ts";
import { sameStep } from "../same_step.ts";
import { requestDevice } from "./device.ts";
import { everyKind, far, goldenCase } from "./steps.ts";
import { majorised } from "./variants.ts";

const CG: BackendStepOptions = { solver: "cg" };

/** A backend whose device solves at every size. */
const solving = (limits = {}): Promise<Backend> => done(webGpuWithin({}, { hostRows: 0, ...limits }));

/**
 * Throws unless a step agrees with the CPU's, its iterations to two and a tenth, by products on the device. Where conjugate
 * gradient goes on beyond the rank of K, the rounding of products decides when it ends (34 and 27 iterations of a matrix of
 * rank 14): dampings here are such that few iterations do.
 */
async function sameSolve(
  backend: Backend,
  model: Network,
  data: Batch,
  damping: Damping,
  options: BackendStepOptions,
  tolerance: number,
  what: string,
): Promise<void> {
  const asked = { ...CG, ...options };
  await sameStep(backend, model, data, damping, asked, tolerance, what);
  const want = getOrThrow(fgnStep(model, data, damping, asked)).report;
  await lent(backend, model, data, async (params, held) => {
    const before = backend.traffic(), step = await done(backend.fgnStep(params, held, damping, asked));
    backend.release(step.params);
    const { iterations } = step.report, { submits } = backend.traffic();
    const slack = 3 + want.iterations / 10;
    below(Math.abs(iterations - want.iterations), slack, `${what}: iterations (${iterations}, ${want.iterations})`);
    // The passes, the norm, an iteration each, the residual, the trial.
    if (want.gradientNorm > 0) check(submits - before.submits >= iterations + 4, `${what}: products on the device`);
  });
}

const golden: DeviceCase = {
  name: "products on the device: golden vectors, margins' and majorised curvature",
  long: true,
  run: async (given) => {
    const backend = await solving();
    await goldenCase.run(backend, given);
    await majorised.run(backend, given);
    backend.close();
  },
};

/** Sizes about tiles, slices and groups: one row, two classes, ragged. */
const SIZES = [[1, 5, 3], [7, 1, 2], [64, 9, 3], [130, 17, 3], [70, 6, 2]] as const;

const shapes: DeviceCase = {
  name: "products on the device: heads and networks of many sizes, weights with zeros, K cut into bindings",
  run: async () => {
    const whole = await solving(), cut = await solving({ binding: 4 * 64 * 152 });
    for (const [B, D, C] of SIZES) {
      const weights = Array.from({ length: B }, (_, i) => i % 3 + (i === 0 ? 1 : 0));
      const { head, data } = problem(B, D, C, { weights });
      await sameSolve(whole, head, data, relative(0.5), {}, 1e-4, `${B}×${D}×${C}`);
    }
    // Three blocks of 64 rows, the last of 22.
    const { head, data } = problem(150, 6, 3);
    await sameSolve(cut, head, data, relative(0.5), {}, 1e-4, "a head, cut");
    const deep = getOrThrow(mlp({ inputs: 9, hidden: [20], classes: 5 }));
    await sameSolve(cut, deep, examples(140, 9, 5, 8), relative(1), {}, 1e-4, "a network, cut");
    await sameSolve(whole, everyKind(), examples(70, 9, 5, 8), relative(1), {}, 1e-4, "every kind of layer");
    for (const backend of [whole, cut]) backend.close();
  },
};

const options: DeviceCase = {
  name: "products on the device: dampings, warm starts, the cap of iterations, extremes, overflow",
  run: async () => {
    const backend = await solving(), { head, data } = problem(50, 12, 6);
    const same = (damping: Damping, asked: BackendStepOptions, what: string): Promise<void> =>
      sameSolve(backend, head, data, damping, asked, 1e-4, what);
    const { dual } = getOrThrow(fgnStep(head, data, 0.1));
    await same(0.1, { warmStart: dual, tolerance: 1e-3 }, "a warm start at the solution");
    await same(0.1, { warmStart: new Float64Array(50).fill(0.01), lossAfter: false }, "a warm start elsewhere");
    await same(1e-3, { maxIterations: 3 }, "the cap of iterations");
    await same(constant(0.2), { classWeights: [1, 2, 0, 1, 3, 1], curvature: "majorized" }, "majorised");
    const model = everyKind(), few = examples(40, 9, 5, 90);
    for (const damping of [levenbergMarquardt({ lambda: 1e-3 }), backtracking()]) {
      check(getOrThrow(fgnStep(model, few, damping, CG)).report.rejections > 0, "rejections");
      await sameSolve(backend, model, few, damping, {}, 3e-4, damping._tag);
    }
    for (const size of [1, 30, 100, 1e4]) {
      const { head, data } = far(size);
      await sameSolve(backend, head, data, 0.1, {}, 1e-3, `margins of ${size}`);
    }
    const row = Array.from(uniform(4, 5)), labels = [0, 0, 0, 1, 1, 2];
    const alike = getOrThrow(batch({ features: getOrThrow(matrix(6, 4, Array(6).fill(row).flat())), labels }));
    await sameSolve(backend, problem(1, 4, 3).head, alike, 0.01, {}, 1e-3, "duplicates");
    // K of 1e-34 and 1e30.
    for (const size of [1e-17, 1e15]) {
      const features = getOrThrow(matrix(6, 4, uniform(24, 6).map((v) => v * size)));
      const small = getOrThrow(linearHead({ features: 4, classes: 3 }, uniform(12, 3).map((v) => v / size), null));
      const sized = getOrThrow(batch({ features, labels }));
      await sameSolve(backend, small, sized, relative(1), {}, 1e-3, `features of ${size}`);
    }
    const huge = getOrThrow(batch({ features: getOrThrow(matrix(2, 2, [1e30, 0, 0, 1e30])), labels: [0, 1] }));
    await lent(
      backend,
      getOrThrow(linearHead({ features: 2, classes: 2 }, [0, 0, 0, 0], null)),
      huge,
      async (params, held) => {
        const { message } = refused(
          await backend.fgnStep(params, held, 0.1, CG)(),
          "Overflow",
          "features beyond float32",
        );
        check(message.includes("Gram"), message);
      },
    );
    backend.close();
  },
};

/** More rows than come down to be solved, few features. */
const B = 1100;

const large: Case = {
  name: "beyond 1,024 rows the Gram matrix stays on the device, but for Cholesky",
  long: true,
  run: async (backend) => {
    const { head, data } = problem(B, 3, 3), gram = 4 * B * B, gpu = backend.name === "webgpu";
    await sameStep(backend, head, data, relative(1), { system: "gram" });
    await lent(backend, head, data, async (params, held) => {
      const moved = async (options: BackendStepOptions): Promise<readonly [bytes: number, iterations: number]> => {
        const before = backend.traffic(), step = await done(backend.fgnStep(params, held, undefined, options));
        backend.release(step.params);
        return [backend.traffic().bytesDown - before.bytesDown, step.report.iterations];
      };
      const [bytes, iterations] = await moved({});
      // Stats twice, a fault, the diagonal; the norm, an iteration each, the residual.
      equal(bytes, gpu ? 4 * B * (4 + 4 + 1 + 1 + iterations + 1) + 4 : 0, "bytes of products");
      if (gpu) check((await moved({ solver: "cholesky" }))[0] > gram, "Cholesky's bytes");
    });
  },
};

const loss: DeviceCase = {
  name: "products on the device: a device lost between them is DeviceLost, one out of memory goes on",
  run: async () => {
    const device = await requestDevice(), { head, data } = problem(40, 6, 4);
    let popped = 0, stop = Infinity, then = (): GPUError | null => null;
    const counting = new Proxy(device, {
      get: (target, name) => {
        if (name === "popErrorScope") {
          return async () => {
            const real = await target.popErrorScope();
            // Three scopes a submit, that of memory last.
            return popped++ === 3 * stop + 2 ? then() : real;
          };
        }
        const value = target[name as keyof GPUDevice] as unknown;
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    const backend = await done(webGpuWithin({ device: counting }, { hostRows: 0 }));
    const params = await done(backend.onDevice(head)), held = await done(backend.batchOnDevice(data));
    const at = (submit: number, what: () => GPUError | null): void => void ([popped, stop, then] = [0, submit, what]);
    for (const submit of [1, 3]) {
      at(submit, () => ({ message: "injected" }) as GPUError);
      refused(await backend.fgnStep(params, held, 0.1, CG)(), "OutOfMemory", `memory at submit ${submit}`);
      at(Infinity, () => null);
      await sameStep(backend, head, data, 0.1, CG, 1e-4, "afterwards");
    }
    at(3, () => {
      device.destroy();
      return null;
    });
    refused(await backend.fgnStep(params, held, 0.1, CG)(), "DeviceLost", "lost in an iteration");
    refused(await backend.fgnStep(params, held, 0.1, CG)(), "DeviceLost", "afterwards");
    backend.close();
  },
};

/** On any backend. */
export const solves: readonly Case[] = [large];

/** On devices of their own. */
export const deviceSolves: readonly DeviceCase[] = [golden, shapes, options, loss];

import type { StepOptions } from "../../step/options.ts";

/** Options of `fgnStep` of a backend; which of them a device takes is said there. */
export interface BackendStepOptions extends Omit<StepOptions, "kernel"> {
  /**
   * Gives the parameters away (default false): a step that succeeds releases them, and the next one writes over their
   * memory. A step that fails leaves them as they are.
   */
  readonly donate?: boolean;
}

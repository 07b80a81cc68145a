// A runtime that the suite runs in.

import type { Report } from "./report.ts";

/** What a run in a runtime gives. */
export interface Run {
  readonly version: string;
  /** The file of the package that was used, relative to its folder. */
  readonly entry: string;
  readonly report: Report;
}

/** A runtime. */
export interface Runtime {
  readonly name: string;
  /** The condition of the package's exports that it goes by; null where a page names the file itself. */
  readonly condition: string | null;
  /** Runs the suite in a fresh project, made in the given folder from the tarball. */
  readonly run: (folder: string, tarball: string) => Promise<Run>;
}

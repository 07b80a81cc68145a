// Which tests run where. Everything runs in Node, Deno and Bun, but for what says the same wherever it is asked.

/** Files (or folders) that run in Node alone, and why nothing is lost. */
export const ONCE: Readonly<Record<string, string>> = {
  "test/house/": "the compiler's word, which does not depend on what starts it",
  "test/tools/": "tools of the repository, which run in Node",
  "test/bench/": "benches, which run in Node; their numbers are no part of the library",
  "test/docs/compatibility.test.ts": "reads a page, and has Node run the suite of the runtimes",
  "test/docs/gpu.test.ts": "reads a page",
  "test/docs/links.test.ts": "reads pages",
  "test/classifier/python.test.ts": "asks Python; the file is the same bytes everywhere",
  "test/train/checkpoint_kill.test.ts": "kills processes of Node, whatever the runner is",
};

/** Tests that skip themselves somewhere, by their names: why, and where they run. */
const SKIPS: readonly (readonly [name: RegExp, why: string, remedy: string])[] = [
  [
    /keep neither parameters nor examples alive/,
    "asks the engine to collect garbage, which this runtime cannot be asked",
    "runs in Node",
  ],
  [
    /^Python reads/,
    "asks Python for numpy",
    "apt-get install python3-numpy",
  ],
  [
    /line \d+ runs and prints what it says/,
    "an example for another runtime, or for a device",
    "npm run ok -- docs checks its types, and runs those of the GPU on the device that Deno finds",
  ],
];

/** Whether a file runs in Node alone. */
export const isOnce = (file: string): boolean => Object.keys(ONCE).some((path) => file.startsWith(path));

/** Why a test was skipped, and how to have it. */
export function whyOf(name: string): { readonly why: string; readonly remedy?: string } {
  const known = SKIPS.find(([pattern]) => pattern.test(name));
  return known === undefined ? { why: "the test skips itself here" } : { why: known[1], remedy: known[2] };
}

// The steps of the gate, in order.

import { readFileSync } from "node:fs";
import process from "node:process";
import { listFaults, roomFaults, ROOMS, sources } from "../rooms.ts";
import { runQuietly } from "../tests/processes.ts";
import { entries } from "./entries.ts";

/** What came of a step. */
export interface Outcome {
  readonly good: boolean;
  readonly said: string;
}

/** A step of the gate. */
export interface Step {
  readonly name: string;
  readonly what: string;
  /** Roughly, on two quiet cores. */
  readonly takes: string;
  /** What to do where it fails. */
  readonly remedy: string;
  readonly check: () => Promise<Outcome>;
  /** Whether what it prints is shown, though all is well. */
  readonly shows?: boolean;
}

/** Runs a program of the tools; gives what it prints. */
async function tool(name: string, ...args: readonly string[]): Promise<Outcome> {
  const { good, said } = await runQuietly(`node_modules/.bin/${name}`, args);
  return { good, said };
}

/** Runs a TypeScript file in Node. */
async function script(file: string, ...args: readonly string[]): Promise<Outcome> {
  const { good, said } = await runQuietly(process.execPath, ["tools/run.mjs", file, ...args], 30);
  return { good, said };
}

function checkRooms(): Promise<Outcome> {
  const faults = roomFaults(sources(), Object.keys(ROOMS)).map(({ message }) => message);
  const said = [...faults, ...listFaults(readFileSync("ARCHITECTURE.md", "utf8"))];
  return Promise.resolve({ good: said.length === 0, said: said.join("\n") });
}

/** What Deno checks: everything but what has types of its own project. */
const CHECKED = ["mod.ts", "src", "test", "bench", "examples/*.ts", "examples/data", "examples/jax", "tools"];

export const STEPS: readonly Step[] = [
  {
    name: "format",
    what: "deno fmt would change nothing",
    takes: "1 s",
    remedy: "npm run fmt",
    check: () => tool("deno", "fmt", "--check"),
  },
  {
    name: "lint",
    what: "deno lint",
    takes: "1 s",
    remedy: "what it says of each rule",
    check: () => tool("deno", "lint"),
  },
  {
    name: "types",
    what: "tsc over library, tests, benches, examples and tools",
    takes: "5 s",
    remedy: "npx tsc",
    check: () => tool("tsc"),
  },
  {
    name: "worker-types",
    what: "tsc over the worker, with the types of its runtime",
    takes: "1 s",
    remedy: "npx tsc -p examples/worker",
    check: () => tool("tsc", "-p", "examples/worker"),
  },
  {
    name: "deno-check",
    what: "the same types by Deno",
    takes: "8 s",
    remedy: `deno check ${CHECKED.join(" ")}`,
    check: () => tool("deno", "check", ...CHECKED),
  },
  {
    name: "rooms",
    what: "imports between the rooms of src go down the list of tools/rooms.ts, and every folder is in it",
    takes: "1 s",
    remedy: "what each line says",
    check: checkRooms,
  },
  {
    name: "cycles",
    what: "no import goes round, from any entry of package, benches, examples, tests and tools",
    takes: "3 s",
    remedy: "move what both need into a file of its own",
    check: () => tool("dpdm", "--no-warning", "--no-tree", "--exit-code", "circular:1", ...entries()),
  },
  {
    name: "docs",
    what: "every public name is documented, the types of all examples, those of the GPU run",
    takes: "10 s",
    remedy: "what it names: a missing comment, a type that is not public, or an example",
    check: () => script("tools/check_docs.ts"),
  },
  {
    name: "kernels",
    what: "src/kernel/*.generated.ts is what assembly/ gives",
    takes: "6 s",
    remedy: "npm run build:kernel, and commit the files",
    check: () => script("tools/build_kernel.ts", "--check"),
  },
  {
    name: "options",
    what: "docs/options.md is what the table of options gives",
    takes: "1 s",
    remedy: "npm run build:options, and commit the page",
    check: () => script("tools/option_table.ts", "--check"),
  },
  {
    name: "package",
    what: "publint, types of the package, deno publish --dry-run, contents and size budgets",
    takes: "15 s",
    remedy: "npm run check:package",
    check: () => script("tools/check_package.ts"),
  },
  {
    name: "house",
    what: "the countable ends of the layout, measured from the code",
    takes: "12 s",
    remedy: "the goal of each row that is missed",
    check: () => script("tools/gate/house.ts"),
    shows: true,
  },
  {
    name: "test",
    what: "npm test: the suite in Node, Deno and Bun",
    takes: "2 min",
    remedy: "npm test",
    check: () => script("tools/test.ts"),
    shows: true,
  },
];

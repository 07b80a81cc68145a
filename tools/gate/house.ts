// The countable ends of the layout, measured from the code. Each row says how it counts.
//
//   npm run ok -- house

import { readdirSync, readFileSync } from "node:fs";
import process from "node:process";
import { table } from "../../bench/support/markdown.ts";
import { examplesIn, filesIn } from "../doc_pages.ts";
import { roomFaults, ROOMS, sources } from "../rooms.ts";
import { runQuietly, tail } from "../tests/processes.ts";
import { activationLists, branchesOnTags, ofComments, opMembers, stageLiterals, traversals } from "./counts.ts";

/** A row of the table. */
interface Row {
  readonly what: string;
  readonly goal: string;
  readonly measured: string;
  readonly met: boolean;
  /** Where what counts was found. */
  readonly where: readonly string[];
}

const most = (what: string, goal: number, where: readonly string[]): Row => ({
  what,
  goal: goal === 0 ? "0" : `≤ ${goal}`,
  measured: String(where.length),
  met: where.length <= goal,
  where,
});

const exactly = (what: string, goal: number, where: readonly string[], met = where.length === goal): Row => ({
  what,
  goal: String(goal),
  measured: String(where.length),
  met,
  where,
});

/** Lines of files that match, as file:line. */
function lines(files: Readonly<Record<string, string>>, pattern: RegExp): string[] {
  return Object.entries(files).flatMap(([file, text]) =>
    text.split("\n").flatMap((line, i) => pattern.test(line) ? [`${file}:${i + 1}`] : [])
  );
}

/** Texts of the TypeScript of folders by path. */
const textsOf = (...folders: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(
    folders.flatMap((folder) => filesIn(folder, ".ts")).map((file) => [file, readFileSync(file, "utf8")]),
  );

/** Cycles between rooms and imports upward in the order of tools/rooms.ts. */
function rooms(src: Readonly<Record<string, string>>): Row[] {
  const faults = roomFaults(src, Object.keys(ROOMS));
  const of = (kind: string): string[] => faults.filter((fault) => fault.kind === kind).map(({ where }) => where);
  const folders = readdirSync("src", { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [
    exactly("cycles between rooms", 0, of("cycle")),
    exactly("imports upward", 0, of("upward")),
    { ...most("rooms in src", 25, folders.map(({ name }) => name)), where: [] },
  ];
}

/** The definitions of right(), and whether getOrThrow is the library's. */
function unwrapping(): Row {
  const files = textsOf("test", "bench", "examples", "tools");
  const found = lines(files, /^\s*(?:export )?(?:async )?(?:function right\b|const right = (?:<|\())/);
  const own = /export \{ getOrThrow \}/.test(readFileSync("mod.ts", "utf8"));
  return {
    what: "definitions of right(), the library's getOrThrow counted",
    goal: "1",
    measured: String(found.length + (own ? 1 : 0)),
    met: found.length === 0 && own,
    where: found,
  };
}

/** Tests in which something made up is added to a copy. */
const UNDECIDED: Readonly<Record<string, RegExp>> = {
  option: /"does not compile with an option/,
  damping: /"a damping that is added"[\s\S]*"does not compile until it has a rule/,
  activation: /"does not compile with an activation/,
  "kind of layer": /"does not compile with a kind of layer/,
};

/** Whether test/house passes, in which a copy with something undecided is refused by the compiler. */
async function undecided(): Promise<Row> {
  const text = filesIn("test/house", ".test.ts").map((file) => readFileSync(file, "utf8")).join("\n");
  const missing = Object.entries(UNDECIDED).filter(([, test]) => !test.test(text)).map(([thing]) => thing);
  const { good, said } = await runQuietly("node_modules/.bin/vitest", ["run", "test/house"]);
  return {
    what: "an option, damping or kind left undecided",
    goal: "does not compile",
    measured: !good
      ? "test/house fails"
      : missing.length > 0
      ? `no test for: ${missing.join(", ")}`
      : "does not compile",
    met: good && missing.length === 0,
    where: good ? [] : [tail(said, 1500)],
  };
}

/** Lines of README.md, and its blocks of code that run: those that the suite runs in Node, Deno or Bun. */
async function readme(): Promise<Row[]> {
  const length = readFileSync("README.md", "utf8").trimEnd().split("\n").length, blocks = examplesIn("README.md");
  const run = blocks.filter(({ runtimes }) =>
    runtimes.length === 0 || runtimes.some((name) => ["node", "deno", "bun"].includes(name))
  );
  const args = ["run", "test/docs/examples.test.ts", "-t", "README.md"];
  const { good, said } = await runQuietly("node_modules/.bin/vitest", args);
  return [
    { what: "lines of README", goal: "≤ 100", measured: String(length), met: length <= 100, where: [] },
    {
      what: "blocks of README that run",
      goal: "all",
      measured: good ? `${run.length} of ${blocks.length}` : "they fail",
      met: good && blocks.length > 0 && run.length === blocks.length,
      where: good ? [] : [tail(said, 1500)],
    },
  ];
}

const src = sources();
const rows: readonly Row[] = [
  ...rooms(src),
  most('`"attempts" in` in src', 0, lines(src, /^(?!\s*(?:\*|\/\/)).*"attempts" in /)),
  most("files that branch on layer tags", 5, branchesOnTags(src)),
  most("traversals of layers", 4, traversals(src)),
  most("members of Op", 8, opMembers(src["src/tape/tape.ts"] ?? "")),
  exactly("lists of activation names", 1, activationLists(src)),
  exactly("literals of a Stage", 1, stageLiterals(src)),
  await undecided(),
  exactly(
    'comments beginning "Of "',
    0,
    ofComments({ ...src, ...textsOf("test", "bench", "examples", "tools", "assembly") }),
  ),
  unwrapping(),
  ...await readme(),
];
console.log(
  table(
    ["", "goal", "measured", ""],
    rows.map(({ what, goal, measured, met }) => [what, goal, measured, met ? "✓" : "✗"]),
  ),
);
for (const { what, where, met } of rows) {
  if (!met && where.length > 0) console.log(`\n${what}:\n${where.map((one) => `  ${one}`).join("\n")}`);
}
process.exitCode = rows.every(({ met }) => met) ? 0 : 1;

// Examples of Markdown pages and doc comments: found, run, and what they print compared with what they say.
//
// An example is a fence of ts or js, and stands by itself. A line `console.log(value); // text` says what it prints:
//
// - text is what is printed, with a remark after it, if any: `3: the new row is ½`, `67 = 8·4 + 35`, `1 (all of them)`;
// - `…` in it stands for anything, such as the further digits of a number;
// - arrays are `[1, 2]` and objects `{ a: 1 }` in every runtime, whatever console.log makes of them there.
//
// Words behind the language name the runtimes that a block needs (```ts deno); it runs in these alone.

import { transform } from "esbuild";

/** A program in a page or in a comment. */
export interface Example {
  readonly file: string;
  /** Line of the file on which its first line stands, from 1. */
  readonly line: number;
  readonly language: "ts" | "js";
  /** Runtimes that it needs, one of which is enough; empty: it runs in all of them. */
  readonly runtimes: readonly string[];
  readonly code: string;
}

/** A line that prints something else than it says. */
export interface Mismatch {
  readonly file: string;
  readonly line: number;
  readonly said: string;
  /** Undefined where the line was not reached. */
  readonly printed: string | undefined;
}

const FENCE = /^```(\S*)(?: +(.*))?$/;
/** The line of a doc comment without its star. */
const STARRED = /^\s*\* ?(.*)$/;
/** A claim: what goes before, the rest of the call, what is said. */
const CLAIM = /^(.*?)console\.log\((.*)\); \/\/ (.+)$/;
/** A claim behind a call of several lines. */
const CLOSED = /^\s*\); \/\/ (.+)$/;
const REMARK = /(?:: | = |; | \()/;

/** The examples of a Markdown page, or of the doc comments of a source file. */
export function examplesOf(file: string, text: string): Example[] {
  const inComments = file.endsWith(".ts"), examples: Example[] = [];
  let open: { readonly head: RegExpExecArray; readonly line: number; readonly code: string[] } | null = null;
  for (const [index, whole] of text.split("\n").entries()) {
    const line = inComments ? STARRED.exec(whole)?.[1] : whole;
    if (line === undefined) continue;
    const head = FENCE.exec(line);
    if (open === null) {
      if (head !== null) open = { head, line: index + 2, code: [] };
    } else if (head === null) {
      open.code.push(line);
    } else {
      const [, language, words = ""] = open.head;
      if (language === "ts" || language === "js") {
        const runtimes = words.split(/\s+/).filter((word) => word !== "");
        examples.push({ file, line: open.line, language, runtimes, code: `${open.code.join("\n")}\n` });
      }
      open = null;
    }
  }
  if (open !== null) throw new Error(`${file}:${open.line}: the fence is not closed`);
  return examples;
}

/** What an example says that it prints, by the line of the example that says it, from 0. */
export function claimsOf(code: string): ReadonlyMap<number, string> {
  const claims = new Map<number, string>();
  for (const [index, line] of code.split("\n").entries()) {
    const said = CLAIM.exec(line)?.[3] ?? CLOSED.exec(line)?.[1];
    if (said !== undefined) claims.set(index, said);
  }
  return claims;
}

/** The code with every call that says what it prints as a call of `console.said`, with the number of its line. */
function observed(code: string): string {
  const lines = code.split("\n");
  for (const index of claimsOf(code).keys()) {
    let at = index;
    while (at >= 0 && !(lines[at] as string).includes("console.log(")) at--;
    if (at < 0) throw new Error(`line ${index + 1} of an example says what is printed, and prints nothing`);
    lines[at] = (lines[at] as string).replace("console.log(", `console.said(${index}, `);
  }
  return lines.join("\n");
}

/** A value as examples write it. */
export function show(value: unknown): string {
  return typeof value === "string" ? value : nested(value);
}

function nested(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (ArrayBuffer.isView(value) || Array.isArray(value)) {
    return `[${Array.from(value as unknown as ArrayLike<unknown>, nested).join(", ")}]`;
  }
  if (typeof value !== "object" || value === null) return String(value);
  const entries = Object.entries(value).map(([key, one]) => `${key}: ${nested(one)}`);
  return entries.length === 0 ? "{}" : `{ ${entries.join(", ")} }`;
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** Whether a text is what was said, with its remark or without one. */
export function agrees(said: string, printed: string): boolean {
  const ends = [said.length, ...[...said.matchAll(new RegExp(REMARK, "g"))].map(({ index }) => index)];
  return ends.some((end) => {
    const pattern = said.slice(0, end).split("…").map(escaped).join("[\\s\\S]*");
    return new RegExp(`^${pattern}$`).test(printed);
  });
}

/** An asynchronous function of a module's specifier. */
export type Importer = (specifier: string) => Promise<unknown>;

// esbuild writes each import on a line of its own, in one of three forms.
const NAMED = /^import \{([^}]*)\} from (".*?");$/gm, ALL = /^import \* as (\w+) from (".*?");$/gm;
const BARE = /^import (".*?");$/gm, EXPORTED = /^export \{[^}]*\};$/gm;

/** The example as the body of an asynchronous function of `load` and `console`. */
async function bodyOf({ code, language }: Example): Promise<string> {
  const { code: script } = await transform(observed(code), {
    loader: language,
    format: "esm",
    target: "es2022",
    // An import that is a type alone is dropped, as TypeScript does.
    tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: false } },
  });
  const names = (list: string): string => list.replace(/\bas\b/g, ":");
  return script
    .replace(NAMED, (_, list: string, from: string) => `const {${names(list)}} = await load(${from});`)
    .replace(ALL, "const $1 = await load($2);")
    .replace(BARE, "await load($1);")
    .replace(EXPORTED, "");
}

/** Runs an example, and gives the lines that print something else than they say. What it throws is thrown. */
export async function runExample(example: Example, load: Importer): Promise<Mismatch[]> {
  const printed = new Map<number, string[]>();
  const quiet = (): void => {};
  const said = (line: number, ...values: readonly unknown[]): void => {
    printed.set(line, [...(printed.get(line) ?? []), values.map(show).join(" ")]);
  };
  const AsyncFunction = quietly.constructor as new (...parts: readonly string[]) => typeof quietly;
  const run = new AsyncFunction("load", "console", `"use strict";\n${await bodyOf(example)}`);
  await run(load, { log: quiet, info: quiet, warn: quiet, error: quiet, said });
  return [...claimsOf(example.code)].flatMap(([index, claim]): Mismatch[] => {
    const { file } = example, line = example.line + index, texts = printed.get(index);
    if (texts === undefined) return [{ file, line, said: claim, printed: undefined }];
    return texts.filter((text) => !agrees(claim, text)).map((text) => ({ file, line, said: claim, printed: text }));
  });
}

async function quietly(_load: Importer, _console: unknown): Promise<void> {}

/** One line for a person. */
export const showMismatch = ({ file, line, said, printed }: Mismatch): string =>
  `${file}:${line}: says "${said}", ${printed === undefined ? "is not reached" : `prints "${printed}"`}`;

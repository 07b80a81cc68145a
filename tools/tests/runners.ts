// What the runners of the suite say of it: vitest as JSON, Bun as JUnit.

import { relative } from "node:path";

/** A test that a runner told of. */
export interface Told {
  readonly file: string;
  readonly name: string;
  readonly state: "passed" | "failed" | "skipped";
  readonly message: string;
}

interface VitestFile {
  readonly name: string;
  readonly status: string;
  readonly message: string;
  readonly assertionResults: readonly {
    readonly fullName: string;
    readonly status: string;
    readonly failureMessages: readonly string[] | null;
  }[];
}

/** Without the frames of the runner itself. */
const withoutFrames = (text: string): string =>
  text.split("\n").filter((line) => !/^\s+at .*(?:node_modules|<anonymous>\)$)/.test(line)).join("\n");

/** Reads `vitest --reporter=json`. A file that does not load is a failure of its own. */
export function readVitest(json: string, root: string): Told[] {
  const { testResults } = JSON.parse(json) as { readonly testResults: readonly VitestFile[] };
  return testResults.flatMap(({ name, status, message, assertionResults }) => {
    const file = relative(root, name);
    const tests = assertionResults.map(({ fullName, status, failureMessages }): Told => ({
      file,
      name: fullName,
      state: status === "passed" ? "passed" : status === "failed" ? "failed" : "skipped",
      message: withoutFrames((failureMessages ?? []).join("\n")),
    }));
    if (status !== "failed" || tests.some(({ state }) => state === "failed")) return tests;
    return [...tests, { file, name: "the file", state: "failed", message: message || "it failed" }];
  });
}

const NAMES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/** A text of XML. */
const plain = (text: string): string =>
  text.replace(
    /&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi,
    (_, hex?: string, digits?: string, name = "") =>
      hex !== undefined
        ? String.fromCodePoint(parseInt(hex, 16))
        : digits !== undefined
        ? String.fromCodePoint(Number(digits))
        : NAMES[name] ?? `&${name};`,
  );

const CASE = /<testcase ((?:[^">]|"[^"]*")*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g;

/** Reads `bun test --reporter=junit`. */
export function readJunit(xml: string): Told[] {
  return Array.from(xml.matchAll(CASE), ([, head = "", body = ""]): Told => {
    const values = new Map(
      Array.from(head.matchAll(/(\w+)="([^"]*)"/g), ([, key = "", value = ""]) => [key, plain(value)]),
    );
    const of = (key: string): string => values.get(key) ?? "";
    const failed = /<(?:failure|error)\b[^>]*?(?:\/>|>([\s\S]*?)<\/(?:failure|error)>)/.exec(body);
    return {
      file: of("file"),
      name: [of("classname"), of("name")].filter((part) => part !== "").join(" "),
      state: failed !== null ? "failed" : body.includes("<skipped") ? "skipped" : "passed",
      message: plain(failed?.[1] ?? ""),
    };
  });
}

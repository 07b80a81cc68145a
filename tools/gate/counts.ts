// Counts of things in sources (texts by path), by their text. What counts is said with each.

type Files = Readonly<Record<string, string>>;

const TAGS = "dense|embedding|layerNorm|adapter|residual|activation";

/** Without comments: their lines are left empty. */
const codeOf = (text: string): string =>
  text.replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, "")).replace(/(^|\s)\/\/.*$/gm, "$1");

/** Files that compare a layer's tag with a kind of layer, or switch on one. */
export function branchesOnTags(files: Files): string[] {
  const branch = new RegExp(`_tag\\s*[!=]==\\s*"(?:${TAGS})"|\\bcase "(?:${TAGS})"`);
  return Object.keys(files).filter((file) => branch.test(codeOf(files[file] ?? "")));
}

/** A function, with all that stands in it. */
interface Definition {
  readonly name: string;
  readonly line: number;
  readonly text: string;
}

const START = /^( *)(?:export )?(?:async )?(?:function\*? (\w+)|const (\w+)(?:: [^=]+)? = )/;

/** Functions and constants of a source as the formatter leaves it: to the next line that is indented as little. */
export function functionsOf(text: string): Definition[] {
  const lines = codeOf(text).split("\n");
  return lines.flatMap((line, i) => {
    const [, indent = "", declared, constant] = START.exec(line) ?? [], name = declared ?? constant;
    if (name === undefined) return [];
    const further = lines.slice(i + 1).findIndex((next) =>
      next.trim() !== "" && /^ */.exec(next)?.[0].length === indent.length && !/^ *[)}\]|?:&]/.test(next)
    );
    return [{ name, line: i + 1, text: lines.slice(i, further < 0 ? lines.length : i + 1 + further).join("\n") }];
  });
}

/** Whether a definition is that of a function. */
const isFunction = ({ text }: Definition): boolean =>
  !/^ *(?:export )?const /.test(text) ||
  /^ *(?:export )?const \w+(?:: [^=]+)? = (?:async )?(?:<[^>]*>)?(?:\(|\w+ =>)/.test(text);

/** Names from which a function of a file is come to again, itself included; empty where it is not. */
function circleOf(start: string, calls: ReadonlyMap<string, readonly string[]>): string[] {
  const reaches = (from: string): Set<string> => {
    const seen = new Set<string>(), waiting = [...calls.get(from) ?? []];
    for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
      if (seen.has(name)) continue;
      seen.add(name);
      waiting.push(...calls.get(name) ?? []);
    }
    return seen;
  };
  return [...reaches(start)].filter((name) => name === start || reaches(name).has(start)).sort();
}

/** Whether a function takes a layer, or layers: not what is to become one, such as a description or a value of JSON. */
const takesLayers = ({ text }: Definition): boolean =>
  /\b\w+\??: (?:readonly )?Layer\b/.test(text.slice(0, text.search(/\)(?::|\s*=>|\s*\{)/)));

/**
 * Functions that come to themselves again for the layers within a layer: by a call, by being handed on by name, or by way
 * of others of the same file, which then count once together. What makes layers of something else that nests is none.
 */
export const traversals = (files: Files): string[] =>
  Object.entries(files).flatMap(([file, text]) => {
    const functions = functionsOf(text).filter(isFunction);
    const calls = new Map(functions.map(({ name, text }) => {
      const body = text.slice(text.indexOf(name) + name.length).replace(/"[^"\n]*"|`[^`]*`/g, '""');
      return [
        name,
        functions.map((one) => one.name).filter((one) => new RegExp(`(?<![.\\w"])${one}\\b(?!:)`).test(body)),
      ];
    }));
    const circles = functions.map(({ name }) => circleOf(name, calls)).filter((names) =>
      names.length > 0 && functions.some((one) => names.includes(one.name) && takesLayers(one))
    );
    return [...new Set(circles.map((names) => names.join(" ")))].map((names) => `${file}: ${names}`);
  });

/** Members of the interface Op. */
export function opMembers(text: string): string[] {
  const body = /^export interface Op [^{]*\{\n([\s\S]*?)^\}/m.exec(codeOf(text))?.[1];
  if (body === undefined) throw new Error("there is no interface Op");
  return Array.from(body.matchAll(/^ {2}(?:readonly )?(\w+)[?]?[(:<]/gm), ([, name = ""]) => name);
}

const ACTIVATIONS = ["relu", "leakyRelu", "tanh", "sigmoid", "gelu", "silu"];

/**
 * Lists of names of activations: unions, arrays and sets with three or more of them within three lines, and objects with
 * three or more of them as keys. An object whose type is that of a record over all activations is none: the compiler
 * compares it with the list.
 */
export function activationLists(files: Files): string[] {
  return Object.entries(files).flatMap(([file, text]) => {
    const lines = codeOf(text).split("\n"), found: string[] = [];
    const named = (from: number, count: number, pattern: (name: string) => RegExp): number => {
      const part = lines.slice(from, from + count).join("\n");
      return ACTIVATIONS.filter((name) => pattern(name).test(part)).length;
    };
    for (let i = 0; i < lines.length; i++) {
      if (named(i, 1, (name) => new RegExp(`"${name}"`)) > 0 && named(i, 3, (name) => new RegExp(`"${name}"`)) >= 3) {
        found.push(`${file}:${i + 1}`);
        i += 2;
        continue;
      }
      const keys = (name: string): RegExp => new RegExp(`^\\s*${name}(?::|\\(|,$)`, "m");
      if (!/[{(]\s*$/.test(lines[i] ?? "") || named(i + 1, 1, keys) === 0 || named(i + 1, 14, keys) < 3) continue;
      const head = lines.slice(Math.max(0, i - 2), i + 1).join("\n"), tail = lines.slice(i, i + 40).join("\n");
      const checked = /Record<ActivationKind|in ActivationKind/.test(head) ||
        /satisfies (?:Readonly<)?Record<ActivationKind/.test(tail);
      // What is exported or imported by name is no list either.
      if (!checked && !/\b(?:export|import)(?: type)? \{$/.test(lines[i] ?? "")) found.push(`${file}:${i + 1}`);
    }
    return found;
  });
}

const STAGE = ["ws", "vectors", "l2", "solver", "method", "twoStage", "limit", "judged"];

/** Object literals that name ws and four or more other fields of a Stage, and are no pattern and no type. */
export const stageLiterals = (files: Files): string[] =>
  Object.entries(files).flatMap(([file, text]) => {
    const code = codeOf(text);
    return Array.from(code.matchAll(/\{([^{}]*)\}(?!\s*(?::|=[^=]))/g)).flatMap(([whole, inside = ""]) => {
      const fields = STAGE.filter((name) =>
        new RegExp(`(?:^|[,\\s])${name}\\s*[,:]|(?:^|[,\\s])${name}\\s*$`).test(inside)
      );
      const at = code.indexOf(whole);
      const literal = fields.includes("ws") && fields.length >= 5 && !/\breadonly\b/.test(inside) &&
        !/;\s/.test(inside);
      return literal ? [`${file}:${code.slice(0, at).split("\n").length}`] : [];
    });
  });

/** Comments whose first word is "Of". */
export const ofComments = (files: Files): string[] =>
  Object.entries(files).flatMap(([file, text]) => {
    const lines = text.split("\n");
    return lines.flatMap((line, i) => {
      const begins = /^\s*\/\*\*? Of /.test(line) ||
        (/^\s*\* Of /.test(line) && /^\s*\/\*\*\s*$/.test(lines[i - 1] ?? "")) ||
        /\S\s+\/\/ Of /.test(line) || (/^\s*\/\/ Of /.test(line) && !/^\s*\/\//.test(lines[i - 1] ?? ""));
      return begins ? [`${file}:${i + 1}`] : [];
    });
  });

// Links of Markdown files to other files and to headings, and those that lead nowhere.

import { posix } from "node:path";

/** A link that leads nowhere. */
export interface DeadLink {
  readonly file: string;
  readonly line: number;
  readonly target: string;
}

/** The lines of a page outside its fences; those within are empty. */
function proseOf(text: string): string[] {
  let fenced = false;
  return text.split("\n").map((line) => {
    const fence = line.trimStart().startsWith("```"), inside = fenced;
    if (fence) fenced = !fenced;
    return fence || inside ? "" : line;
  });
}

/** Names of the headings of a page, as GitHub makes anchors of them. */
function anchorsOf(text: string): string[] {
  return proseOf(text).flatMap((line) => {
    const heading = /^#{1,6} (.*)$/.exec(line)?.[1];
    return heading === undefined ? [] : [heading.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-")];
  });
}

/** Links with a scheme, such as https:, are left alone. */
const SCHEME = /^[a-z][a-z+.-]*:/i;
const LINK = /\]\(([^)\s]+)\)/g;

/**
 * The relative links of pages, by path from one root, that lead to no file or to no heading.
 *
 * @param exists whether there is a file or folder of that path
 */
export function deadLinks(pages: ReadonlyMap<string, string>, exists: (path: string) => boolean): DeadLink[] {
  return [...pages].flatMap(([file, text]) =>
    proseOf(text).flatMap((prose, index) =>
      [...prose.matchAll(LINK)].flatMap(([, target]) => {
        if (target === undefined || SCHEME.test(target)) return [];
        const [path = "", anchor] = target.split("#");
        const to = path === "" ? file : posix.normalize(posix.join(posix.dirname(file), path));
        const page = pages.get(to);
        const leads = (page !== undefined || exists(to)) &&
          (anchor === undefined || page !== undefined && anchorsOf(page).includes(anchor));
        return leads ? [] : [{ file, line: index + 1, target }];
      })
    )
  );
}

/** One line for a person. */
export const showDeadLink = ({ file, line, target }: DeadLink): string => `${file}:${line}: ${target} leads nowhere`;

// The check of the rooms, on made-up files: an import upward, a cycle, a folder that is no room, a room without files.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { arrowsOf, listedRooms, listFaults, roomFaults, roomOf, ROOMS } from "../../tools/rooms.ts";

const ORDER = ["low", "part/inner", "part", "high"];
const FINE = {
  "src/low/a.ts": 'import { b } from "./b.ts";\n',
  "src/low/b.ts": "",
  "src/part/inner/a.ts": 'import { a } from "../../low/a.ts";\n',
  "src/part/a.ts": 'import type { a } from "./inner/a.ts";\n',
  "src/high/deep/a.ts": 'import {\n  a,\n} from "../../part/a.ts";\n',
};
const kindsOf = (files: Readonly<Record<string, string>>) => roomFaults(files, ORDER).map(({ kind }) => kind);

describe("rooms", () => {
  it("may import from themselves and from those before them", () => {
    expect(roomFaults(FINE, ORDER)).toEqual([]);
    expect(arrowsOf(FINE, ORDER).map(({ from, to, where }) => `${where} ${from} ${to}`)).toEqual([
      "src/part/inner/a.ts:1 part/inner low",
      "src/part/a.ts:1 part part/inner",
      "src/high/deep/a.ts:3 high part",
    ]);
  });

  it("may not import upward: said with file, line and remedy", () => {
    const files = { ...FINE, "src/low/c.ts": '\nexport * from "../high/b.ts";\n', "src/high/b.ts": "" };
    const faults = roomFaults(files, ["low", "part/inner", "part", "high"]).filter(({ kind }) => kind === "upward");
    expect(faults.map(({ where }) => where)).toEqual(["src/low/c.ts:2"]);
    expect(faults[0]?.message).toMatch(/^src\/low\/c\.ts:2: low imports from high.*move/);
  });

  it("may not go round, over several rooms either: every arrow is said", () => {
    const files = { ...FINE, "src/low/c.ts": 'const a = await import("../high/deep/a.ts");\n' };
    const cycle = roomFaults(files, ORDER).find(({ kind }) => kind === "cycle");
    expect(cycle?.message).toContain(
      "low → high (src/low/c.ts:1), high → part (src/high/deep/a.ts:3), part → part/inner",
    );
    expect(cycle?.message).toContain("part/inner → low (src/part/inner/a.ts:1)");
  });

  it("are those of the list, and all of them", () => {
    expect(kindsOf({ ...FINE, "src/other/a.ts": "", "src/other/b.ts": "" })).toEqual(["unknown"]);
    expect(kindsOf({ ...FINE, "src/a.ts": "" })).toEqual(["unknown"]);
    const { "src/low/b.ts": _, "src/low/a.ts": __, ...without } = FINE;
    expect(kindsOf(without)).toEqual(["empty"]);
  });

  it("take comments for no imports, and the longest folder for the room", () => {
    expect(kindsOf({ ...FINE, "src/low/c.ts": ' * import { a } from "../high/a.ts";\n' })).toEqual([]);
    expect(roomOf("src/part/inner/deep/a.ts", ORDER)).toBe("part/inner");
    expect(roomOf("src/partial/a.ts", ORDER)).toBe(null);
  });

  it("are listed in ARCHITECTURE.md in the same order", () => {
    const page = readFileSync("ARCHITECTURE.md", "utf8");
    expect(listFaults(page)).toEqual([]);
    expect(Object.fromEntries(listedRooms(page).map(([room, text]) => [room, text.length > 10]))).toEqual(
      Object.fromEntries(Object.keys(ROOMS).map((room) => [room, true])),
    );
    expect(listFaults(page.replace("- `src/math/`", "- `src/maths/`"))).toHaveLength(1);
  });
});

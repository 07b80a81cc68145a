// Every export of the library on hostile values: an Either, arguments unchanged, a sound kernel, within a second.

import { describe, expect, it } from "vitest";
import { callWell } from "./attack.ts";
import { isKnown } from "./known.ts";
import { exportedFunctions, functionsOf, RECIPES, THROWING } from "./recipes.ts";
import { attackAll, SOUND, stepHash } from "./rounds.ts";

/** Milliseconds of attacks: a few seconds in the suite of each runtime; `npm run test:property` takes minutes. */
const TIME = 10_000;
/** The seed of the suite's own attacks. */
const SEED = 1;

describe("recipes", () => {
  it("are there for every function that the library exports", () => {
    const missing = exportedFunctions().filter((name) => !THROWING.has(name) && RECIPES[name] === undefined);
    expect(missing, "add their well-formed arguments to RECIPES in test/property/recipes.ts").toEqual([]);
  });

  it("are there for every function that a result holds", () => {
    const missing: string[] = [];
    for (const [name, { call, args, gives }] of Object.entries(RECIPES)) {
      if (typeof gives !== "function") continue;
      const given = args(0), result = (call as (...args: readonly unknown[]) => unknown)(...given);
      for (const part of functionsOf(result)) if (RECIPES[`${name}${part}`] === undefined) missing.push(name + part);
    }
    expect(missing, "add their well-formed arguments to RECIPES in test/property/recipes.ts").toEqual([]);
  });

  it("are well-formed: without hostile values every function gives what it promises, and a Right", async () => {
    // What needs a device or a model of a kind gives a Left for the others.
    const wrong: string[] = [];
    for (const [name, { every }] of Object.entries(RECIPES)) {
      let isRight = name === "webGpu";
      for (let variant = 0; variant < (every === undefined ? 12 : 1); variant++) {
        const end = await callWell(name, variant);
        isRight ||= end.isRight;
        if (end.fault !== undefined) wrong.push(`${name} ${variant}: ${end.fault.kind} ${end.fault.text}`);
      }
      if (!isRight) wrong.push(`${name} gives no Right`);
    }
    expect(wrong).toEqual([]);
  });
});

describe("attacks", () => {
  it("find a step's hash as it is written down", () => expect(stepHash()).toBe(SOUND));

  it("find no exception, no untyped error, no argument changed, no kernel unsound and nothing slow", async () => {
    const { calls, faults, mostBytes } = await attackAll(SEED, TIME);
    expect(calls).toBeGreaterThan(500);
    expect(faults.filter((fault) => !isKnown(fault)).map(({ kind, text }) => `${kind}: ${text}`)).toEqual([]);
    expect(mostBytes).toBeLessThan(64 * 2 ** 20);
  }, 6 * TIME);
});

// Stores: what was saved is loaded, complete, whatever happens in between.

import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { build } from "esbuild";
import { afterAll, describe, expect, it } from "vitest";
import { getOrThrow } from "../../mod.ts";
import { fileStore } from "../../src/io/file_store.ts";
import { decodePlain } from "../../src/io/plain.ts";
import { type CheckpointStore, memoryStore } from "../../src/io/store.ts";
import { left, uniform } from "../support/reference.ts";

const root = await mkdtemp(join(tmpdir(), "fgn-store-"));
afterAll(() => rm(root, { recursive: true, force: true }));

let folders = 0;

/** A folder of its own for a test. */
async function folder(): Promise<string> {
  const path = join(root, `${folders++}`);
  await mkdir(path);
  return path;
}

const unfinished = (name: string, id = "0") => `${name}.${id.repeat(8)}-0000-4000-8000-000000000000.tmp`;

describe.each<[string, () => Promise<CheckpointStore>]>([
  ["memory", () => Promise.resolve(memoryStore())],
  ["a file", async () => fileStore(join(await folder(), "a", "b", "latest.safetensors"))],
])("a store in %s", (_, make) => {
  it("has nothing at first, then what was saved last, in arrays of its own", async () => {
    const store = await make();
    expect(getOrThrow(await store.load())).toBe(null);
    for (const bytes of [Uint8Array.of(1, 2, 3), new Uint8Array(0), Uint8Array.of(4)]) {
      expect(getOrThrow(await store.save(bytes))).toBe(undefined);
      const kept = Uint8Array.from(bytes);
      bytes.fill(9);
      const loaded = getOrThrow(await store.load()) as Uint8Array;
      expect([Object.getPrototypeOf(loaded) === Uint8Array.prototype, [...loaded]]).toEqual([true, [...kept]]);
      loaded.fill(8);
      expect([...getOrThrow(await store.load()) as Uint8Array]).toEqual([...kept]);
    }
  });

  it("takes a part of a buffer, and many megabytes", async () => {
    const store = await make();
    getOrThrow(await store.save(Uint8Array.of(1, 2, 3, 4, 5).subarray(1, 3)));
    expect([...getOrThrow(await store.load()) as Uint8Array]).toEqual([2, 3]);
    const large = new Uint8Array(5e6).map((_, i) => i % 251);
    getOrThrow(await store.save(large));
    const loaded = getOrThrow(await store.load());
    expect(loaded?.length === 5e6 && large.every((value, i) => value === loaded[i])).toBe(true);
  });

  it("saves in the order of the calls", async () => {
    const store = await make();
    const saves = Array.from({ length: 12 }, (_, i) => store.save(new Uint8Array((12 - i) * 1e5).fill(i)));
    for (const saved of await Promise.all(saves)) getOrThrow(saved);
    expect(getOrThrow(await store.load())?.[0]).toBe(11);
  });

  it("refuses what is not bytes, and keeps what it has", async () => {
    const store = await make();
    getOrThrow(await store.save(Uint8Array.of(1)));
    for (const value of [undefined, null, "x", 3, [1], new ArrayBuffer(1)]) {
      expect(left(await store.save(value as unknown as Uint8Array))).toMatchObject({
        _tag: "InvalidOption",
        option: "bytes",
      });
    }
    expect(getOrThrow(await store.load())?.length).toBe(1);
  });
});

/**
 * Starts a program that counts and saves, kills it a little later, and looks at the file; again and again, until it was
 * killed in the midst of saving, too.
 */
async function killOften(program: string, path: string, seed: number): Promise<void> {
  const inside = dirname(path);
  const unfinished = async () => (await readdir(inside)).filter((name) => name.endsWith(".tmp"));
  let count = 0;
  for (const [i, draw] of uniform(100, seed).entries()) {
    if (i >= 10 && (await unfinished()).length > 0) break;
    const child = spawn("node", [program, path], { stdio: ["ignore", "pipe", "inherit"] });
    const ended = once(child, "exit");
    await Promise.race([once(child.stdout, "data"), ended]);
    await new Promise((done) => setTimeout(done, (draw + 1) * 12));
    child.kill("SIGKILL");
    expect((await ended)[1]).toBe("SIGKILL");
    const bytes = getOrThrow(await fileStore(path).load()) as Uint8Array;
    const state = getOrThrow(decodePlain("count", 1, bytes)) as { count: number; values: Float32Array };
    expect(state.values.length).toBe(2 ** 17);
    expect(state.values.every((value) => value === state.count)).toBe(true);
    expect(state.count).toBeGreaterThan(count);
    count = state.count;
  }
  const names = await unfinished();
  expect(names.length).toBeGreaterThan(0);
  for (const name of names) await utimes(join(inside, name), 0, 0);
  getOrThrow(await fileStore(path).save(Uint8Array.of(1)));
  expect(await readdir(inside)).toEqual([basename(path)]);
}

describe("a store in a file", () => {
  it("is a file of just those bytes, and leaves nothing else", async () => {
    const inside = await folder(), path = join(inside, "x.safetensors");
    getOrThrow(await fileStore(path).save(Uint8Array.of(1, 2)));
    expect([...await readFile(path)]).toEqual([1, 2]);
    expect(await readdir(inside)).toEqual(["x.safetensors"]);
    expect([...getOrThrow(await fileStore(path).load()) as Uint8Array]).toEqual([1, 2]);
  });

  it("gives what the system refuses as errors, keeps what was there and cleans up", async () => {
    const inside = await folder(), taken = join(inside, "taken"), file = join(inside, "file");
    await mkdir(join(taken, "full"), { recursive: true });
    getOrThrow(await fileStore(file).save(Uint8Array.of(1)));
    const bad = [taken, "/dev/null", join(file, "below"), join(inside, "n".repeat(300)), "a\0b"];
    for (const path of bad) {
      const store = fileStore(path), error = left(await store.save(Uint8Array.of(2)));
      expect(error).toMatchObject({ _tag: "StorageFailed", what: "save" });
      expect(error.message && error.remedy).toBeTruthy();
      expect(left(await store.load())).toMatchObject({ _tag: "StorageFailed", what: "load" });
    }
    expect((await readdir(inside)).sort()).toEqual(["file", "taken"]);
    expect(await readdir(taken)).toEqual(["full"]);
    const store = fileStore(taken);
    left(await store.save(Uint8Array.of(2)));
    await rm(taken, { recursive: true });
    getOrThrow(await store.save(Uint8Array.of(3)));
    expect([...getOrThrow(await store.load()) as Uint8Array]).toEqual([3]);
  });

  it("refuses a path that is none of a file", async () => {
    for (const path of ["", "/", "runs/", undefined, null, 3, ["x"]]) {
      const store = fileStore(path as string);
      for (const given of [await store.load(), await store.save(Uint8Array.of(1))]) {
        expect(left(given)).toMatchObject({ _tag: "InvalidOption", option: "path" });
      }
    }
  });

  it("stays the same file where the working directory or a link changes", async () => {
    const inside = await folder(), before = process.cwd(), text = (path: string) => readFile(join(inside, path));
    for (const name of ["here", "there"]) await mkdir(join(inside, name));
    await symlink("chain", join(inside, "link"));
    await symlink(join(inside, "here", "x"), join(inside, "chain"));
    const linked = fileStore(join(inside, "link"));
    getOrThrow(await linked.save(Uint8Array.of(1)));
    expect((await lstat(join(inside, "link"))).isSymbolicLink()).toBe(true);
    expect([...await text("here/x")]).toEqual([1]);
    await rm(join(inside, "link"));
    await symlink("there/x", join(inside, "link"));
    getOrThrow(await linked.save(Uint8Array.of(2)));
    expect([...getOrThrow(await linked.load()) as Uint8Array, ...await text("here/x")]).toEqual([2, 2]);
    expect(await readdir(join(inside, "there"))).toEqual([]);
    getOrThrow(await fileStore(join(inside, "link")).save(Uint8Array.of(3)));
    expect([...await text("there/x"), ...await text("here/x")]).toEqual([3, 2]);
    await symlink("loop", join(inside, "loop"));
    expect(left(await fileStore(join(inside, "loop")).save(Uint8Array.of(1)))._tag).toBe("StorageFailed");
    try {
      process.chdir(join(inside, "here"));
      const relative = fileStore("y");
      process.chdir(inside);
      getOrThrow(await relative.save(Uint8Array.of(4)));
    } finally {
      process.chdir(before);
    }
    expect([...await text("here/y")]).toEqual([4]);
  });

  it("keeps the mode of the file that is there", async () => {
    const path = join(await folder(), "x"), mode = async () => (await stat(path)).mode & 0o777;
    const store = fileStore(path);
    getOrThrow(await store.save(Uint8Array.of(1)));
    expect(await mode()).toBe(0o666 & ~process.umask());
    for (const wanted of [0o600, 0o666, 0o444]) {
      await chmod(path, wanted);
      getOrThrow(await store.save(Uint8Array.of(2)));
      expect(await mode()).toBe(wanted);
    }
  });

  it("removes what killed runs left there, and nothing else", async () => {
    const inside = await folder(), long = new Date(Date.now() - 11 * 60_000), now = new Date();
    const files: readonly (readonly [string, Date])[] = [
      [unfinished("x", "a"), long],
      [unfinished("x", "b"), now],
      [unfinished("y"), long],
      [unfinished("x").replace("tmp", "txt"), long],
      [`${unfinished("x")}.bak`, long],
      ["x.tmp", long],
      [`x.${unfinished("x", "c")}`, long],
      ["x", long],
    ];
    for (const [name, time] of files) {
      await writeFile(join(inside, name), "left");
      await utimes(join(inside, name), time, time);
    }
    getOrThrow(await fileStore(join(inside, "x")).save(Uint8Array.of(1)));
    const kept = files.slice(1).map(([name]) => name);
    expect((await readdir(inside)).sort()).toEqual(kept.sort());
  });

  it("gives several writers' bytes whole, never mixed", async () => {
    const inside = await folder(), path = join(inside, "x");
    const writers = [1, 2, 3, 4].map(async (value) => {
      const store = fileStore(path);
      for (let round = 0; round < 5; round++) {
        getOrThrow(await store.save(new Uint8Array(value * 1e5).fill(value)));
        const bytes = getOrThrow(await store.load()) as Uint8Array;
        const [first] = bytes;
        expect(bytes.length).toBe((first as number) * 1e5);
        expect(bytes.every((byte) => byte === first)).toBe(true);
      }
    });
    await Promise.all(writers);
    expect(await readdir(inside)).toEqual(["x"]);
  });

  it("is complete whenever the program that saves is killed", async () => {
    const inside = await folder(), program = join(inside, "saver.mjs");
    await build({
      entryPoints: ["test/io/saver.ts"],
      outfile: program,
      bundle: true,
      platform: "node",
      format: "esm",
      logLevel: "error",
    });
    await Promise.all([1, 2].map((seed) => killOften(program, join(inside, `${seed}`, "count.safetensors"), seed)));
  }, 60_000);
});

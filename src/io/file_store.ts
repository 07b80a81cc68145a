/**
 * Checkpoints in files, for Node, Deno and Bun.
 *
 * @module
 */

import * as E from "fp-ts/lib/Either.js";
import {
  chmod,
  type FileHandle,
  lstat,
  mkdir,
  open,
  readdir,
  readlink,
  realpath,
  rename,
  rm,
  stat,
} from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { type FgnError, invalid } from "../check/error.ts";
import { checkBytes, type CheckpointStore, storageFailed } from "./store.ts";

/** Runtimes read and write at most 2 GiB at a time. */
const CHUNK = 2 ** 30;

/** A temporary file that nobody has written to for so long, in milliseconds, is that of a run that was killed. */
const ABANDONED = 10 * 60_000;

/** The ending of an unfinished file, behind the name of the checkpoint. */
const UNFINISHED = /^\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.tmp$/;

/** The result of an operation, with what it throws as a value. */
async function attempt<A>(what: "load" | "save", run: () => Promise<A>): Promise<E.Either<FgnError, A>> {
  try {
    return E.right(await run());
  } catch (error) {
    return storageFailed(what, error);
  }
}

/** Opens a file, gives what `use` makes of it, and closes it. */
async function withFile<A>(opened: Promise<FileHandle>, use: (file: FileHandle) => Promise<A>): Promise<A> {
  const file = await opened;
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

/** What `look` gives; null where there is no such file. */
async function unlessMissing<A>(look: Promise<A>): Promise<A | null> {
  try {
    return await look;
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** The most links that a path is followed through, as in Linux. */
const MAX_LINKS = 40;

/** Where a path leads: behind the links that stand in its place, in the folder that there is now. */
async function follow(path: string): Promise<string> {
  let end = path;
  for (let links = 0; (await unlessMissing(lstat(end)))?.isSymbolicLink(); links++) {
    if (links === MAX_LINKS) throw new Error(`${path} leads through more than ${MAX_LINKS} links`);
    end = resolve(dirname(end), await readlink(end));
  }
  const folder = await realpath(dirname(end)).catch(() => dirname(end));
  return join(folder, basename(end));
}

/** The permissions of the file that is there, or null. */
async function modeOf(path: string): Promise<number | null> {
  const there = await unlessMissing(stat(path));
  if (there === null) return null;
  if (!there.isFile()) throw new Error(`${path} is ${there.isDirectory() ? "a folder" : "no regular file"}`);
  return there.mode & 0o777;
}

/** All bytes of a file; null where there is none. */
async function read(path: string): Promise<Uint8Array | null> {
  if (await modeOf(path) === null) return null;
  return await unlessMissing(withFile(open(path, "r"), async (file) => {
    const bytes = new Uint8Array((await file.stat()).size);
    for (let at = 0; at < bytes.length;) {
      const { bytesRead } = await file.read(bytes, at, Math.min(CHUNK, bytes.length - at), at);
      if (bytesRead === 0) throw new Error(`${path} ends after ${at} of ${bytes.length} bytes`);
      at += bytesRead;
    }
    return bytes;
  }));
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += (await file.write(bytes, at, Math.min(CHUNK, bytes.length - at), at)).bytesWritten;
  }
}

/**
 * Removes what killed runs left behind, as far as that can be done. Ages are measured against a time by the clock of
 * the file system, which other machines may share.
 */
async function removeAbandoned(path: string, now: number): Promise<void> {
  const folder = dirname(path), name = basename(path);
  const names = await readdir(folder).catch(() => []);
  for (const other of names) {
    if (!other.startsWith(name) || !UNFINISHED.test(other.slice(name.length))) continue;
    const leftover = join(folder, other);
    const written = await stat(leftover).then(({ mtimeMs }) => mtimeMs, () => now);
    if (now - written > ABANDONED) await rm(leftover, { force: true }).catch(() => undefined);
  }
}

/** Makes a rename last through a power cut, where a folder can be synchronised: not on Windows. */
async function syncFolder(folder: string): Promise<void> {
  await withFile(open(folder, "r"), (file) => file.sync()).catch(() => undefined);
}

/**
 * Writes beside the checkpoint and renames, so that its name always stands for a complete file. The unfinished file
 * has a name of its own: several writers do not mix, the last one to rename wins.
 */
async function write(path: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const unfinished = `${path}.${crypto.randomUUID()}.tmp`, mode = await modeOf(path);
  try {
    await withFile(open(unfinished, "wx", mode ?? 0o666), async (file) => {
      // Opening takes from the mode what the program's mask says.
      if (mode !== null) await chmod(unfinished, mode);
      await removeAbandoned(path, (await file.stat()).mtimeMs);
      await writeAll(file, bytes);
      await file.sync();
    });
    await rename(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true }).catch(() => undefined);
    throw error;
  }
  await syncFolder(dirname(path));
}

/** A path of a file, as far as a look tells. Errors: `InvalidOption`. */
function checkPath(path: string): E.Either<FgnError, string> {
  return typeof path === "string" && /[^/\\]$/.test(path)
    ? E.right(path)
    : invalid("path", path, 'the path of a file, such as "runs/1/latest.safetensors"');
}

/** A path from the root, or as it is where the program may not know its working directory. */
function fromHere(path: string): string {
  try {
    return resolve(path);
  } catch {
    return path;
  }
}

/**
 * A store in a file, for Node, Deno (with permission to read and write there) and Bun. Its folder is made where it is
 * missing.
 *
 * The file is always complete, whenever the program is killed and whoever else saves there: bytes go to a file beside
 * it, named like it with an id and ".tmp" behind, which takes its place when all are on the disk. Such files of killed
 * runs go at a later save, when they are ten minutes old. Saves of one store take place in the order of their calls.
 *
 * A store keeps to one file: a relative path counts from the working directory of this call, and a symbolic link leads
 * where it did at the first load or save; what it leads to is replaced, and not the link. A file that is there keeps its
 * mode. Errors, of `load` and `save`: `InvalidOption` (a path that is empty, ends with a slash or is no text),
 * `StorageFailed` (a folder, say).
 *
 * @param path The file's path, such as "runs/1/latest.safetensors".
 *
 * @example
 * ```ts
 * import { fileStore } from "fgn/file";
 *
 * const loaded = await fileStore("no/such/file").load();
 * if (loaded._tag === "Right") console.log(loaded.right); // null
 * ```
 */
export function fileStore(path: string): CheckpointStore {
  const checked = checkPath(path);
  if (checked._tag === "Left") return { load: () => Promise.resolve(checked), save: () => Promise.resolve(checked) };
  const absolute = fromHere(checked.right);
  let place: string | null = null, last: Promise<unknown> = Promise.resolve();
  const placeOnce = async (): Promise<string> => place ??= await follow(absolute);
  return {
    load: () => attempt("load", async () => await read(await placeOnce())),
    save: (bytes) => {
      const checked = checkBytes(bytes);
      if (checked._tag === "Left") return Promise.resolve(checked);
      const saved = last.then(() => attempt("save", async () => await write(await placeOnce(), checked.right)));
      last = saved;
      return saved;
    },
  };
}

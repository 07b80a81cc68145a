// Files with something wrong, the same for the same seed: bytes that were changed, cut off or put in, and headers and
// JSON whose fields have other values, kinds and names, or come twice.

import { drawFrom, seedRandom } from "../../src/math/random.ts";

/** Draws of one mutation. */
export interface Dice {
  /** A whole number from 0 to below `most`. */
  readonly below: (most: number) => number;
  /** One of the values. */
  readonly one: <A>(values: readonly A[]) => A;
}

/** The draws of the `index`-th mutation of a seed. */
export function dice(seed: number, index: number): Dice {
  const source = drawFrom(seedRandom(Math.imul(seed, 0x9e3779b1) ^ index));
  const below = (most: number): number => Math.floor(source.next() / 2 ** 32 * most);
  return { below, one: (values) => values[below(values.length)] as (typeof values)[number] };
}

/** Numbers at the limits of what sizes, offsets and floats can be. */
const NUMBERS = [0, -0, 1, -1, 0.5, 2 ** 31, 2 ** 32, 2 ** 53, 2 ** 53 - 1, -(2 ** 53), 1e39, 1e308, 5e-324, 3.5e38];

/** Values of every kind that JSON has. */
const VALUES: readonly unknown[] = [
  null,
  true,
  false,
  "",
  "1",
  "NaN",
  "tensor",
  [],
  {},
  [[]],
  [null],
  { $: "NaN" },
  {
    $: "undefined",
  },
  { $: "-0" },
  { $: "tensor" },
  { $: 1 },
];

const DTYPES = ["F32", "I32", "U32", "F64", "I64", "U64", "U8", "I8", "BOOL", "I16", "U16", "F16", "BF16", "F8_E4M3"];
const OTHER_DTYPES = ["F4", "F6_E2M3", "C64", "f32", "X1", ""];

/** The bytes with a few of them changed, cut off, put in or moved. */
export function mutateBytes(bytes: Uint8Array, { below, one }: Dice): Uint8Array {
  const at = below(bytes.length), count = 1 + below(1 << below(8));
  const put = (...inner: number[]): Uint8Array =>
    Uint8Array.of(...bytes.subarray(0, at), ...inner, ...bytes.subarray(at));
  const changed = bytes.slice();
  switch (one(["flip", "flip", "flips", "byte", "cut", "insert", "remove", "repeat", "fill", "length"])) {
    case "flip":
      changed[at] = (changed[at] as number) ^ (1 << below(8));
      return changed;
    case "flips":
      for (let i = 0; i < count; i++) {
        const other = below(bytes.length);
        changed[other] = (changed[other] as number) ^ (1 << below(8));
      }
      return changed;
    case "byte":
      changed[at] = one([0, 255, 0x20, 0x22, 0x2c, 0x30, 0x39, 0x5b, 0x7b, 0x7d, below(256)]);
      return changed;
    case "cut":
      return bytes.slice(0, at);
    case "insert":
      return put(...Array.from({ length: count }, () => below(256)));
    case "remove":
      return Uint8Array.of(...bytes.subarray(0, at), ...bytes.subarray(at + count));
    case "repeat":
      return put(...bytes.subarray(at, at + count));
    case "fill":
      return changed.fill(one([0, 255, 0x20, below(256)]), at, at + count);
    default:
      new DataView(changed.buffer).setBigUint64(
        0,
        one([0n, 1n, 2n ** 31n, 2n ** 32n, 2n ** 63n, 2n ** 64n - 1n]),
        true,
      );
      return changed;
  }
}

type Tree = Record<string, unknown>;

/** The lists and objects within a value, itself included. */
function holders(value: unknown, into: Tree[] = []): Tree[] {
  if (typeof value !== "object" || value === null) return into;
  into.push(value as Tree);
  for (const inner of Object.values(value)) holders(inner, into);
  return into;
}

/** The same content as one of the other kind: a list for an object with its indices, a text for a number, and so on. */
function otherKind(value: unknown, { one }: Dice): unknown {
  if (Array.isArray(value)) {
    return one<unknown>([{ ...value }, value.map(String), value.slice(1), [...value, 0], [value]]);
  }
  if (typeof value === "object" && value !== null) {
    return one<unknown>([Object.values(value), [value], JSON.stringify(value)]);
  }
  if (typeof value === "number") return one<unknown>([`${value}`, value + 1, -value, value * 2, value / 3, [value]]);
  if (typeof value === "string") return one<unknown>([Number(value), [value], `${value} `, value.toUpperCase()]);
  return one<unknown>([String(value), value === null ? 0 : null, !value]);
}

/** Changes a tree of JSON in one or two places; it is written to. */
export function mutateTree(tree: unknown, draws: Dice): unknown {
  const { below, one } = draws, root = { root: tree };
  for (let edits = 1 + below(2); edits > 0; edits--) {
    const holder = one(holders(root)), key = one([...Object.keys(holder), "root"]);
    switch (one(["value", "number", "kind", "kind", "remove", "rename", "copy"])) {
      case "value":
        holder[key] = structuredClone(one(VALUES));
        break;
      case "number":
        holder[key] = one(NUMBERS);
        break;
      case "kind":
        holder[key] = otherKind(holder[key], draws);
        break;
      case "remove":
        if (Array.isArray(holder)) holder.splice(Number(key), 1);
        else delete holder[key];
        break;
      case "rename": {
        const name = one([`${key}_`, "__proto__", "$", "0"]), value = holder[key];
        delete holder[key];
        Object.defineProperty(holder, name, { value, enumerable: true, configurable: true, writable: true });
        break;
      }
      default: {
        const other = one(holders(root));
        holder[key] = structuredClone(other[one(Object.keys(other).concat("root"))] ?? null);
      }
    }
  }
  return root.root;
}

/** A file in its parts: the text of its header, and the data behind it. */
export interface Parts {
  readonly header: string;
  readonly data: Uint8Array;
}

export function partsOf(bytes: Uint8Array): Parts {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  return { header: new TextDecoder().decode(bytes.subarray(8, 8 + length)), data: bytes.subarray(8 + length) };
}

export function joinParts({ header, data }: Parts): Uint8Array {
  const text = new TextEncoder().encode(header), bytes = new Uint8Array(8 + text.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.length);
  return bytes;
}

interface Mutated {
  readonly bytes: Uint8Array;
  /** Whether a field of the header is there twice. */
  readonly twice: boolean;
}

/** A safetensors file with another header: dtypes, shapes, offsets, names, the tree that its metadata holds. */
export function mutateHeader(bytes: Uint8Array, draws: Dice): Mutated {
  const { one, below } = draws, { header, data } = partsOf(bytes);
  const fields = JSON.parse(header) as Record<string, Record<string, unknown>>;
  const names = Object.keys(fields).filter((name) => name !== "__metadata__"), name = one(names);
  const entry = fields[name] as Record<string, unknown>, other = fields[one(names)] as Record<string, unknown>;
  const metadata = fields.__metadata__;
  switch (one(["dtype", "dtype", "swap", "offsets", "shape", "twice", "metadata", "value", "value", "value", "tree"])) {
    case "dtype":
      entry.dtype = one([...DTYPES, ...OTHER_DTYPES]);
      break;
    case "swap":
      for (const key of one([["data_offsets"], ["shape"], ["dtype"], ["dtype", "data_offsets"]])) {
        [entry[key], other[key]] = [other[key], entry[key]];
      }
      break;
    case "offsets":
      (entry.data_offsets as number[])[below(2)] = one([...NUMBERS, below(data.length + 9)]);
      break;
    case "shape":
      entry.shape = one([[], [0], [1], [-1], [2 ** 53], [2 ** 27, 2 ** 27], (entry.shape as number[]).toReversed(), [
        ...entry.shape as number[],
        1,
      ], { 0: 1 }]);
      break;
    case "twice": {
      const again = one([`${JSON.stringify(name)}:${JSON.stringify(entry)}`, '"__metadata__":{}', '"a":1,"a":1']);
      if (again.startsWith('"__') && metadata === undefined) break;
      return { bytes: joinParts({ header: `{${again},${header.slice(header.indexOf("{") + 1)}`, data }), twice: true };
    }
    case "metadata":
      if (metadata !== undefined) fields.__metadata__ = mutateTree(metadata, draws) as Record<string, unknown>;
      break;
    case "value":
      if (typeof metadata?.value === "string") {
        metadata.value = JSON.stringify(mutateTree(JSON.parse(metadata.value), draws)) ?? "";
      }
      break;
    default:
      return { bytes: joinParts({ header: JSON.stringify(mutateTree(fields, draws)) ?? "", data }), twice: false };
  }
  return { bytes: joinParts({ header: JSON.stringify(fields), data }), twice: false };
}

/** A file with its bytes or its header mutated. */
export const mutateFile = (bytes: Uint8Array, draws: Dice): Mutated =>
  draws.below(2) === 0 ? { bytes: mutateBytes(bytes, draws), twice: false } : mutateHeader(bytes, draws);

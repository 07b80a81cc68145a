/**
 * The state of a place in the United States from where it lies, from the npm package vega-datasets.
 *
 * @module
 */

import type { NamedDataset } from "./dataset.ts";
import { numbers, ofCommonClasses, readVega, toDataset } from "./table.ts";

const TRAIN = 12_000, TEST = 4_000;
/** Places that a state has at least. */
const FEWEST = 90;

/** Loads 12,000 training and 4,000 test places with the degrees of their latitude and longitude, of 52 states and territories. */
export function loadZipcodes(seed = 1): NamedDataset {
  const rows = ofCommonClasses(readVega("zipcodes.csv"), "state", FEWEST);
  const all = toDataset(numbers(rows, "latitude", "longitude"), rows.map(({ state }) => String(state)), TRAIN, seed);
  const { test, columns } = all;
  const features = test.features.slice(0, TEST * columns), labels = test.labels.slice(0, TEST);
  return { ...all, test: { features, labels, rows: TEST } };
}

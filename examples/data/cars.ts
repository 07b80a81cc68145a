/**
 * Where a car of the seventies was made, from its technical data in the npm package vega-datasets.
 *
 * @module
 */

import type { NamedDataset } from "./dataset.ts";
import { type Column, lacks, numbers, readVega, toDataset } from "./table.ts";

const TRAIN = 280;
const MEASURES = ["Miles_per_Gallon", "Cylinders", "Displacement", "Horsepower", "Weight_in_lbs", "Acceleration"];

/** Loads 280 training and 112 test cars of three origins, those whose data are complete, with their year. */
export function loadCars(seed = 1): NamedDataset {
  const rows = readVega("cars.json").filter((row) => MEASURES.every((name) => !lacks(row, name)));
  const years = rows.map(({ Year }) => Number(String(Year).slice(0, 4)));
  const columns: Column[] = [...numbers(rows, ...MEASURES), years];
  return toDataset(columns, rows.map(({ Origin }) => String(Origin)), TRAIN, seed);
}

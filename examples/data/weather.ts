/**
 * The weather of a day in Seattle from what was measured, from the npm package vega-datasets.
 *
 * @module
 */

import type { NamedDataset } from "./dataset.ts";
import { type Column, numbers, readVega, toDataset } from "./table.ts";

const TRAIN = 1_100;

/**
 * Loads 1,100 training and 361 test days of five kinds: rain in millimetres, degrees, wind, the year, and the day of the
 * year.
 */
export function loadWeather(seed = 1): NamedDataset {
  const rows = readVega("seattle-weather.csv"), dates = rows.map(({ date }) => new Date(`${date}T00:00Z`));
  const years = dates.map((date) => date.getUTCFullYear());
  const days = dates.map((date, i) => (date.getTime() - Date.UTC(years[i] ?? 0, 0, 1)) / 86_400_000);
  const columns: Column[] = [...numbers(rows, "precipitation", "temp_max", "temp_min", "wind"), years, days];
  return toDataset(columns, rows.map(({ weather }) => String(weather)), TRAIN, seed);
}

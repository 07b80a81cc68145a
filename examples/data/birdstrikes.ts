/**
 * Whether a bird that met an aircraft did damage (10.6 % of the reports), from the npm package vega-datasets.
 *
 * @module
 */

import type { NamedDataset } from "./dataset.ts";
import { type Column, missing, numbers, oneHot, readVega, type Row, toDataset } from "./table.ts";

const TRAIN = 8_000;
const SPEED = "Speed IAS in knots", DAMAGE = "Effect Amount of damage";
const WORDS = ["Phase of flight", "Wildlife Size", "Time of day", "Aircraft Airline Operator", "Wildlife Species"];

/** Days since 1990 began, which the reports begin with. */
const days = (row: Row): number => (Date.parse(String(row["Flight Date"])) - Date.UTC(1990, 0, 1)) / 86_400_000;

/**
 * Loads 8,000 training and 2,000 test reports: the speed in knots (0 where it is missing, with a column that says so),
 * the day, and what phase, size, time, operator and species are, a column a word. Class 1 is damage.
 */
export function loadBirdstrikes(seed = 1): NamedDataset {
  const rows = readVega("birdstrikes.csv");
  const columns: Column[] = [...numbers(rows, SPEED), ...missing(rows, SPEED), rows.map(days)];
  columns.push(...WORDS.flatMap((name) => oneHot(rows, name)));
  const classes = rows.map((row) => row[DAMAGE] === "None" ? "none" : "damage");
  return toDataset(columns, classes, TRAIN, seed);
}

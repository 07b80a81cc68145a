/**
 * The genre of a film from its money, votes and ratings, from the npm package vega-datasets.
 *
 * @module
 */

import type { NamedDataset } from "./dataset.ts";
import { type Column, missing, numbers, ofCommonClasses, oneHot, readVega, type Row, toDataset } from "./table.ts";

const TRAIN = 2_200;
/** Films that a genre has at least. */
const FEWEST = 30;
const GENRE = "Major Genre";
const NUMBERS = [
  "US Gross",
  "Worldwide Gross",
  "Production Budget",
  "Running Time min",
  "Rotten Tomatoes Rating",
  "IMDB Rating",
  "IMDB Votes",
];

const year = (row: Row): number => Number(String(row["Release Date"]).slice(-4));

/**
 * Loads 2,200 training and 721 test films of the eleven genres with at least 30: dollars, minutes, ratings, votes and the
 * year as they are (0 where one is missing, with a column that says so), and the audience it is for, a column a word.
 */
export function loadMovies(seed = 1): NamedDataset {
  const rows = ofCommonClasses(readVega("movies.json"), GENRE, FEWEST);
  const columns: Column[] = [...numbers(rows, ...NUMBERS), rows.map(year), ...missing(rows, ...NUMBERS)];
  columns.push(...oneHot(rows, "MPAA Rating"));
  return toDataset(columns, rows.map((row) => String(row[GENRE])), TRAIN, seed);
}

/**
 * Files as tables, and heads of PyTorch as networks. What is read goes to `trainClassifier`, or through a recipe to a
 * matrix.
 *
 * @module
 */

export { type HeadOptions, readHead } from "./head.ts";
export type { DataSource } from "./opened.ts";
export type { Format, ReadOptions } from "./options.ts";
export { readTable, readTables } from "./read_table.ts";

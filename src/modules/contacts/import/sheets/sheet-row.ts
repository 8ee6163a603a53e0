/** A row of a sheet: its number as a spreadsheet shows it, from 1, and its cells as texts. */
export interface SheetRow {
  row: number;
  cells: string[];
}

/** Beyond any field of ours; what is longer is cut, and refused where it is looked at. */
const CELL_MAX = 20_000;
/** Cells further right are nobody's columns. */
export const COLUMNS_MAX = 256;

/** Excel's own. */
export const ROWS_MAX = 1_048_576;

export const cellOf = (text: string): string => (text.length > CELL_MAX ? text.slice(0, CELL_MAX) : text);

/** What is wrong with a file, for who sent it. */
export class SheetFlaw extends Error {}

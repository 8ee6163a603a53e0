import { open } from 'node:fs/promises';
import { csvRows } from './read-csv';
import { xlsRows } from './read-xls';
import { xlsxRows } from './read-xlsx';
import type { SheetRow } from './sheet-row';

/** Rows of a file, as JSON: a list of `[row, cells]`. */
export interface SheetBatch {
  count: number;
  json: string;
}

const ZIP = '504b0304';
const OLE = 'd0cf11e0';
/** A text of this size is read in a few milliseconds. */
const SMALL = 32 * 1024;

/** How a file begins, and how long it is. */
async function kindOf(path: string): Promise<{ magic: string; size: number }> {
  const file = await open(path);
  try {
    const { buffer } = await file.read(Buffer.alloc(4), 0, 4, 0);
    return { magic: buffer.toString('hex'), size: (await file.stat()).size };
  } finally {
    await file.close();
  }
}

const isSheet = (magic: string): boolean => magic === ZIP || magic === OLE;

/** Whether it is a spreadsheet, by its content. */
export async function isSpreadsheet(path: string): Promise<boolean> {
  return isSheet((await kindOf(path)).magic);
}

/** Nothing in it unfolds, and there is little of it. */
export async function isSmallText(path: string): Promise<boolean> {
  const { magic, size } = await kindOf(path);
  return !isSheet(magic) && size <= SMALL;
}

const isBlank = ({ cells }: SheetRow): boolean => cells.every((cell) => !cell.trim());
/** Excel's word for the delimiter. */
const isSeparator = ({ cells }: SheetRow): boolean => cells.length <= 2 && /^sep=/i.test(cells[0]);

/** The header of a file, then its rows, `batch` at a time. @throws {SheetFlaw} */
export async function* readBatches(path: string, batch: number): AsyncGenerator<string[] | SheetBatch, void> {
  const { magic } = await kindOf(path);
  let has_header = false;
  let rows: [number, string[]][] = [];
  for await (const row of magic === ZIP ? xlsxRows(path) : magic === OLE ? xlsRows(path) : csvRows(path)) {
    if (isBlank(row) || isSeparator(row)) continue;
    if (has_header) rows.push([row.row, row.cells]);
    else yield row.cells;
    has_header = true;
    if (rows.length < batch) continue;
    yield { count: rows.length, json: JSON.stringify(rows) };
    rows = [];
  }
  if (rows.length) yield { count: rows.length, json: JSON.stringify(rows) };
}

import { readFile } from 'node:fs/promises';
import { COLUMNS_MAX, SheetFlaw, type SheetRow, cellOf } from './sheet-row';

/** The rows of the first sheet of a file of Excel 97 to 2003. */
export async function* xlsRows(path: string): AsyncGenerator<SheetRow> {
  const { readXls } = await import('hucre');
  const { sheets } = await readXls(await readFile(path), { sheets: [0] });
  if (!sheets.length) throw new SheetFlaw('it has no sheet');
  for (const [at, values] of sheets[0].rows.entries()) yield { row: at + 1, cells: values.slice(0, COLUMNS_MAX).map(textOf) };
}

function textOf(value: unknown): string {
  if (value instanceof Date) return value.toISOString().replace(/T00:00:00.000Z$|\.\d+Z$/, '');
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? cellOf(String(value)) : '';
}

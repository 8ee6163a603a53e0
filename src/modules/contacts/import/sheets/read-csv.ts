import { isUtf8 } from 'node:buffer';
import { readFile } from 'node:fs/promises';
import { Readable, pipeline } from 'node:stream';
import { CsvError, parse } from 'csv-parse';
import { COLUMNS_MAX, ROWS_MAX, SheetFlaw, type SheetRow, cellOf } from './sheet-row';

/** More than a row of ours with every cell full. */
const RECORD_MAX = 1024 * 1024;
const PIECE = 64 * 1024;
const DELIMITERS = [',', ';', '\t'];
/** No text has these; a picture or a PDF soon has. */
// eslint-disable-next-line no-control-regex
const BINARY = /[\u0000-\u0008\u000e-\u001f]/;

/** The rows of a CSV file, however Excel wrote it: the delimiter is found, UTF-8 with or without BOM, UTF-16 or Latin-1. */
export async function* csvRows(path: string): AsyncGenerator<SheetRow> {
  const text = textOf(await readFile(path));
  const parser = parse({ delimiter: delimiterOf(text), relax_column_count: true, relax_quotes: true, max_record_size: RECORD_MAX });
  // Its errors come out where the rows do.
  pipeline(Readable.from(piecesOf(text)), parser, () => undefined);
  let row = 0;
  try {
    for await (const cells of parser as AsyncIterable<string[]>) {
      // Also the empty ones: to read millions of them takes a core for half a minute.
      if (row === ROWS_MAX) throw new SheetFlaw('it has more rows than a spreadsheet can have');
      yield { row: ++row, cells: cells.slice(0, COLUMNS_MAX).map(cellOf) };
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw new SheetFlaw(
      // What never closes ends with the file, or where a record is too long.
      ['CSV_QUOTE_NOT_CLOSED', 'CSV_MAX_RECORD_SIZE'].includes(error.code)
        ? 'a quotation mark is opened and never closed'
        : `row ${row + 1} cannot be read`,
    );
  }
}

function textOf(bytes: Buffer): string {
  const utf16 = bytes[0] === 0xff && bytes[1] === 0xfe;
  const text = new TextDecoder(utf16 ? 'utf-16le' : isUtf8(bytes) ? 'utf-8' : 'windows-1252').decode(bytes);
  if (BINARY.test(text.slice(0, PIECE)) || text.includes('\0')) throw new SheetFlaw('it is neither CSV nor a spreadsheet');
  return text;
}

/** @throws {SheetFlaw} A row that is too long, which the parser does not count where it is delimiters alone. */
function* piecesOf(text: string): Generator<string> {
  let row_at = 0;
  for (let at = 0; at < text.length; at += PIECE) {
    const piece = text.slice(at, at + PIECE);
    yield piece;
    const end = Math.max(piece.lastIndexOf('\n'), piece.lastIndexOf('\r'));
    if (end >= 0) row_at = at + end;
    if (at + piece.length - row_at > RECORD_MAX + PIECE) throw new SheetFlaw('a row of it is too long');
  }
}

/** That which the first line has most of, outside of its quotation marks. */
function delimiterOf(text: string): string {
  const line = /[^\r\n]+/.exec(text.slice(0, PIECE))?.[0] ?? '';
  // Excel's own word for it.
  const said = /^sep=([,;\t])$/i.exec(line)?.[1];
  const bare = line.replace(/"[^"]*"/g, '');
  return said ?? DELIMITERS.toSorted((a, b) => bare.split(b).length - bare.split(a).length)[0];
}

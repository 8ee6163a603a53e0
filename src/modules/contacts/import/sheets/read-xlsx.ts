import type { Readable } from 'node:stream';
import { SaxesParser, type SaxesTagPlain } from 'saxes';
import { type Entry, type ZipFile, openPromise } from 'yauzl';
import { COLUMNS_MAX, ROWS_MAX, SheetFlaw, type SheetRow, cellOf } from './sheet-row';

/** Bytes a part may unfold to: 50,000 full rows have less. The archive is held to what it says of itself as it is read. */
const SHEET_MAX = 300 * 1024 * 1024;
const STRINGS_MAX = 64 * 1024 * 1024;
const PART_MAX = 4 * 1024 * 1024;
const PARTS_MAX = 2000;
/** A sheet folds to a tenth or a fiftieth; what folds far better is there to be unfolded. */
const RATIO_MAX = 100;
const RATIO_FREE = 20 * 1024 * 1024;

/** Numbers formats of Excel's own that are dates or times (ECMA-376, 18.8.30). */
const DATE_FORMATS: readonly [from: number, to: number][] = [
  [14, 22],
  [27, 36],
  [45, 47],
  [50, 58],
];
/** Days between Excel's day 0 and 1970, by its two calendars. */
const DAYS_1900 = 25_569;
const DAYS_1904 = 24_107;

type Attributes = Record<string, string>;

interface Handlers {
  open(name: string, attributes: Attributes): void;
  close?(name: string): void;
  text?(text: string): void;
}

/** What a cell's text is told by. */
interface Book {
  strings: readonly string[];
  /** By the cell's style: is its number a date? */
  dates: readonly boolean[];
  epoch_days: number;
}

/** The rows of an XLSX file's first sheet, as they are unfolded: nothing but its shared texts is held in memory. */
export async function* xlsxRows(path: string): AsyncGenerator<SheetRow> {
  const zip = await openPromise(path, { lazyEntries: true, autoClose: false });
  try {
    const parts = await partsOf(zip);
    const small = (name: string, handlers: Handlers): Promise<void> => readPart(zip, parts, name, PART_MAX, handlers);

    const book = partOf(await relationsOf(small, ''), 'officeDocument');
    if (!book) throw new SheetFlaw('it is no spreadsheet');
    const relations = await relationsOf(small, book);
    const { sheet_id, is_1904 } = await workbookOf(small, book);
    const sheet = relations.find(({ id }) => id === sheet_id)?.target;
    if (!sheet) throw new SheetFlaw('it has no sheet');

    const strings = partOf(relations, 'sharedStrings');
    const styles = partOf(relations, 'styles');
    yield* sheetRows(await streamOf(zip, parts, sheet, SHEET_MAX), {
      strings: strings ? await stringsOf((handlers) => readPart(zip, parts, strings, STRINGS_MAX, handlers)) : [],
      dates: styles ? await datesOf((handlers) => small(styles, handlers)) : [],
      epoch_days: is_1904 ? DAYS_1904 : DAYS_1900,
    });
  } finally {
    zip.close();
  }
}

async function partsOf(zip: ZipFile): Promise<Map<string, Entry>> {
  if (zip.entryCount > PARTS_MAX) throw new SheetFlaw('it has too many parts');
  const parts = new Map<string, Entry>();
  for await (const entry of zip.eachEntry()) parts.set(entry.fileName, entry);
  return parts;
}

async function streamOf(zip: ZipFile, parts: Map<string, Entry>, name: string, max: number): Promise<Readable> {
  const entry = parts.get(name);
  if (!entry) throw new SheetFlaw(`its part ${name} is missing`);
  const { uncompressedSize: size, compressedSize } = entry;
  if (size > max || (size > RATIO_FREE && size > RATIO_MAX * compressedSize)) throw new SheetFlaw('it is too large when it is unfolded');
  return (await zip.openReadStreamPromise(entry)).setEncoding('utf8');
}

/** Takes a part from beginning to end. */
async function readPart(zip: ZipFile, parts: Map<string, Entry>, name: string, max: number, handlers: Handlers): Promise<void> {
  const parser = parserOf(handlers);
  for await (const chunk of await streamOf(zip, parts, name, max)) parser.write(chunk as string);
  parser.close();
}

function parserOf({ open, close, text }: Handlers): SaxesParser {
  const parser = new SaxesParser({ position: false });
  const local = (name: string): string => name.slice(name.indexOf(':') + 1);
  parser.on('opentag', (tag) => open(local(tag.name), (tag as SaxesTagPlain).attributes));
  if (close) parser.on('closetag', (tag) => close(local(tag.name)));
  if (text) {
    parser.on('text', text);
    parser.on('cdata', text);
  }
  return parser;
}

type Relation = { id: string; type: string; target: string };
type ReadSmall = (name: string, handlers: Handlers) => Promise<void>;

/** What a part refers to; '' is the archive itself. */
async function relationsOf(read: ReadSmall, part: string): Promise<Relation[]> {
  const folder = part.slice(0, part.lastIndexOf('/') + 1);
  const relations: Relation[] = [];
  await read(`${folder}_rels/${part.slice(folder.length)}.rels`, {
    open: (name, { Id, Type = '', Target = '' }) => {
      if (name === 'Relationship')
        relations.push({ id: Id, type: Type, target: Target.startsWith('/') ? Target.slice(1) : folder + Target });
    },
  });
  return relations;
}

const partOf = (relations: readonly Relation[], type: string): string | undefined =>
  relations.find((relation) => relation.type.endsWith(`/${type}`))?.target;

async function workbookOf(read: ReadSmall, book: string): Promise<{ sheet_id: string | undefined; is_1904: boolean }> {
  let sheet_id: string | undefined;
  let is_1904 = false;
  await read(book, {
    open: (name, attributes) => {
      if (name === 'sheet') sheet_id ??= Object.entries(attributes).find(([key]) => key.endsWith(':id'))?.[1];
      if (name === 'workbookPr') is_1904 = ['1', 'true'].includes(attributes.date1904);
    },
  });
  return { sheet_id, is_1904 };
}

async function stringsOf(read: (handlers: Handlers) => Promise<void>): Promise<string[]> {
  const strings: string[] = [];
  let text = '';
  let [in_text, in_reading] = [false, false];
  await read({
    open: (name) => {
      if (name === 'si') text = '';
      // How a Japanese word is read, beside the word.
      if (name === 'rPh') in_reading = true;
      in_text = name === 't' && !in_reading;
    },
    close: (name) => {
      in_text = false;
      if (name === 'rPh') in_reading = false;
      if (name === 'si') strings.push(cellOf(unescaped(text)));
    },
    text: (piece) => {
      if (in_text && text.length < CELL_TEXT_MAX) text += piece;
    },
  });
  return strings;
}

/** Before what is escaped in it is undone. */
const CELL_TEXT_MAX = 200_000;

async function datesOf(read: (handlers: Handlers) => Promise<void>): Promise<boolean[]> {
  const dates: boolean[] = [];
  const own = new Map<number, boolean>();
  let in_cells = false;
  await read({
    open: (name, attributes) => {
      if (name === 'numFmt') own.set(Number(attributes.numFmtId), isDateFormat(attributes.formatCode ?? ''));
      if (name === 'cellXfs') in_cells = true;
      if (name !== 'xf' || !in_cells) return;
      const id = Number(attributes.numFmtId ?? 0);
      dates.push(own.get(id) ?? DATE_FORMATS.some(([from, to]) => id >= from && id <= to));
    },
    close: (name) => {
      if (name === 'cellXfs') in_cells = false;
    },
  });
  return dates;
}

/** Days, months, years, hours or seconds outside of what is quoted. */
const isDateFormat = (code: string): boolean => /[dmyhs]/i.test(code.replace(/"[^"]*"|\\.|\[[^\]]*\]|General/gi, ''));

async function* sheetRows(stream: Readable, book: Book): AsyncGenerator<SheetRow> {
  const rows: SheetRow[] = [];
  let current: SheetRow = { row: 0, cells: [] };
  let cell: { at: number; type: string; style: number; text: string } | null = null;
  let in_value = false;
  let count = 0;
  const parser = parserOf({
    open: (name, { r, t = 'n', s = '0' }) => {
      if (name === 'row') {
        current = { row: rowAfter(current.row, r), cells: [] };
        if (++count > ROWS_MAX) throw new SheetFlaw('it has more rows than a spreadsheet can have');
      }
      if (name === 'c') cell = { at: r ? columnOf(r) : current.cells.length, type: t, style: Number(s), text: '' };
      in_value = name === 'v' || name === 't';
    },
    close: (name) => {
      in_value = false;
      if (name === 'c' && cell && cell.at < COLUMNS_MAX) {
        while (current.cells.length < cell.at) current.cells.push('');
        current.cells[cell.at] = textOfCell(cell, book);
      }
      if (name === 'row') rows.push(current);
    },
    text: (piece) => {
      if (cell && in_value && cell.text.length < CELL_TEXT_MAX) cell.text += piece;
    },
  });
  for await (const chunk of stream) {
    parser.write(chunk as string);
    yield* rows.splice(0);
  }
  parser.close();
  yield* rows;
}

/** What a row says of its number, where that can be so; else the next one. */
function rowAfter(last: number, said: string | undefined): number {
  const row = Number(said);
  return Number.isInteger(row) && row > last && row <= ROWS_MAX ? row : last + 1;
}

/** `AB12` is in column 27, counted from 0. */
function columnOf(reference: string): number {
  let column = 0;
  for (const letter of reference) {
    if (letter < 'A' || letter > 'Z' || column > COLUMNS_MAX) break;
    column = column * 26 + letter.charCodeAt(0) - 64;
  }
  return column - 1;
}

function textOfCell({ type, style, text }: { type: string; style: number; text: string }, { strings, dates, epoch_days }: Book): string {
  switch (type) {
    case 's':
      return strings[Number(text)] ?? '';
    case 'b':
      return text === '1' ? 'true' : 'false';
    case 'e':
      return '';
    case 'n': {
      const number = Number(text);
      if (text === '' || !Number.isFinite(number)) return '';
      // As it is, not as Excel shows it: a phone is 5511987654321 and not 5.51199E+12.
      return dates[style] ? dateOf(number - epoch_days) : String(number);
    }
    default:
      return cellOf(unescaped(text));
  }
}

/** A number of days since 1970 as a date, with its time where it has one. */
export function dateOf(days: number): string {
  const date = new Date(Math.round(days * 86_400) * 1000);
  if (Number.isNaN(date.getTime())) return '';
  return Number.isInteger(days) ? date.toISOString().slice(0, 10) : date.toISOString().slice(0, 19);
}

/** Characters XML cannot have (ECMA-376, 22.9.2.19). */
const unescaped = (text: string): string =>
  text.replace(/_x([0-9A-Fa-f]{4})_/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));

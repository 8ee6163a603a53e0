// How a value stands in a cell, and how it is read again: import(export) loses nothing.

/** A spreadsheet would take it for a formula: `=`, `+`, `-`, `@`, tab and line break, and what looks like them. With one `'` more for each that stands before. */
const FORMULA = /^'*[=+\-@\t\r\n＝＋－＠]/;

/** A text no spreadsheet takes for a formula. */
export const guarded = (text: string): string => (FORMULA.test(text) ? `'${text}` : text);

/** A phone is no formula, and must survive as it is. */
export const guardedPhone = (phone: string): string => (/^\+\d+$/.test(phone) ? phone : guarded(phone));

/** The text without its guard. */
export const unguarded = (cell: string): string => (cell.startsWith("'") && FORMULA.test(cell.slice(1)) ? cell.slice(1) : cell);

/** What reads as something else than a text would not come back as one: `"123"` is the text, `123` the number. */
export function cellOfAttribute(value: unknown): string | number {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && isText(value) ? value : JSON.stringify(value);
}

/** A value of an exported attribute. */
export function attributeOfCell(cell: string): unknown {
  const read = jsonOf(cell);
  return read === undefined ? cell : read;
}

const isText = (text: string): boolean => text.trim() !== '' && jsonOf(text) === undefined;

/** A number, `true`, `false`, a list, or a text in quotation marks; undefined: a text as it stands. */
function jsonOf(cell: string): unknown {
  if (!/^(?:-?\d|true$|false$|\[|")/.test(cell)) return undefined;
  try {
    const value: unknown = JSON.parse(cell);
    // 1.0 and 007 and 12345678901234567890 are no numbers of ours: they would be written otherwise.
    return JSON.stringify(value) === cell || typeof value === 'string' || Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Names of tags, which have none of these in them. */
export const tagsOfCell = (cell: string): string[] => cell.split(/[,;|]/).flatMap((name) => name.trim() || []);

export const cellOfTags = (names: readonly string[]): string => names.join('|');

const WORDS: Record<string, boolean> = Object.fromEntries([
  ...['true', '1', 'sim', 's', 'yes', 'y', 'verdadeiro', 'x'].map((word) => [word, true]),
  ...['false', '0', 'nao', 'não', 'n', 'no', 'falso'].map((word) => [word, false]),
]) as Record<string, boolean>;

/** Yes or no, in Portuguese or English; another word stays what it is, for whoever refuses it. */
export const booleanOfCell = (cell: string): boolean | string => WORDS[cell.trim().toLowerCase()] ?? cell;

export const integerOfCell = (cell: string): number | string => (/^-?\d{1,9}$/.test(cell.trim()) ? Number(cell) : cell);

/** Without what people and telephones put between digits; a national number gets its country. */
export function phoneOfCell(cell: string, country_code: string | null): string {
  const phone = cell.replace(/[\p{Cf}\p{Z}]/gu, '');
  const digits = phone.replace(/[-.()]/g, '');
  return country_code && /^[1-9]\d{9,10}$/.test(digits) ? `+${country_code}${digits}` : phone;
}

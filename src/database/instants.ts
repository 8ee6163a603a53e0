import { types } from 'pg';

/** A moment as PostgreSQL told it: a list shows hundreds, and writing each anew would be a third of what the list costs. Never changed in place. */
class Instant extends Date {
  readonly #text: string;

  constructor(text: string) {
    super(text);
    this.#text = text;
  }

  override toJSON(): string {
    return this.#text;
  }
}

const parse = types.getTypeParser(types.builtins.TIMESTAMPTZ, 'text') as (text: string) => unknown;

/** `2026-11-20 12:00:00.5+00`; another time zone, another era and infinity are the driver's. */
function instant(text: string): unknown {
  if (!text.endsWith('+00') || text[4] !== '-' || text[10] !== ' ') return parse(text);
  return new Instant(`${text.slice(0, 10)}T${text.slice(11, 19)}.${text.slice(20, -3).padEnd(3, '0').slice(0, 3)}Z`);
}

/** For a connection: how it reads what the server tells. */
export const typesWithInstants = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    oid === types.builtins.TIMESTAMPTZ && format !== 'binary' ? instant : types.getTypeParser(oid, format)) as typeof types.getTypeParser,
};

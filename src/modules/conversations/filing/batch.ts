import type { Tx } from '#database/database';
import type { Prepared, Sql } from '#database/sql';
import type { ContactNews } from '#modules/contacts/contact-news';
import type { FetchMedia } from '#modules/whatsapp/media/fetch-media';
import type { ParsedChange } from '#modules/whatsapp/parsed-change';
import type { FiledNumber } from '#modules/whatsapp/numbers/number-directory';
import type { Providers } from '#modules/whatsapp/providers';

/** One item of a webhook with the number it came to. */
export interface Item<T = ParsedChange> {
  event_id: string;
  number: FiledNumber;
  change: T;
}

/** One transaction over many webhooks. */
export class Batch implements Sql {
  constructor(
    readonly tx: Tx,
    readonly contacts: ContactNews,
    readonly media: FetchMedia,
    readonly providers: Providers,
  ) {}

  rows<R>(statement: string | Prepared, values?: readonly unknown[]): Promise<R[]> {
    return this.tx.rows(statement, values);
  }
}

/** For json_to_recordset: many rows as one parameter. */
export const asRows = (rows: readonly object[]): string => JSON.stringify(rows);

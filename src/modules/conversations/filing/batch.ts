import type { PoolClient } from 'pg';
import type { Sql } from '#database/sql';
import type { ContactNews } from '#modules/contacts/contact-news';
import type { ParsedChange } from '#modules/whatsapp/meta/parse-webhook';
import type { KnownNumber } from '#modules/whatsapp/numbers/number-directory';

/** One item of a webhook with the number it came to. */
export interface Item<T = ParsedChange> {
  event_id: string;
  number: KnownNumber;
  change: T;
}

/** Two writers met (a contact, a conversation, a message made by the API at the same instant): the batch is simply done again. */
export class Raced extends Error {}

/** One transaction over many webhooks, and what leaves after it commits. */
export class Batch implements Sql {
  readonly effects: (() => void)[] = [];

  constructor(
    readonly client: PoolClient,
    readonly contacts: ContactNews,
  ) {}

  /** Rows of a named, prepared statement. */
  async rows<T>(name: string, text: string, values: unknown[]): Promise<T[]> {
    return (await this.client.query({ name, text, values })).rows as T[];
  }

  /** Rows of a statement that is rare. */
  async query<T>(text: string, values: unknown[] = []): Promise<T[]> {
    return (await this.client.query(text, values)).rows as T[];
  }

  /** Runs `work` so that its failure undoes it alone. */
  async attempt<T>(work: () => Promise<T>): Promise<T> {
    await this.client.query('SAVEPOINT item');
    const before = this.effects.length;
    try {
      const result = await work();
      await this.client.query('RELEASE SAVEPOINT item');
      return result;
    } catch (error) {
      this.effects.length = before;
      await this.client.query('ROLLBACK TO SAVEPOINT item; RELEASE SAVEPOINT item');
      throw error;
    }
  }
}

/** For json_to_recordset: many rows as one parameter. */
export const asRows = (rows: readonly object[]): string => JSON.stringify(rows);

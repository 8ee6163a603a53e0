import type { Client } from 'pg';

/** Something that runs SQL: TypeORM's EntityManager, or the receipt's own connection. For set-based work that both need. */
export interface Sql {
  query<T>(text: string, values?: unknown[]): Promise<T[]>;
}

/** A connection of one's own as such. */
export const sqlOf = (client: Client): Sql => ({
  query: async <T>(text: string, values?: unknown[]) => (await client.query(text, values)).rows as T[],
});

import { Client } from 'pg';

/** The SELECTs on these tables that PostgreSQL is asked while `work` runs. */
export async function selectsOf(tables: RegExp, work: () => PromiseLike<unknown>): Promise<string[]> {
  const query = jest.spyOn(Client.prototype, 'query');
  try {
    await work();
    const asked = query.mock.calls as unknown as [string | { text: string }][];
    return asked
      .map(([statement]) => (typeof statement === 'string' ? statement : statement.text))
      .filter((text) => /^\s*(SELECT|WITH)\b/.test(text) && tables.test(text));
  } finally {
    query.mockRestore();
  }
}

import type { Company, World } from './world';

export type Row = Record<string, unknown> & { id: string };

/** An organization's inbox, as an agent sees it. */
export abstract class Desk {
  constructor(
    readonly w: World,
    readonly company: Company,
  ) {}

  /** Everything that came in is filed. */
  abstract idle(): Promise<void>;

  conversations(query = ''): Promise<Row[]> {
    return this.items(`/conversations?sort=created_at:asc&${query}`);
  }

  async conversation(): Promise<Row> {
    return only(await this.conversations());
  }

  async messages(conversation_id?: string): Promise<Row[]> {
    return this.items(`/conversations/${conversation_id ?? (await this.conversation()).id}/messages?limit=100`);
  }

  async message(): Promise<Row> {
    return only(await this.messages());
  }

  contacts(): Promise<Row[]> {
    return this.items('/contacts?sort=created_at:asc');
  }

  async contact(): Promise<Row> {
    return only(await this.contacts());
  }

  private async items(path: string): Promise<Row[]> {
    return ((await this.company.agent.get(path).expect(200)).body as { items: Row[] }).items;
  }
}

/** There is one. */
function only(rows: Row[]): Row {
  expect(rows).toHaveLength(1);
  return rows[0];
}

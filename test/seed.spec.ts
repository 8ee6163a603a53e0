import { Pool } from 'pg';
import { seed } from './load/seed';
import { officialNumber } from './support/official-number';
import { world } from './support/world';

interface Listed {
  total: number;
  items: {
    id: string;
    unread_count: number;
    total_messages: number;
    last_message_at: string;
    last_message: { id: string; created_at: string };
    contact: { name: string };
  }[];
}

/** The rows that load tests read: what they measure on must be an inbox as the product makes it. */
describe('a seeded organization', () => {
  it('reads as an inbox that grew, and its neighbour sees none of it', async () => {
    const w = await world();
    const { acme, globex } = w;
    await officialNumber(w, acme);
    const pool = new Pool({ connectionString: w.env.DATABASE_OWNER_URL, max: 1 });

    // Twice: the second fills up what is there.
    await seed(pool, acme.id, { contacts: 60, conversations: 80, messages: 900 });
    await seed(pool, acme.id, { contacts: 40, conversations: 40, messages: 100 }).finally(() => pool.end());

    const { body: contacts } = await acme.agent.get('/contacts?limit=1').expect(200);
    expect(contacts).toMatchObject({ total: 100 });
    const { body } = await acme.agent.get('/conversations?limit=100').expect(200);
    const { items, total } = body as Listed;
    const { body: archived } = await acme.agent.get('/conversations?is_archived=true').expect(200);
    expect(total + (archived as Listed).total).toBe(120);
    expect(items.some(({ unread_count }) => unread_count > 0)).toBe(true);
    for (const item of items) expect(item.last_message.created_at).toBe(item.last_message_at);
    const { body: thread } = await acme.agent.get(`/conversations/${items[0].id}/messages?sort=created_at:desc`).expect(200);
    expect(thread).toMatchObject({ total: items[0].total_messages });
    expect((thread as Listed).items[0].id).toBe(items[0].last_message.id);
    await globex.agent.get(`/conversations/${items[0].id}`).expect(404);
  });

  it('has counters that are its messages, contacts found by their names, and ids that tell the time', async () => {
    const w = await world();
    const { acme, sql } = w;
    await officialNumber(w, acme);
    const pool = new Pool({ connectionString: w.env.DATABASE_OWNER_URL, max: 1 });
    await seed(pool, acme.id, { contacts: 30, conversations: 50, messages: 600 }).finally(() => pool.end());

    const wrong = await sql(
      `SELECT c.id FROM conversations c JOIN messages m ON m.conversation_id = c.id WHERE c.organization_id = $1 GROUP BY c.organization_id, c.id
       HAVING c.total_messages <> count(*) OR c.messages_from_contact <> count(*) FILTER (WHERE m.direction = 'incoming')
           OR c.messages_from_agent <> count(*) FILTER (WHERE m.direction = 'outgoing') OR c.last_message_at <> max(m.created_at)
           OR c.unread_count <> count(*) FILTER (WHERE m.direction = 'incoming' AND m.created_at > coalesce(c.last_read_at, '-infinity'))
       UNION ALL
       SELECT k.id FROM contacts k LEFT JOIN conversations c ON c.contact_id = k.id WHERE k.organization_id = $1 GROUP BY k.organization_id, k.id
       HAVING k.total_conversations <> count(c.id) OR k.total_messages_received <> coalesce(sum(c.messages_from_contact), 0)
       UNION ALL
       SELECT id FROM messages WHERE organization_id = $1 AND NOT (id >= uuid_at(created_at) AND id < uuid_at(created_at + interval '1 millisecond'))`,
      [acme.id],
    );
    expect(wrong).toEqual([]);
    const [{ name, phone }] = await sql<{ name: string; phone: string }>(
      `SELECT k.name, i.value AS phone FROM contacts k JOIN contact_identities i ON i.contact_id = k.id WHERE k.organization_id = $1 AND k.name IS NOT NULL LIMIT 1`,
      [acme.id],
    );
    for (const words of [name, phone]) {
      const { body } = await acme.agent.get(`/contacts?search=${encodeURIComponent(words)}`).expect(200);
      expect((body as { items: { name: string }[] }).items.map((item) => item.name)).toContain(name);
    }
  });
});

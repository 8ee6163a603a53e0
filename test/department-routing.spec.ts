import { randomUUID } from 'node:crypto';
import { DueRows } from '#database/due-rows';
import { RouteQueues } from '#modules/queues/routing/route-queues';
import { phone } from './support/acts';
import { type Row, inbox } from './support/inbox';
import { metaPayload } from './support/meta-payloads';
import { until } from './support/sockets';
import type { Person } from './support/world';

const CLOSED = { schedule: { monday: { enabled: false } } };

/** A department without a queue, and its people. */
async function team(values: object = {}) {
  const box = await inbox();
  const { w, company } = box;
  const { agent, admin } = company;
  const other = await company.hire('agent');
  const agent_ids = [agent, other].map(({ user }) => user.id);
  const input = { name: `Vendas ${randomUUID()}`, agent_ids, ...values };
  const { id: department_id } = (await admin.post('/departments', input).expect(201)).body as Row;
  const rows = w.app.get(DueRows);
  return {
    box,
    w,
    agent,
    admin,
    other,
    department_id,
    /** They are there and want work; nobody is told. */
    there: (...people: Person[]) =>
      w.sql(`UPDATE users SET is_online = true, agent_status = 'available', last_seen_at = now() WHERE id = ANY($1)`, [
        people.map(({ user }) => user.id),
      ]),
    starts: async (body: object = { department_id }): Promise<Row> =>
      (await agent.post('/conversations', { contact_phone: phone(), ...body }).expect(201)).body as Row,
    settle: async (): Promise<void> => {
      await rows.idle();
      w.app.get(RouteQueues).wake(company.id);
      await rows.idle();
    },
    agentOf: async (id: string): Promise<unknown> => ((await agent.get(`/conversations/${id}`).expect(200)).body as Row).current_agent_id,
  };
}

describe('a conversation of a department without a queue', () => {
  it('goes to its agents in turn, the longest wait first', async () => {
    const t = await team();
    const { id: theirs } = await t.starts();
    const ids = [theirs, ...(await Promise.all([1, 2, 3].map(() => t.starts()))).map(({ id }) => id)];
    expect(await Promise.all(ids.map(t.agentOf))).toEqual([null, null, null, null]);
    const heard = t.box.hear('conversation.assigned');

    await t.there(t.agent, t.other);
    await t.settle();

    const agents = await Promise.all(ids.map(t.agentOf));
    expect(agents.filter((id) => id === t.agent.user.id)).toHaveLength(2);
    expect(agents.filter((id) => id === t.other.user.id)).toHaveLength(2);
    expect(heard.map(({ conversation_id }) => conversation_id)[0]).toBe(theirs);
    // Whose turn it was is remembered over batches.
    const [last] = heard.slice(-1);
    const { id: next } = await t.starts();
    await until(async () => await t.agentOf(next));
    expect(await t.agentOf(next)).not.toBe(last.agent_id);
  });

  it('comes by a transfer, or by the number it was written to, and is looked at at once', async () => {
    const t = await team();
    await t.there(t.other);
    await t.admin.put(`/whatsapp/${t.box.number.id}`, { default_department_id: t.department_id }).expect(200);

    await t.box.receive(metaPayload.text(t.box.person()));
    const { id, department_id } = await t.box.conversation();

    expect(department_id).toBe(t.department_id);
    await until(async () => await t.agentOf(id));
    expect(await t.agentOf(id)).toBe(t.other.user.id);
    const { id: passed_on } = await t.starts({ assigned_agent_id: t.agent.user.id });
    await t.agent.post(`/conversations/${passed_on}/transfer`, { department_id: t.department_id }).expect(200);
    await until(async () => (await t.agentOf(passed_on)) === t.other.user.id);
    expect((await t.agent.get(`/conversations/${passed_on}`)).body).toMatchObject({ status: 'open', queue_id: null });
  });

  it('waits where agents are to pull, while it is closed, switched off, or everybody has as many as they may', async () => {
    const t = await team({ max_conversations_per_agent: 1 });
    const set = (body: object) => t.admin.put(`/departments/${t.department_id}`, body).expect(200);
    const { id } = await t.starts();
    await set({ auto_assign_conversations: false });
    await t.there(t.agent);
    await t.settle();
    await set({ auto_assign_conversations: true, routing_mode: 'manual' });
    await t.settle();
    await set({ routing_mode: 'load_balance', business_hours: CLOSED });
    await t.settle();
    await set({ business_hours: {}, is_active: false });
    await t.settle();
    expect(await t.agentOf(id)).toBeNull();

    await set({ is_active: true });
    await until(async () => (await t.agentOf(id)) === t.agent.user.id);
    const { id: second } = await t.starts();
    await t.settle();
    expect(await t.agentOf(second)).toBeNull();
    await t.agent.post(`/conversations/${id}/close`, {}).expect(200);
    await until(async () => (await t.agentOf(second)) === t.agent.user.id);
  });

  it('waits again when its agent leaves it, and goes to who is there', async () => {
    const t = await team();
    const { id } = await t.starts();
    await t.agent.post(`/conversations/${id}/assign`, { agent_id: t.agent.user.id }).expect(200);
    await t.there(t.other);

    await t.agent.post(`/conversations/${id}/assign`, { agent_id: null }).expect(200);

    await until(async () => (await t.agentOf(id)) === t.other.user.id);
  });

  it('hears once, outside the hours, what its department says then', async () => {
    const t = await team({ business_hours: CLOSED, offline_message: 'Voltamos amanhã.' });
    await t.admin.put(`/whatsapp/${t.box.number.id}`, { default_department_id: t.department_id }).expect(200);
    const person = t.box.person();

    await t.box.receive(metaPayload.text(person));
    const said = async (): Promise<unknown[]> =>
      (await t.box.messages()).flatMap(({ direction, content }) => (direction === 'outgoing' ? [content] : []));
    await until(async () => (await said()).length);
    await t.box.receive(metaPayload.text(person));
    await t.settle();

    expect(await said()).toEqual(['Voltamos amanhã.']);
  });

  it('is given to one agent, by fifty that look at once, within their limit', async () => {
    const t = await team({ max_conversations_per_agent: 3 });
    const ids = (await Promise.all(Array.from({ length: 10 }, () => t.starts()))).map(({ id }) => id);
    await t.there(t.agent, t.other);

    const looks = Array.from({ length: 50 }, () => t.w.app.get(DueRows).sweep());
    await Promise.all([...looks, ...ids.map((id) => t.agent.put(`/conversations/${id}`, { tags: ['entrega'] }).expect(200))]);
    await t.settle();

    const agents = await Promise.all(ids.map(t.agentOf));
    expect(agents.filter((id) => id === t.agent.user.id)).toHaveLength(3);
    expect(agents.filter((id) => id === t.other.user.id)).toHaveLength(3);
    const [{ count }] = await t.w.sql<{ count: number }>(`SELECT count(*)::int AS count FROM department_turns WHERE department_id = $1`, [
      t.department_id,
    ]);
    expect(count).toBe(2);
  });
});

import { DueRows } from '#database/due-rows';
import { newId } from '#common/uuid';
import { PurgeMessages } from '#modules/conversations/messages/purge-messages';
import { type Inbox, type Row, inbox } from './support/inbox';
import { metaPayload } from './support/meta-payloads';
import { socketOf, until } from './support/sockets';
import { wrongField } from './support/world';

const AT_ONCE = { enabled: true, delay_minutes: 0 };

interface Shop {
  box: Inbox;
  person: ReturnType<Inbox['person']>;
  conversation: Row;
  /** The conversation as it is now. */
  now(): Promise<Row>;
  /** What was asked, once what is due has been asked. */
  asked(): Promise<Row[]>;
  close(body?: object): Promise<void>;
  says(body: string): Promise<void>;
  chooses(rating: number): Promise<void>;
}

/** A customer who has just written to an organization that asks at once. */
async function shop(csat: object = AT_ONCE): Promise<Shop> {
  const box = await inbox();
  await box.company.admin.put('/organizations/me/settings', { csat }).expect(200);
  const person = box.person({ name: 'Mariana Costa' });
  await box.receive(metaPayload.text({ ...person, body: 'Vocês entregam?' }));
  const conversation = await box.conversation();
  const { agent } = box.company;
  const rows = box.w.app.get(DueRows);
  return {
    box,
    person,
    conversation,
    now: async () => (await agent.get(`/conversations/${conversation.id}`).expect(200)).body as Row,
    asked: async () => {
      await rows.idle();
      await rows.sweep();
      await rows.idle();
      return (await box.messages(conversation.id)).filter(({ sender_type }) => sender_type === 'system');
    },
    close: async (body = {}) => void (await agent.post(`/conversations/${conversation.id}/close`, body).expect(200)),
    says: (body) => box.receive(metaPayload.text({ ...person, body })),
    chooses: (rating) =>
      box.receive(metaPayload.listReply({ ...person, reply: { id: `csat-${rating}`, title: `${'⭐'.repeat(rating)} Ótimo` } })),
  };
}

describe('the settings of a survey', () => {
  it('are checked, for the organization and for a queue, and null is the default', async () => {
    const { box } = await shop({});
    const { admin } = box.company;
    const { body: department } = await admin.post('/departments', { name: 'Loja' }).expect(201);
    const queue = { department_id: department.id as string, name: 'Balcão' };

    for (const wrong of [{ enabled: 'yes' }, { delay_minutes: -1 }, { delay_minutes: 1.5 }, { expires_hours: 0 }, { question: ' ' }]) {
      const [field] = Object.keys(wrong);
      await admin.put('/organizations/me/settings', { csat: wrong }).expect(wrongField('body', 'csat', field));
      await admin.post('/queues', { ...queue, settings: { csat: wrong } }).expect(wrongField('body', 'settings', 'csat', field));
    }
    const { body } = await admin.put('/organizations/me/settings', { csat: { enabled: true, delay_minutes: null } }).expect(200);
    expect(body.settings.csat).toEqual({ enabled: true, question: null, delay_minutes: 1, expires_hours: 24 });
  });

  it('are the defaults where something else was kept under their name', async () => {
    const { box, close, asked } = await shop();
    await box.w.sql(`UPDATE organizations SET settings = settings || '{"csat": "sim"}' WHERE id = $1`, [box.company.id]);

    await close();

    expect(await asked()).toEqual([]);
    expect((await box.company.admin.get('/organizations/me/settings').expect(200)).body.csat).toMatchObject({ enabled: false });
  });
});

describe('who was served', () => {
  it('is asked once, by a list from 5 to 1, and the conversation stays closed', async () => {
    const { box, close, asked, now } = await shop();

    await close();
    const [question, ...more] = await asked();

    expect(more).toEqual([]);
    expect(question).toMatchObject({
      direction: 'outgoing',
      message_type: 'interactive',
      content: 'Como você avalia o nosso atendimento?',
      payload: { kind: 'list', button_text: 'Avaliar' },
    });
    const [{ rows }] = (question.payload as { sections: { rows: { id: string; title: string }[] }[] }).sections;
    expect(rows.map(({ id, title }) => `${id} ${title}`)).toEqual([
      'csat-5 ⭐⭐⭐⭐⭐ Ótimo',
      'csat-4 ⭐⭐⭐⭐ Bom',
      'csat-3 ⭐⭐⭐ Regular',
      'csat-2 ⭐⭐ Ruim',
      'csat-1 ⭐ Péssimo',
    ]);
    expect(await now()).toMatchObject({ status: 'closed', csat_due_at: null, csat_awaits: 'rating', rating: null });
    expect(await box.w.sql('SELECT lane FROM outbound_sends WHERE message_id = $1', [question.id])).toEqual([{ lane: 1 }]);
  });

  it('is asked once however many close at once and however many processes look', async () => {
    const { box, conversation, asked } = await shop();
    const { agent } = box.company;
    const rows = box.w.app.get(DueRows);

    const answers = await Promise.all(Array.from({ length: 50 }, () => agent.post(`/conversations/${conversation.id}/close`, {})));
    await Promise.all([rows.sweep(), rows.sweep(), rows.sweep()]);

    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(await asked()).toHaveLength(1);
  });

  it.each([
    ['left unresolved', async ({ close }: Shop) => close({ resolved: false })],
    [
      'put away',
      async ({ box, conversation }: Shop) => void (await box.company.agent.post(`/conversations/${conversation.id}/archive`).expect(200)),
    ],
    [
      'blocked',
      async ({ box, conversation }: Shop) =>
        void (await box.company.agent.post(`/contacts/${String(conversation.contact_id)}/block`).expect(200)),
    ],
    [
      'out of the window by then',
      async ({ box, close }: Shop) => {
        await box.w.sql(`UPDATE conversations SET window_expires_at = now() - interval '1 s' WHERE organization_id = $1`, [box.company.id]);
        await close();
      },
    ],
    [
      'of an organization that no longer asks by then',
      async ({ box, close, conversation }: Shop) => {
        await close();
        await box.company.admin.put('/organizations/me/settings', { csat: { enabled: false } }).expect(200);
        await box.w.sql(`UPDATE conversations SET csat_due_at = now(), csat_awaits = NULL WHERE id = $1`, [conversation.id]);
        await box.w.sql(`DELETE FROM outbound_sends WHERE conversation_id = $1`, [conversation.id]);
        await box.w.sql(`DELETE FROM messages WHERE conversation_id = $1 AND sender_type = 'system'`, [conversation.id]);
      },
    ],
  ])('is not asked when %s', async (_what, act) => {
    const one = await shop(AT_ONCE);

    await act(one);

    expect(await one.asked()).toEqual([]);
    expect(await one.now()).toMatchObject({ csat_due_at: null });
  });

  it('is not asked about what comes back to life before', async () => {
    const { close, says, asked, now } = await shop({ enabled: true, delay_minutes: 30 });

    await close();
    expect((await now()).csat_due_at).not.toBeNull();
    await says('Mais uma coisa');

    expect(await now()).toMatchObject({ status: 'open', csat_due_at: null });
    expect(await asked()).toEqual([]);
  });

  it('is asked in the words and after the time of their queue', async () => {
    const { box, conversation, asked } = await shop({ enabled: false, delay_minutes: 0, question: 'Da empresa' });
    const { admin, agent } = box.company;
    const { body: department } = await admin.post('/departments', { name: `Loja ${newId()}` }).expect(201);
    const input = { department_id: department.id as string, name: 'Balcão', settings: { csat: { enabled: true, question: 'Do balcão?' } } };
    const { body: queue } = await admin.post('/queues', input).expect(201);
    await agent.put(`/conversations/${conversation.id}`, { queue_id: queue.id as string }).expect(200);

    await agent.put(`/conversations/${conversation.id}`, { status: 'resolved' }).expect(200);

    expect((await asked()).map(({ content }) => content)).toEqual(['Do balcão?']);
  });
});

describe('an answer', () => {
  it('is the rating, the next text its comment, and neither reopens or counts as unread', async () => {
    const { box, conversation, close, asked, says, chooses, now } = await shop();
    const rated = box.hear('conversation.rated');
    const listener = await socketOf(box.company.agent);
    await close();
    await asked();
    const { unread_count } = await now();

    await chooses(5);
    expect(await now()).toMatchObject({ status: 'closed', rating: 5, rating_comment: null, csat_awaits: 'comment', unread_count });
    await says('Muito rápido, obrigada!');

    expect(await now()).toMatchObject({
      status: 'closed',
      rating: 5,
      rating_comment: 'Muito rápido, obrigada!',
      csat_awaits: null,
      unread_count,
    });
    expect(rated.map(({ rating, rating_comment, conversation_id }) => [conversation_id, rating, rating_comment])).toEqual([
      [conversation.id, 5, null],
      [conversation.id, 5, 'Muito rápido, obrigada!'],
    ]);
    expect(await listener.hear('conversation:rated', ({ rating_comment }) => rating_comment !== null)).toMatchObject({
      conversation_id: conversation.id,
      rating: 5,
      agent_id: null,
      queue_id: null,
    });
    // What comes after that is somebody who writes again.
    await says('E amanhã, abrem?');
    expect(await now()).toMatchObject({ status: 'open', rating: 5, rating_comment: 'Muito rápido, obrigada!' });
  });

  it('may be typed, and come together with its comment and more', async () => {
    const { box, person, close, asked, now } = await shop();
    await close();
    await asked();

    await box.receive(metaPayload.merge(['4', 'Bom preço', 'Ah, e o troco?'].map((body) => metaPayload.text({ ...person, body }))));

    expect(await now()).toMatchObject({ status: 'open', rating: 4, rating_comment: 'Bom preço', unread_count: 2 });
  });

  it('is none when it says something else, or when nobody asked', async () => {
    const { close, asked, says, now } = await shop();
    await says('3');
    expect(await now()).toMatchObject({ status: 'open', rating: null, unread_count: 2 });
    await close();
    await asked();

    await says('6');

    expect(await now()).toMatchObject({ status: 'open', rating: null });
    // Where people talk again a digit is a digit, and the list still says what it is.
    await says('2');
    expect(await now()).toMatchObject({ rating: null });
  });

  it('from the list still counts where people talk again, and a second one corrects it', async () => {
    const { close, asked, says, chooses, now } = await shop();
    await close();
    await asked();
    await says('Obrigada!');

    await chooses(2);
    await chooses(3);

    expect(await now()).toMatchObject({ status: 'open', rating: 3, rating_comment: null });
  });

  it('is none that was said before the end and comes after it', async () => {
    const { box, person, close, asked, now } = await shop();
    await close();
    await asked();

    const timestamp = Math.floor(Date.now() / 1000) - 120;
    await box.receive(metaPayload.text({ ...person, body: '2', timestamp }));

    expect(await now()).toMatchObject({ status: 'open', rating: null });
  });

  it('comes too late after its time', async () => {
    const { box, conversation, close, asked, says, now } = await shop();
    await close();
    await asked();
    await box.w.sql(`UPDATE conversations SET csat_until = now() - interval '1 minute' WHERE id = $1`, [conversation.id]);

    await says('5');

    expect(await now()).toMatchObject({ status: 'open', rating: null });
  });

  it('of a conversation closed long ago opens no new one', async () => {
    const { box, conversation, close, asked, chooses, now } = await shop();
    await close();
    await asked();
    await box.w.sql(
      `UPDATE conversations SET closed_at = now() - interval '5 days', csat_until = now() + interval '1 hour', window_expires_at = now() WHERE id = $1`,
      [conversation.id],
    );

    await chooses(1);

    expect(await box.conversations()).toHaveLength(1);
    expect(await now()).toMatchObject({ status: 'closed', rating: 1 });
  });
});

describe('what customers said', () => {
  it('is counted for the queue and for the agent', async () => {
    const { box, conversation, close, asked, chooses } = await shop();
    const { admin, agent } = box.company;
    const { body: department } = await admin.post('/departments', { name: `Loja ${newId()}` }).expect(201);
    const { body: queue } = await admin.post('/queues', { department_id: department.id as string, name: 'Balcão' }).expect(201);
    await agent.put(`/conversations/${conversation.id}`, { queue_id: queue.id as string }).expect(200);
    await agent.post(`/conversations/${conversation.id}/assign`, { agent_id: agent.user.id }).expect(200);
    const figures = async (): Promise<unknown[]> => [
      (await agent.get(`/queues/${queue.id as string}`).expect(200)).body.customer_satisfaction_score,
      (await agent.get(`/queues/${queue.id as string}/metrics`).expect(200)).body.customer_satisfaction_score,
      (await agent.get(`/users/${agent.user.id}/stats`).expect(200)).body.csat_score,
      (await agent.get('/users/me/stats?start_date=2020-01-01&end_date=2020-01-02').expect(200)).body.csat_score,
    ];
    expect(await figures()).toEqual([null, null, null, null]);
    await close();
    await asked();

    await chooses(2);
    expect(await figures()).toEqual([0, 0, 0, null]);
    await chooses(4);
    expect(await figures()).toEqual([100, 100, 100, null]);
  });

  it('loses its words with the messages that are no longer kept', async () => {
    const { box, conversation, close, asked, chooses, says, now } = await shop();
    await close();
    await asked();
    await chooses(1);
    await says('Esperei demais');
    await box.w.sql(`UPDATE conversations SET rated_at = now() - interval '40 days' WHERE id = $1`, [conversation.id]);

    await box.w.app.get(PurgeMessages).messages(box.company.id, 30, 100);

    expect(await now()).toMatchObject({ rating: 1, rating_comment: null });
  });

  it('is in GraphQL', async () => {
    const { box, conversation, close, asked, chooses } = await shop();
    await close();
    await asked();
    await chooses(5);
    await until(async () => (await box.conversation()).rating === 5);

    const { body } = await box.company.viewer.graphql('query ($id: ID!) { conversation(id: $id) { rating rating_comment csat_awaits } }', {
      id: conversation.id,
    });

    expect(body).toEqual({ data: { conversation: { rating: 5, rating_comment: null, csat_awaits: 'comment' } } });
  });
});

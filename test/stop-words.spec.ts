import { DueRows } from '#database/due-rows';
import type { Desk } from './support/desk';
import { type Inbox, type Row, inbox } from './support/inbox';
import { metaPayload } from './support/meta-payloads';
import { qrcodeShop, street } from './support/qrcode-shop';
import { close, wrongField } from './support/world';

const SETTINGS = '/organizations/me/settings';
const OUT = 'Pronto: você não receberá mais as nossas mensagens de divulgação. Para voltar a recebê-las, responda VOLTAR.';
const IN = 'Pronto: você voltará a receber as nossas mensagens de divulgação. Para não recebê-las mais, responda PARAR.';

/** What PyTake itself said, oldest first. */
async function confirmed(box: Desk): Promise<unknown[]> {
  await box.idle();
  await box.w.app.get(DueRows).idle();
  const rows = await box.w.sql<{ content: string }>(
    `SELECT content FROM messages WHERE organization_id = $1 AND sender_type = 'system' ORDER BY created_at, id`,
    [box.company.id],
  );
  return rows.map(({ content }) => content);
}

const consentsOf = async (box: Desk, contact: Row): Promise<Row[]> =>
  ((await box.company.admin.get(`/privacy/consent/${contact.id}?sort=created_at:asc`).expect(200)).body as { items: Row[] }).items;

const says = (box: Inbox, person: object, body: string): Promise<void> => box.receive(metaPayload.text({ ...person, body }));

describe('a stop word', () => {
  it.each(['parar', '  PARAR!  ', '"Párar."', 'SAIR 🛑', 'Não  quero\nmais…', 'ＳＴＯＰ'])(
    'opts who writes %j out, with a record that names the message, and is confirmed once',
    async (body) => {
      const box = await inbox();
      const person = box.person();

      await says(box, person, body);

      expect(await confirmed(box)).toEqual([OUT]);
      const contact = await box.contact();
      expect(contact).toMatchObject({ opt_in: false, opt_out_date: expect.any(String) as string, can_receive_marketing: false });
      const [said, answer] = await box.messages();
      expect(await consentsOf(box, contact)).toMatchObject([
        {
          purpose: 'marketing',
          granted: false,
          status: 'denied',
          channel: 'whatsapp',
          recorded_by: null,
          evidence: expect.stringContaining(said.id) as string,
        },
      ]);
      expect(answer).toMatchObject({ direction: 'outgoing', sender_type: 'system', message_type: 'text' });
      // The conversation goes on as any other.
      expect(await box.conversation()).toMatchObject({ status: 'open', unread_count: 1, messages_from_agent: 0 });
    },
  );

  it('is no part of a sentence, and nothing of a group or of our own phone', async () => {
    const box = await inbox();
    const person = box.person();

    for (const body of ['Quero parar de receber boletos', 'parar?? não!', 'pararr', '🛑', '1', `parar ${'!'.repeat(300)}`])
      await says(box, person, body);
    await box.receive(metaPayload.text({ ...person, body: 'parar', group_id: 'G1' }));
    await box.receive(metaPayload.echo({ ...person, content: { body: 'parar' } }));

    expect(await confirmed(box)).toEqual([]);
    expect(await box.contact()).toMatchObject({ opt_in: true });
  });

  it('is heard once, whatever WhatsApp repeats, and whoever says it again', async () => {
    const box = await inbox();
    const person = box.person();
    const stop = metaPayload.text({ ...person, body: 'Pare' });

    await Promise.all(Array.from({ length: 5 }, () => box.post(stop).expect(200)));
    await box.receive(stop);
    await says(box, person, 'sair');

    expect(await confirmed(box)).toEqual([OUT]);
    expect(await consentsOf(box, await box.contact())).toHaveLength(1);
  });

  it('of twenty people at once opts twenty out', async () => {
    const box = await inbox();

    await Promise.all(Array.from({ length: 20 }, () => box.post(metaPayload.text({ ...box.person(), body: 'parar' })).expect(200)));

    expect(await confirmed(box)).toEqual(Array(20).fill(OUT));
    const contacts = await box.contacts();
    expect(contacts.map(({ opt_in }) => opt_in)).toEqual(Array(20).fill(false));
    for (const contact of contacts) expect(await consentsOf(box, contact)).toHaveLength(1);
  });

  it('of the other kind opts in again, after an opt-out alone', async () => {
    const box = await inbox();
    const person = box.person();

    await says(box, person, 'Start');
    expect(await confirmed(box)).toEqual([]);
    await says(box, person, 'parar');
    await says(box, person, 'Voltar!');

    expect(await confirmed(box)).toEqual([OUT, IN]);
    const contact = await box.contact();
    expect(contact).toMatchObject({ opt_in: true, opt_out_date: null });
    expect(await consentsOf(box, contact)).toMatchObject([{ granted: false }, { granted: true, status: 'granted' }]);
    // What comes days late is no leave after a refusal.
    await says(box, person, 'parar');
    await box.receive(metaPayload.text({ ...person, body: 'voltar', timestamp: Math.floor(Date.now() / 1000) - 7200 }));
    expect(await confirmed(box)).toEqual([OUT, IN, OUT]);
    expect(await box.contact()).toMatchObject({ opt_in: false });
  });

  it('is a template’s button with the payload STOP too, and no other button', async () => {
    const box = await inbox();
    const [person, other] = [box.person(), box.person()];

    await box.receive(metaPayload.button({ ...other, button: { payload: 'ok', text: 'Parar' } }));
    expect(await confirmed(box)).toEqual([]);
    await box.receive(metaPayload.button({ ...person, button: { payload: 'STOP', text: 'Não quero mais ofertas' } }));

    expect(await confirmed(box)).toEqual([OUT]);
    expect((await box.contacts()).map(({ opt_in }) => opt_in)).toEqual([true, false]);
  });

  it('of who is blocked opts out in silence', async () => {
    const box = await inbox();
    const person = box.person();
    await says(box, person, 'Oi');
    await box.company.admin.post(`/contacts/${(await box.contact()).id}/block`, {}).expect(200);

    await says(box, person, 'parar');

    expect(await confirmed(box)).toEqual([]);
    const contact = await box.contact();
    expect(contact).toMatchObject({ opt_in: false });
    expect(await consentsOf(box, contact)).toMatchObject([{ granted: false }]);
  });

  it('that comes when the window has closed is confirmed by nothing', async () => {
    const box = await inbox();

    await box.receive(metaPayload.text({ ...box.person(), body: 'parar', timestamp: Math.floor(Date.now() / 1000) - 25 * 3600 }));

    expect(await confirmed(box)).toEqual([]);
    expect(await box.contact()).toMatchObject({ opt_in: false });
  });

  it('leaves an agent free to answer', async () => {
    const box = await inbox();
    await says(box, box.person(), 'parar');
    const { id } = await box.conversation();

    await box.company.agent.post(`/conversations/${id}/messages`, { content: 'Certo, até logo!' }).expect(201);
  });

  it('is the answer where a survey offers it', async () => {
    const box = await inbox();
    await box.company.admin.put(SETTINGS, { opt_out_words: ['1', 'parar'], csat: { enabled: true, delay_minutes: 0 } }).expect(200);
    const person = box.person();
    await says(box, person, 'Oi');
    const { id } = await box.conversation();
    await box.company.agent.post(`/conversations/${id}/close`, {}).expect(200);
    await box.w.app.get(DueRows).idle();
    await box.w.app.get(DueRows).sweep();
    const question = await confirmed(box);
    expect(question).toHaveLength(1);

    await says(box, person, '1');

    expect(await confirmed(box)).toEqual(question);
    expect(await box.conversation()).toMatchObject({ rating: 1 });
    expect(await box.contact()).toMatchObject({ opt_in: true });
    await says(box, person, 'parar');
    expect(await confirmed(box)).toEqual([...question, OUT]);
    expect(await box.contact()).toMatchObject({ opt_in: false });
  });
});

describe('the words of an organization', () => {
  it('are its own, in its language; none switches them off', async () => {
    const box = await inbox();
    const { admin } = box.company;
    const person = box.person();
    await admin.put(SETTINGS, { opt_out_words: ['Chega!', 'Basta já'], opt_in_words: [], language: 'en-US' }).expect(200);

    await says(box, person, 'parar');
    expect(await confirmed(box)).toEqual([]);
    await says(box, person, 'BASTA JA');
    expect(await confirmed(box)).toEqual(['Done: you will get no more marketing messages from us.']);

    await admin.put(SETTINGS, { opt_out_words: [] }).expect(200);
    await says(box, box.person(), 'Chega');
    expect((await box.contacts()).map(({ opt_in }) => opt_in)).toEqual([false, true]);
  });

  it('name in a confirmation the first that really undoes it: what stands in both lists is an opt-out', async () => {
    const box = await inbox();
    const { admin } = box.company;
    const person = box.person();
    await admin.put(SETTINGS, { opt_out_words: ['Chega', 'Mudar!'], opt_in_words: ['mudar', 'Quero'], language: 'en' }).expect(200);

    await says(box, person, 'chega');
    await says(box, person, 'quero');
    await admin.put(SETTINGS, { opt_in_words: ['mudar'] }).expect(200);
    await says(box, person, 'mudar');

    expect(await confirmed(box)).toEqual([
      'Done: you will get no more marketing messages from us. To get them again, reply QUERO.',
      'Done: you will get our marketing messages again. To stop them, reply CHEGA.',
      'Done: you will get no more marketing messages from us.',
    ]);
  });

  it('are shown with their defaults, checked, and go back to them by null', async () => {
    const { company } = await inbox();
    const { admin } = company;
    const { body: before } = await admin.get(SETTINGS).expect(200);
    expect(before).toMatchObject({
      opt_out_words: expect.arrayContaining(['parar', 'nao quero mais']) as string[],
      opt_in_words: ['voltar', 'start'],
    });

    for (const field of ['opt_out_words', 'opt_in_words'])
      for (const wrong of [
        'parar',
        [5],
        [null],
        [''],
        ['  '],
        ['!!!'],
        ['x'.repeat(61)],
        ['parar', 'PÁRAR!'],
        Array.from({ length: 51 }, (_, n) => `w${n}`),
      ])
        await admin.put(SETTINGS, { [field]: wrong }).expect(wrongField('body', field));
    await admin.put(SETTINGS, { opt_out_words: Array.from({ length: 50 }, (_, n) => `w${n}`) }).expect(200);

    const { body } = await admin
      .graphql('mutation { updateOrganizationSettings(input: { opt_out_words: ["Chega"], opt_in_words: ["Quero"] }) { settings } }')
      .expect(200);
    expect(body.data).toMatchObject({ updateOrganizationSettings: { settings: { opt_out_words: ['Chega'], opt_in_words: ['Quero'] } } });
    const { body: after } = await admin.put(SETTINGS, { opt_out_words: null, opt_in_words: null }).expect(200);
    expect(after.settings).toMatchObject({ opt_out_words: before.opt_out_words as string[], opt_in_words: ['voltar', 'start'] });
  });

  it('are the defaults where something else was kept under their name', async () => {
    const box = await inbox();
    await box.w.sql(`UPDATE organizations SET settings = settings || '{"opt_out_words": "sim", "opt_in_words": [1]}' WHERE id = $1`, [
      box.company.id,
    ]);

    await says(box, box.person(), 'parar');

    expect(await confirmed(box)).toEqual([OUT]);
    const { body } = await box.company.admin.get(SETTINGS).expect(200);
    expect(body).toMatchObject({ opt_out_words: expect.arrayContaining(['parar']) as string[], opt_in_words: ['voltar', 'start'] });
  });
});

describe('a number by QR code', () => {
  it('hears stop words too, but for what is the answer to its menu', async () => {
    // An app with other settings.
    await close();
    const place = await street();
    try {
      const s = await qrcodeShop(place);
      const who = s.customer();
      await s.text(who, 'Bom dia');
      const { id } = await s.conversation();
      const menu = {
        kind: 'buttons',
        body: 'O que deseja?',
        buttons: [
          { id: 'leave', title: 'Sair' },
          { id: 'stay', title: 'Ficar' },
        ],
      };
      const { body: sent } = await s.send(id, { interactive: menu }).expect(201);
      await s.settled(sent.id as string, ({ status }) => status === 'delivered');

      await s.text(who, 'sair');
      expect(await confirmed(s)).toEqual([]);
      expect((await s.incoming()).at(-1)).toMatchObject({ message_type: 'interactive', payload: { id: 'leave' } });
      await s.text(who, 'PARAR.');

      expect(await confirmed(s)).toEqual([OUT]);
      expect(await s.contact()).toMatchObject({ opt_in: false });
    } finally {
      await close();
      await place.close();
    }
  });
});

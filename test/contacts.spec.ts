import { randomInt } from 'node:crypto';
import type { EventEmitter } from 'node:events';
import { DataSource } from 'typeorm';
import { Actor } from '#common/actor';
import { EventBus } from '#common/events';
import { newId } from '#common/uuid';
import { Database } from '#database/database';
import type { ContactPage, ContactView } from '#modules/contacts/contact.dto';
import { type ContactEnd, ContactsService } from '#modules/contacts/contacts.service';
import { officialNumber } from './support/official-number';
import { socketOf } from './support/sockets';
import { type Company, type Person, errorOf, type World, world, wrongField } from './support/world';

/** A fresh Brazilian mobile; `+55 11 9…`. */
const phone = (): string => `+55119${randomInt(60_000_000, 99_999_999)}`;

const create = async (by: Person, body: object = {}): Promise<ContactView> =>
  (await by.post('/contacts', { whatsapp_id: phone(), ...body }).expect(201)).body as ContactView;

const list = async (by: Person, query: Record<string, string> = {}): Promise<ContactPage> =>
  (await by.get(`/contacts?${new URLSearchParams(query)}`).expect(200)).body as ContactPage;

const names = async (by: Person, query: Record<string, string>): Promise<(string | null)[]> =>
  (await list(by, query)).items.map((contact) => contact.name);

/** A conversation with its messages as the receipt leaves them. */
async function conversation(
  { sql }: World,
  company: Company,
  contact: ContactView,
  values: { number: string | null; status?: string; texts?: string[]; unread?: number },
): Promise<string> {
  const id = newId();
  const texts = values.texts ?? [];
  await sql(
    `INSERT INTO conversations (id, organization_id, contact_id, whatsapp_number_id, status, unread_count, total_messages, messages_from_contact, last_message_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $7, now())`,
    [id, company.id, contact.id, values.number, values.status ?? 'open', values.unread ?? 0, texts.length],
  );
  for (const content of texts)
    await sql(
      `INSERT INTO messages (id, organization_id, conversation_id, contact_id, whatsapp_number_id, direction, sender_type, message_type, content, status, created_at)
       VALUES ($1, $2, $3, $4, $5, 'incoming', 'contact', 'text', $6, 'received', clock_timestamp())`,
      [newId(), company.id, id, contact.id, values.number, content],
    );
  await sql(
    'UPDATE contacts SET total_conversations = total_conversations + 1, total_messages_received = total_messages_received + $2 WHERE id = $1',
    [contact.id, texts.length],
  );
  return id;
}

/** What the bus says from now on, `name id`. */
function listen({ app }: World): string[] {
  const heard: string[] = [];
  const bus = app.get(EventBus);
  for (const name of ['created', 'updated', 'deleted', 'blocked', 'unblocked', 'opted_in', 'opted_out'] as const)
    bus.on(`contact.${name}`, ({ contact }) => void heard.push(`${name} ${contact.id}`));
  for (const name of ['closed', 'archived', 'status', 'updated'] as const)
    bus.on(`conversation.${name}`, ({ conversation_id }) => void heard.push(`conversation ${name} ${conversation_id}`));
  bus.on('contact.merged', ({ contact_id, merged_contact_id }) => void heard.push(`merged ${contact_id} ${merged_contact_id}`));
  return heard;
}

it('keeps no neighbour waiting for writes that wait for each other', async () => {
  const { app, acme, globex } = await world();
  const { id } = await create(acme.agent);
  const runner = new DataSource(app.get(Database).source.options);
  await runner.initialize();
  const holder = runner.createQueryRunner();
  let written = 0;
  try {
    await holder.startTransaction();
    await holder.query('SELECT 1 FROM contacts WHERE id = $1 FOR UPDATE', [id]);
    const writes = Array.from({ length: 60 }, (_, n) => acme.agent.put(`/contacts/${id}`, { name: `Ana ${n}` }).then(() => void written++));
    // Answered while they hold all the connections they may have.
    for (let n = 0; n < 5; n++) await globex.agent.get('/contacts').expect(200);
    expect(written).toBe(0);
    await holder.commitTransaction();
    await Promise.all(writes);
    expect(written).toBe(60);
  } finally {
    await holder.release();
    await runner.destroy();
  }
});

describe('the five firsts', () => {
  it('is closed without a token', async () => {
    const { guest, acme } = await world();
    const { id } = await create(acme.agent);

    await guest.get('/contacts').expect(401);
    await guest.get(`/contacts/${id}`).expect(401);
    await guest.post('/contacts', { whatsapp_id: phone() }).expect(401);
    await guest.delete(`/contacts/${id}`).expect(401);
  });

  it('lets a viewer read and write nothing', async () => {
    const { acme } = await world();
    const { id } = await create(acme.agent);
    const other = await create(acme.agent);

    await acme.viewer.get('/contacts').expect(200);
    await acme.viewer.get(`/contacts/${id}`).expect(200);
    for (const call of [
      acme.viewer.post('/contacts', { whatsapp_id: phone() }),
      acme.viewer.put(`/contacts/${id}`, { name: 'X' }),
      acme.viewer.delete(`/contacts/${id}`),
      acme.viewer.post(`/contacts/${id}/block`),
      acme.viewer.post(`/contacts/${id}/unblock`),
      acme.viewer.post(`/contacts/${id}/merge`, { other_contact_id: other.id }),
    ])
      await call.expect(403).expect(errorOf('insufficient_role'));
    const { body } = await acme.viewer.graphql(`mutation { deleteContact(id: "${id}") { success } }`).expect(200);
    expect(body).toMatchObject({ errors: [{ extensions: { code: 'FORBIDDEN' } }] });
  });

  it('hides a contact of another organization on every route', async () => {
    const { acme, globex } = await world();
    const { id } = await create(acme.agent, { name: 'Ana' });
    const own = await create(globex.agent);

    for (const call of [
      globex.admin.get(`/contacts/${id}`),
      globex.admin.put(`/contacts/${id}`, { name: 'Mine' }),
      globex.admin.delete(`/contacts/${id}`),
      globex.admin.post(`/contacts/${id}/block`),
      globex.admin.post(`/contacts/${id}/unblock`),
      globex.admin.post(`/contacts/${id}/merge`, { other_contact_id: own.id }),
      globex.admin.post(`/contacts/${id}/merge`, { other_contact_id: id }),
      globex.admin.post(`/contacts/${own.id}/merge`, { other_contact_id: id }),
    ])
      await call.expect(404).expect(errorOf('not_found'));
    for (const operation of [
      `{ contact(id: "${id}") { id } }`,
      `mutation { updateContact(id: "${id}", input: { name: "Mine" }) { id } }`,
      `mutation { deleteContact(id: "${id}") { success } }`,
      `mutation { blockContact(id: "${id}") { id } }`,
    ]) {
      const { body } = await globex.admin.graphql(operation);
      expect(body).toMatchObject({
        errors: [{ message: 'Contact not found', extensions: { code: 'NOT_FOUND', error_code: 'not_found' } }],
      });
    }
    expect((await list(globex.admin)).items.map((contact) => contact.id)).toEqual([own.id]);
    expect((await acme.agent.get(`/contacts/${id}`)).body).toMatchObject({ name: 'Ana', is_blocked: false });
  });

  it.each([
    ['whatsapp_id', {}],
    ['whatsapp_id', { whatsapp_id: null }],
    ['whatsapp_id', { whatsapp_id: 'abc' }],
    ['whatsapp_id', { whatsapp_id: '12345' }],
    ['whatsapp_id', { whatsapp_id: 5511987654321 }],
    ['phone', { phone: '+55 11 9876-543x' }],
    ['alternative_phone', { whatsapp_id: '+5511987654321', alternative_phone: '1' }],
    ['name', { whatsapp_id: '+5511987654321', name: 'x'.repeat(256) }],
    ['email', { whatsapp_id: '+5511987654321', email: 'ana@' }],
    ['avatar_url', { whatsapp_id: '+5511987654321', avatar_url: 'javascript:alert(1)' }],
    ['notes', { whatsapp_id: '+5511987654321', notes: 'x'.repeat(5001) }],
    ['lead_score', { whatsapp_id: '+5511987654321', lead_score: 1001 }],
    ['opt_in', { whatsapp_id: '+5511987654321', opt_in: 'yes' }],
    ['attributes', { whatsapp_id: '+5511987654321', attributes: [] }],
    ['assigned_agent_id', { whatsapp_id: '+5511987654321', assigned_agent_id: 'ana' }],
  ])('names the wrong field %s of %j', async (field, body) => {
    const { acme } = await world();

    await acme.agent.post('/contacts', body).expect(wrongField(field));
    expect((await list(acme.agent)).total).toBe(0);
  });

  it('lists in pages and sorts', async () => {
    const { acme } = await world();
    for (const [name, lead_score] of [
      ['Carla', 5],
      ['ana', 9],
      ['Bruno', 7],
    ] as const)
      await create(acme.agent, { name, lead_score });

    const first = await acme.viewer.get('/contacts?limit=2').expect(200).expect('X-Total-Count', '3');
    expect(first.body).toMatchObject({ total: 3, page: 1, page_size: 2, total_pages: 2 });
    expect((first.body as ContactPage).items.map((c) => c.name)).toEqual(['Bruno', 'ana']);
    expect(await names(acme.viewer, { limit: '2', page: '2' })).toEqual(['Carla']);
    expect(await names(acme.viewer, { offset: '1', limit: '1' })).toEqual(['ana']);
    expect(await names(acme.viewer, { sort: 'lead_score:desc' })).toEqual(['ana', 'Bruno', 'Carla']);
    expect(await names(acme.viewer, { sort: 'created_at:asc' })).toEqual(['Carla', 'ana', 'Bruno']);
    for (const field of ['created_at', 'updated_at', 'name', 'last_message_at', 'last_interaction_at', 'total_conversations', 'lead_score'])
      expect((await list(acme.viewer, { sort: `${field}:desc` })).total).toBe(3);
  });
});

describe('create and update', () => {
  it('takes every alias, normalizes, and says every derived field', async () => {
    const { acme } = await world();

    const { body } = await acme.agent
      .post('/contacts', {
        phone: '0055 (11) 98765-4321',
        full_name: ' João da Silva ',
        email: 'Joao@Padaria.EXAMPLE',
        address_zipcode: '01310-100',
        custom_fields: { plano: 'ouro', gone: null },
        media_url: null,
        lead_score: null,
        attributes: undefined,
        notes: null,
      })
      .expect(201);

    expect(body).toMatchObject({
      whatsapp_id: '+5511987654321',
      phone_number: '+5511987654321',
      phone: '+5511987654321',
      wa_id: null,
      name: 'João da Silva',
      display_name: 'João da Silva',
      email: 'joao@padaria.example',
      address_postal_code: '01310-100',
      attributes: { plano: 'ouro' },
      lead_score: 0,
      source: 'api',
      opt_in: true,
      is_blocked: false,
      can_receive_marketing: true,
      last_interaction_at: null,
      identities: [{ kind: 'phone', value: '551187654321', portfolio_id: null, is_active: true }],
    });
    expect(body).not.toHaveProperty('match_key');
    expect(body).not.toHaveProperty('deleted_at');
    const { body: read } = await acme.viewer.get(`/contacts/${(body as ContactView).id}`).expect(200);
    expect(read).toEqual(body);
  });

  it('ignores what is not the caller’s to set', async () => {
    const { acme, globex } = await world();
    const id = newId();
    const foreign = {
      id,
      organization_id: globex.id,
      match_key: '1',
      wa_id: '1',
      total_messages_sent: 9,
      blocked_at: '2020-01-01T00:00:00Z',
      is_super_admin: true,
    };

    const made = await create(acme.agent, foreign);
    const { body } = await acme.agent
      .put(`/contacts/${made.id}`, { ...foreign, deleted_at: '2020-01-01T00:00:00Z', name: 'Ana' })
      .expect(200);

    for (const contact of [made, body as ContactView]) {
      expect(contact.id).not.toBe(id);
      expect(contact).toMatchObject({ organization_id: acme.id, wa_id: null, total_messages_sent: 0, blocked_at: null });
    }
    expect((await list(globex.agent)).total).toBe(0);
  });

  it('keeps what is absent, clears what is null, refuses null where it may not be', async () => {
    const { acme } = await world();
    const { id } = await create(acme.agent, { name: 'Ana', company: 'Padaria', attributes: { a: 1, b: 2 } });

    const { body } = await acme.agent.put(`/contacts/${id}`, { company: null, custom_attributes: { a: null, c: 3 } }).expect(200);
    expect(body).toMatchObject({ name: 'Ana', company: null, attributes: { b: 2, c: 3 } });
    for (const field of ['attributes', 'source', 'lead_score', 'opt_in', 'is_blocked', 'is_vip'])
      await acme.agent.put(`/contacts/${id}`, { [field]: null }).expect(wrongField(field));
    await acme.agent.put(`/contacts/${id}`, { whatsapp_id: null }).expect(wrongField('whatsapp_id'));
    await acme.agent.put(`/contacts/${id}`, {}).expect(200);
  });

  it('names each attribute outside the limits and writes nothing', async () => {
    const { acme } = await world();
    const { id } = await create(acme.agent, { attributes: { a: 1 } });

    await acme.agent
      .put(`/contacts/${id}`, { name: 'New', attributes: { 'two words': 1 } })
      .expect(wrongField('body', 'attributes', 'two words'));
    await acme.agent.put(`/contacts/${id}`, { attributes: { deep: { a: 1 } } }).expect(wrongField('body', 'attributes', 'deep'));
    expect((await acme.agent.get(`/contacts/${id}`)).body).toMatchObject({ name: null, attributes: { a: 1 } });
  });

  it('loses no attribute of two updates at once', async () => {
    const { acme } = await world();
    const { id } = await create(acme.agent);

    await Promise.all(['a', 'b', 'c', 'd'].map((key) => acme.agent.put(`/contacts/${id}`, { attributes: { [key]: 1 } }).expect(200)));

    expect((await acme.agent.get(`/contacts/${id}`)).body).toMatchObject({ attributes: { a: 1, b: 1, c: 1, d: 1 } });
  });

  it('dates consent', async () => {
    const { acme } = await world();
    const heard = listen(await world());
    const { id } = await create(acme.agent);

    const out = (await acme.agent.put(`/contacts/${id}`, { opt_in: false }).expect(200)).body as ContactView;
    expect(out).toMatchObject({
      opt_in: false,
      can_receive_marketing: false,
      opt_in_date: null,
      opt_out_date: expect.any(String) as string,
    });
    const again = (await acme.agent.put(`/contacts/${id}`, { opt_in: false }).expect(200)).body as ContactView;
    expect(again.opt_out_date).toBe(out.opt_out_date);
    const back = (await acme.agent.put(`/contacts/${id}`, { opt_in: true }).expect(200)).body as ContactView;
    expect(back).toMatchObject({ opt_in: true, opt_out_date: null, opt_in_date: expect.any(String) as string });
    expect(heard.filter((line) => line.includes(id) && line.startsWith('opted'))).toEqual([`opted_out ${id}`, `opted_in ${id}`]);
  });

  it('dates no consent that was not given', async () => {
    const { acme } = await world();

    const never = await create(acme.agent, { opt_in: false });
    expect(never).toMatchObject({ opt_in: false, opt_in_date: null, opt_out_date: expect.any(String) as string });
    const later = (await acme.agent.put(`/contacts/${never.id}`, { opt_in: true }).expect(200)).body as ContactView;
    expect(later).toMatchObject({ opt_in_date: expect.any(String) as string, opt_out_date: null });
    expect(await create(acme.agent)).toMatchObject({ opt_in: true, opt_in_date: expect.any(String) as string, opt_out_date: null });
  });

  it('assigns active agents of the organization only', async () => {
    const { acme, globex } = await world();
    const { id } = await create(acme.agent);
    const gone = await acme.hire('agent', { is_active: false });

    await acme.agent.put(`/contacts/${id}`, { assigned_agent_id: acme.agent.user.id }).expect(200);
    await acme.agent.put(`/contacts/${id}`, { assigned_agent_id: globex.agent.user.id }).expect(404);
    await acme.agent.post('/contacts', { whatsapp_id: phone(), assigned_agent_id: newId() }).expect(404);
    for (const person of [gone, acme.viewer])
      await acme.agent
        .put(`/contacts/${id}`, { assigned_agent_id: person.user.id })
        .expect(wrongField('assigned_agent_id'))
        .expect(errorOf('invalid_agent'));
    expect((await list(acme.agent, { assigned_agent_id: acme.agent.user.id })).total).toBe(1);
    expect((await list(acme.agent, { assigned_agent_id: globex.agent.user.id })).total).toBe(0);
  });

  it('refuses more contacts than the plan has', async () => {
    const { organization, sql } = await world();
    const small = await organization('Small', { plan_type: 'free' });
    await sql(`UPDATE organizations SET plan_limit_overrides = '{"max_contacts": 2}' WHERE id = $1`, [small.id]);
    await create(small.agent);

    const answers = await Promise.all([1, 2, 3].map(() => small.agent.post('/contacts', { whatsapp_id: phone() })));

    expect(answers.map((answer) => answer.status).sort()).toEqual([201, 403, 403]);
    expect(answers.find((answer) => answer.status === 403)?.body).toMatchObject({ error_code: 'plan_limit_exceeded' });
    expect((await list(small.agent)).total).toBe(2);
  });
});

describe('one number, one contact', () => {
  it('refuses a second contact of a number in any spelling, and names the first', async () => {
    const { acme, globex } = await world();
    const first = await create(acme.agent, { whatsapp_id: '+5511987654321' });

    for (const whatsapp_id of ['+5511987654321', '5511987654321', '+55 11 8765-4321', '0055 (11) 98765.4321']) {
      const { body } = await acme.agent.post('/contacts', { whatsapp_id }).expect(409).expect(errorOf('contact_already_exists'));
      expect(body).toMatchObject({ error: { details: [{ loc: ['body', 'whatsapp_id'], existing_id: first.id }] } });
    }
    await globex.agent.post('/contacts', { whatsapp_id: '+5511987654321' }).expect(201);
  });

  it('makes one contact of two creations at once', async () => {
    const { acme } = await world();
    const whatsapp_id = phone();

    const answers = await Promise.all([1, 2, 3, 4].map(() => acme.agent.post('/contacts', { whatsapp_id })));

    expect(answers.map((answer) => answer.status).sort()).toEqual([201, 409, 409, 409]);
    const made = answers.find((answer) => answer.status === 201)?.body as ContactView;
    for (const { body } of answers.filter((answer) => answer.status === 409))
      expect(body).toMatchObject({ error_code: 'contact_already_exists', error: { details: [{ existing_id: made.id }] } });
    expect((await list(acme.agent)).total).toBe(1);
  });

  it('changes a number: the old one stays an inactive identity, another’s is refused', async () => {
    const { acme, sql } = await world();
    const [ana, bia] = [
      await create(acme.agent, { whatsapp_id: '+5511987654321' }),
      await create(acme.agent, { whatsapp_id: '+5511966665555' }),
    ];
    await sql(`UPDATE contacts SET wa_id = '551187654321' WHERE id = $1`, [ana.id]);

    const { body: refused } = await acme.agent.put(`/contacts/${ana.id}`, { phone_number: '+551166665555' }).expect(409);
    expect(refused).toMatchObject({
      error_code: 'contact_already_exists',
      error: { details: [{ loc: ['body', 'whatsapp_id'], existing_id: bia.id }] },
    });

    const { body } = await acme.agent.put(`/contacts/${ana.id}`, { phone_number: '+5511977776666' }).expect(200);
    expect(body).toMatchObject({ whatsapp_id: '+5511977776666', wa_id: null });
    expect((body as ContactView).identities.map(({ value, is_active }) => [value, is_active])).toEqual([
      ['551187654321', false],
      ['551177776666', true],
    ]);

    // The old number changed hands: its new owner answers to it.
    const carla = await create(acme.agent, { whatsapp_id: '+5511987654321' });
    expect(carla.identities).toMatchObject([{ value: '551187654321', is_active: true }]);
    expect(((await acme.agent.get(`/contacts/${ana.id}`)).body as ContactView).identities).toHaveLength(1);
  });

  it('gives one number to one of two updates at once', async () => {
    const { acme } = await world();
    const [ana, bia] = [await create(acme.agent), await create(acme.agent)];
    const whatsapp_id = phone();

    const answers = await Promise.all([ana, bia].map(({ id }) => acme.agent.put(`/contacts/${id}`, { whatsapp_id })));

    expect(answers.map((answer) => answer.status).sort()).toEqual([200, 409]);
  });

  it('finds or makes the contact of a send, the same one for two at once', async () => {
    const { app, acme } = await world();
    const contacts = app.get(ContactsService);
    const actor = Actor.system(acme.id);
    const number = phone();

    const found = await Promise.all(
      [1, 2, 3].map((n) => contacts.findOrCreateByPhone(actor, number, { name: `Ana ${n}`, source: 'campaign' })),
    );
    const inside = await app.get(Database).tx((tx) => contacts.findOrCreateByPhone(actor, number.slice(1), { name: 'Other' }, tx));

    expect(new Set([...found, inside].map((contact) => contact.id)).size).toBe(1);
    expect(inside).toMatchObject({ source: 'campaign', name: expect.stringMatching(/^Ana \d$/) as string });
    expect((await list(acme.agent)).total).toBe(1);
    await expect(contacts.findOrCreateByPhone(actor, 'nobody')).rejects.toMatchObject({ status: 422 });
  });
});

describe('search and filters', () => {
  it('finds by name, WhatsApp name, username, e-mail and company, accents and case aside', async () => {
    const { acme, sql } = await world();
    await create(acme.agent, { name: 'João Pedro da Silva', email: 'jp@padaria.example', company: 'Pão & Cia' });
    const bia = await create(acme.agent, { name: 'Bia' });
    await sql(`UPDATE contacts SET whatsapp_name = 'Beatriz Ça', username = 'bia.souza' WHERE id = $1`, [bia.id]);

    for (const search of ['joao', 'JOÃO', 'silva', 'joao silva', 'padaria.example', 'pao &', 'Jp@'])
      expect(await names(acme.viewer, { search })).toEqual(['João Pedro da Silva']);
    for (const query of ['beatriz', 'ca', '@bia.souza', 'souza']) expect(await names(acme.viewer, { query })).toEqual(['Bia']);
    expect(await names(acme.viewer, { q: 'joao souza' })).toEqual([]);
    // One or two letters begin a word.
    for (const search of ['j', 'jo', 'pe sil', 'pã', '&']) expect(await names(acme.viewer, { search })).toEqual(['João Pedro da Silva']);
    for (const search of ['oa', 'lv', '(', '**', '×']) expect(await names(acme.viewer, { search })).toEqual([]);
  });

  it('finds a long word by the whole of it, not by the part the index is asked for', async () => {
    const { acme } = await world();
    await create(acme.agent, { name: 'Ana', email: 'ana.beatriz.conceição.2971@panificadora-central.example' });
    await create(acme.agent, { name: 'Eva', email: 'eva.beatriz.conceicao.2971@panificadora-central.example' });

    for (const search of [
      'ana.beatriz.conceicao.2971@panificadora-central.example',
      'ana.beatriz.CONCEIÇÃO.2971@',
      'ana.beatriz.conceicao',
    ])
      expect(await names(acme.viewer, { search })).toEqual(['Ana']);
    expect((await names(acme.viewer, { search: '2971@panificadora-central' })).sort()).toEqual(['Ana', 'Eva']);
    for (const search of ['ana.beatriz.conceicao.2971@panificadora-norte', 'xana.beatriz.conceicao.2971@'])
      expect(await names(acme.viewer, { search })).toEqual([]);
  });

  it('finds a phone in any format', async () => {
    const { acme } = await world();
    await create(acme.agent, { name: 'Ana', whatsapp_id: '+5511987654321' });
    await create(acme.agent, { name: 'Bia', whatsapp_id: '+5521912340000' });

    for (const search of ['+55 (11) 98765-4321', '11 98765', '98765-4321', '8765.4321', '4321', '551187654321'])
      expect(await names(acme.viewer, { search })).toEqual(['Ana']);
  });

  it('takes wildcards, quotes and SQL for letters', async () => {
    const { acme } = await world();
    await create(acme.agent, { name: '100% real_name \\o/ O\'Hara "x"' });
    await create(acme.agent, { name: '100 realXname o O Hara x' });

    for (const search of ['100%', 'real_name', '\\o/', "O'Hara", '"x"', '100％'])
      expect(await names(acme.viewer, { search })).toEqual(['100% real_name \\o/ O\'Hara "x"']);
    for (const search of ['%%%', "'; DROP TABLE contacts; --", '\\', "' OR '1'='1", ')', ':word_0', '$1', '\\\\%'])
      expect((await acme.viewer.get(`/contacts?search=${encodeURIComponent(search)}`).expect(200)).body).toMatchObject({
        total: expect.any(Number) as number,
      });
    expect(await names(acme.viewer, { search: '___' })).toEqual([]);
    expect((await list(acme.viewer)).total).toBe(2);
  });

  it('refuses a sort or filter it does not know', async () => {
    const { acme } = await world();

    for (const sort of [
      'match_key',
      'deleted_at:desc',
      'name:down',
      'name:asc:desc',
      'created_at; DROP TABLE contacts',
      'attributes->x',
      "name'",
      'organization_id',
      'last_message_at,name',
    ])
      await acme.viewer.get(`/contacts?${new URLSearchParams({ sort })}`).expect(wrongField('query', 'sort'));
    for (const [field, value] of [
      ['is_blocked', 'maybe'],
      ['opt_in', '2'],
      ['assigned_agent_id', 'me'],
      ['created_from', '2026-02-30'],
      ['created_to', 'yesterday'],
      ['created_from', '2026-02-03T10:00:00'],
      ['limit', '0'],
      ['skip', '-1'],
      ['search', 'x'.repeat(101)],
    ])
      await acme.viewer.get(`/contacts?${new URLSearchParams({ [field]: value })}`).expect(wrongField('query', field));
    await acme.viewer.get('/contacts?search=a&search=b').expect(wrongField('query', 'search'));
  });

  it('filters', async () => {
    const { acme } = await world();
    await create(acme.agent, { name: 'vip', is_vip: true, lifecycle_stage: 'customer', source: 'fair' });
    await create(acme.agent, { name: 'blocked', is_blocked: true });
    await create(acme.agent, { name: 'out', opt_in: false });

    expect(await names(acme.viewer, { is_vip: 'true' })).toEqual(['vip']);
    expect(await names(acme.viewer, { is_blocked: 'true' })).toEqual(['blocked']);
    expect(await names(acme.viewer, { is_blocked: 'false', opt_in: 'true' })).toEqual(['vip']);
    expect(await names(acme.viewer, { opt_in: 'false' })).toEqual(['out']);
    expect(await names(acme.viewer, { lifecycle_stage: 'customer' })).toEqual(['vip']);
    expect(await names(acme.viewer, { source: 'fair', search: 'vip' })).toEqual(['vip']);
  });

  it('reads a day in the organization’s time zone', async () => {
    const { acme, sql } = await world();
    const [late, early] = [await create(acme.agent, { name: 'late' }), await create(acme.agent, { name: 'early' })];
    // São Paulo is three hours behind UTC: 23:30 and 00:30 there.
    await sql(`UPDATE contacts SET created_at = '2026-03-02T02:30:00Z' WHERE id = $1`, [late.id]);
    await sql(`UPDATE contacts SET created_at = '2026-03-02T03:30:00Z' WHERE id = $1`, [early.id]);

    expect(await names(acme.viewer, { created_to: '2026-03-01' })).toEqual(['late']);
    expect(await names(acme.viewer, { created_from: '2026-03-02' })).toEqual(['early']);
    expect(await names(acme.viewer, { created_from: '2026-03-01', created_to: '2026-03-02' })).toEqual(['early', 'late']);
    expect(await names(acme.viewer, { created_to: '2026-03-02T02:30:00Z' })).toEqual(['late']);
    await sql(`UPDATE organizations SET settings = '{"timezone": "Asia/Tokyo"}' WHERE id = $1`, [acme.id]);
    expect(await names(acme.viewer, { created_to: '2026-03-01' })).toEqual([]);
  });

  it('answers /contacts/search like the list, but not without words', async () => {
    const { acme } = await world();
    await create(acme.agent, { name: 'Ana' });
    await create(acme.agent, { name: 'Bia' });

    const { body } = await acme.viewer.get('/contacts/search?q=ana').expect(200);
    expect(body).toEqual(await list(acme.viewer, { search: 'ana' }));
    await acme.viewer.get('/contacts/search').expect(wrongField('query', 'search'));
    await acme.viewer.get('/contacts/search?q=').expect(wrongField('query', 'search'));
    await acme.viewer.get('/contacts/search?q=%20').expect(wrongField('query', 'search'));
  });

  it('costs the same few queries for one contact and for many', async () => {
    const { app, acme } = await world();
    const actor = Actor.system(acme.id);
    const contacts = app.get(ContactsService);
    const { source } = app.get(Database);
    const { master: pool } = source.driver as unknown as { master: EventEmitter };
    const counted = async (): Promise<number> => {
      let queries = 0;
      const count = (): void => void queries++;
      pool.on('acquire', count);
      await contacts.page(actor, { search: 'ana' });
      pool.off('acquire', count);
      return queries;
    };
    // Clocks ask in between, but not each time; nor does what an organization's first list asks once count.
    const fewest = async (): Promise<number> => Math.min(await counted(), await counted(), await counted());
    await create(acme.agent, { name: 'Ana' });
    const one = await fewest();
    for (const name of ['Ana Carla', 'Ana Maria', 'Ana Clara']) await create(acme.agent, { name });

    expect(one).toBeGreaterThan(1);
    expect(one).toBeLessThanOrEqual(5);
    expect(await fewest()).toBe(one);
  });
});

describe('block', () => {
  it('blocks once, changes the reason when repeated, and unblocks', async () => {
    const w = await world();
    const { acme } = w;
    const heard = listen(w);
    const { id } = await create(acme.agent);

    const first = (await acme.agent.post(`/contacts/${id}/block`, { reason: 'spam' }).expect(200)).body as ContactView;
    expect(first).toMatchObject({
      is_blocked: true,
      blocked_reason: 'spam',
      blocked_at: expect.any(String) as string,
      can_receive_marketing: false,
    });
    const second = (await acme.agent.post(`/contacts/${id}/block?reason=abuse`, { reason: 'ignored' }).expect(200)).body as ContactView;
    expect(second).toMatchObject({ blocked_reason: 'abuse', blocked_at: first.blocked_at });
    expect((await acme.agent.post(`/contacts/${id}/block`).expect(200)).body).toMatchObject({ blocked_reason: 'abuse' });
    const free = (await acme.agent.post(`/contacts/${id}/unblock`).expect(200)).body as ContactView;
    expect(free).toMatchObject({ is_blocked: false, blocked_reason: null, blocked_at: null });
    await acme.agent.post(`/contacts/${id}/unblock`).expect(200);

    expect(heard.filter((line) => line.endsWith(id) && /^(un)?blocked/.test(line))).toEqual([`blocked ${id}`, `unblocked ${id}`]);
    await acme.agent.post(`/contacts/${id}/block`, { reason: 'x'.repeat(501) }).expect(wrongField('reason'));
  });

  it('tells the conversations in the same transaction, once for two blocks at once, also by PUT and on delete', async () => {
    const { app, acme } = await world();
    const ends: [string, ContactEnd][] = [];
    let fail = false;
    app.get(ContactsService).onEnd(async (tx, actor, contact, reason) => {
      if (actor.organization_id !== acme.id) return;
      const [row] = await tx.manager.query<{ is_blocked: boolean }[]>('SELECT is_blocked FROM contacts WHERE id = $1', [contact.id]);
      if (reason === 'contact_blocked') expect(row.is_blocked).toBe(true);
      if (fail) throw new Error('conversations could not be closed');
      ends.push([contact.id, reason]);
    });
    const [ana, bia, carla] = [await create(acme.agent), await create(acme.agent), await create(acme.agent)];

    const answers = await Promise.all([1, 2].map(() => acme.agent.post(`/contacts/${ana.id}/block`)));
    expect(answers.map((answer) => answer.status)).toEqual([200, 200]);
    await acme.agent.put(`/contacts/${bia.id}`, { is_blocked: true, blocked_reason: 'spam' }).expect(200);
    await acme.agent.delete(`/contacts/${bia.id}`).expect(204);
    expect(ends).toEqual([
      [ana.id, 'contact_blocked'],
      [bia.id, 'contact_blocked'],
      [bia.id, 'contact_deleted'],
    ]);

    fail = true;
    await acme.agent.post(`/contacts/${carla.id}/block`).expect(500);
    await acme.agent.delete(`/contacts/${carla.id}`).expect(500);
    fail = false;
    expect((await acme.agent.get(`/contacts/${carla.id}`).expect(200)).body).toMatchObject({ is_blocked: false });
  });
});

describe('delete', () => {
  it('takes the contact out of everything and frees its number', async () => {
    const w = await world();
    const { acme, sql } = w;
    const heard = listen(w);
    const ana = await create(acme.agent, { name: 'Ana' });
    const bystander = await create(acme.agent, { name: 'Bia' });

    await acme.agent.delete(`/contacts/${ana.id}`).expect(204);

    for (const call of [
      acme.agent.get(`/contacts/${ana.id}`),
      acme.agent.delete(`/contacts/${ana.id}`),
      acme.agent.put(`/contacts/${ana.id}`, { name: 'X' }),
      acme.agent.post(`/contacts/${ana.id}/block`),
    ])
      await call.expect(404);
    await acme.agent.post(`/contacts/${bystander.id}/merge`, { other_contact_id: ana.id }).expect(404);
    expect(await names(acme.viewer, { search: 'b' })).toEqual(['Bia']);
    expect(await names(acme.viewer, { search: 'an' })).toEqual([]);
    expect(await sql('SELECT id FROM contact_identities WHERE contact_id = $1', [ana.id])).toEqual([]);
    const again = await create(acme.agent, { whatsapp_id: ana.whatsapp_id });
    expect(again).toMatchObject({ name: null, total_conversations: 0, identities: [{ is_active: true }] });
    expect(again.id).not.toBe(ana.id);
    expect(heard).toContain(`deleted ${ana.id}`);
  });

  it('deletes once of two at once', async () => {
    const { acme } = await world();
    const { id } = await create(acme.agent);

    const answers = await Promise.all([1, 2].map(() => acme.agent.delete(`/contacts/${id}`)));

    expect(answers.map((answer) => answer.status).sort()).toEqual([204, 404]);
  });
});

describe('merge', () => {
  it('keeps the older, fills its gaps, and moves names, conversations and messages', async () => {
    const w = await world();
    const { acme, sql } = w;
    const heard = listen(w);
    const number = (await officialNumber(w, acme)).id;
    const old = await create(acme.agent, { name: 'Ana', attributes: { a: 1 }, is_vip: true });
    const young = await create(acme.agent, {
      name: 'Ana S.',
      email: 'ana@padaria.example',
      opt_in: false,
      attributes: { a: 2, b: 3 },
      lead_score: 7,
    });
    await sql(
      `INSERT INTO contact_identities (id, organization_id, portfolio_id, kind, value, contact_id) VALUES ($1, $2, 'waba', 'bsuid', 'BR.1', $3)`,
      [newId(), acme.id, young.id],
    );
    const first = await conversation(w, acme, old, { number, status: 'pending', texts: ['one'], unread: 1 });
    const second = await conversation(w, acme, young, { number, texts: ['two', 'three'], unread: 2 });
    await sql("UPDATE conversations SET created_at = now() - interval '2 hours', reopened_at = now() - interval '1 hour' WHERE id = $1", [
      second,
    ]);
    const elsewhere = await conversation(w, acme, young, { number: (await officialNumber(w, acme)).id, texts: ['four'] });
    const past = await conversation(w, acme, young, { number, status: 'closed', texts: ['zero'] });
    const [waiting] = await sql<{ id: string }>(`SELECT id FROM messages WHERE conversation_id = $1 AND content = 'two'`, [second]);
    await sql('INSERT INTO outbound_sends (message_id, organization_id, conversation_id, whatsapp_number_id) VALUES ($1, $2, $3, $4)', [
      waiting.id,
      acme.id,
      second,
      number,
    ]);

    // Asked on the younger: the older stays all the same.
    const { body } = await acme.agent.post(`/contacts/${young.id}/merge`, { other_contact_id: old.id.toUpperCase() }).expect(200);

    expect(body).toMatchObject({
      id: old.id,
      name: 'Ana',
      email: 'ana@padaria.example',
      whatsapp_id: old.whatsapp_id,
      alternative_phone: young.whatsapp_id,
      whatsapp_user_id: 'BR.1',
      attributes: { a: 1, b: 3 },
      lead_score: 7,
      is_vip: true,
      opt_in: false,
      opt_out_date: young.opt_out_date,
      total_conversations: 3,
      total_messages_received: 5,
    });
    expect((body as ContactView).identities.map(({ kind, is_active }) => [kind, is_active])).toEqual([
      ['phone', true],
      ['phone', true],
      ['bsuid', true],
    ]);
    await acme.agent.get(`/contacts/${young.id}`).expect(404);
    expect((await list(acme.agent)).total).toBe(1);

    expect(await sql('SELECT content, conversation_id FROM messages WHERE contact_id = $1 ORDER BY created_at', [old.id])).toEqual([
      { content: 'one', conversation_id: first },
      { content: 'two', conversation_id: first },
      { content: 'three', conversation_id: first },
      { content: 'four', conversation_id: elsewhere },
      { content: 'zero', conversation_id: past },
    ]);
    const rows = await sql<{ id: string; contact_id: string }>('SELECT * FROM conversations WHERE organization_id = $1 ORDER BY id', [
      acme.id,
    ]);
    expect(rows.every((row) => row.contact_id === old.id)).toBe(true);
    const [last] = await sql<{ id: string }>(`SELECT id FROM messages WHERE content = 'three' AND contact_id = $1`, [old.id]);
    expect(rows).toMatchObject([
      { id: first, status: 'open', unread_count: 3, total_messages: 3, messages_from_contact: 3, last_message_id: last.id },
      {
        id: second,
        status: 'closed',
        close_reason: 'merged',
        resolved_at: expect.any(Date),
        resolution_time_seconds: 3600,
        is_archived: true,
        unread_count: 0,
        total_messages: 0,
        last_message_id: null,
        extra_data: { merged_into_id: first },
      },
      { id: elsewhere, status: 'open', total_messages: 1 },
      { id: past, status: 'closed', close_reason: null },
    ]);
    expect(await sql('SELECT conversation_id FROM outbound_sends WHERE message_id = $1', [waiting.id])).toEqual([
      { conversation_id: first },
    ]);
    for (const news of [`status ${first}`, `updated ${first}`, `closed ${second}`, `archived ${second}`])
      expect(heard).toContain(`conversation ${news}`);
    expect(heard.filter((news) => news.includes(elsewhere) || news.includes(past))).toEqual([]);
    expect(heard).toContain(`merged ${old.id} ${young.id}`);
  });

  it('gives the number to a contact known by a BSUID only, and frees it nowhere else', async () => {
    const { acme, sql } = await world();
    const id = newId();
    await sql(`INSERT INTO contacts (id, organization_id, whatsapp_name, whatsapp_user_id) VALUES ($1, $2, 'Ana', 'BR.7')`, [id, acme.id]);
    await sql(
      `INSERT INTO contact_identities (id, organization_id, portfolio_id, kind, value, contact_id) VALUES ($1, $2, 'waba', 'bsuid', 'BR.7', $3)`,
      [newId(), acme.id, id],
    );
    expect((await acme.agent.get(`/contacts/${id}`).expect(200)).body).toMatchObject({
      whatsapp_id: null,
      phone: null,
      display_name: 'Ana',
    });
    const typed = await create(acme.agent, { name: 'Ana Souza' });

    const { body } = await acme.agent.post(`/contacts/${id}/merge`, { other_contact_id: typed.id }).expect(200);

    expect(body).toMatchObject({ id, whatsapp_id: typed.whatsapp_id, name: 'Ana Souza', whatsapp_user_id: 'BR.7' });
    expect((body as ContactView).identities.map((identity) => identity.is_active)).toEqual([true, true]);
    await acme.agent.post('/contacts', { whatsapp_id: typed.whatsapp_id }).expect(409);
    // WhatsApp knows this person by another id: the number may go.
    expect((await acme.agent.put(`/contacts/${id}`, { whatsapp_id: null }).expect(200)).body).toMatchObject({ whatsapp_id: null });
  });

  it('keeps a block: what the other had open ends', async () => {
    const w = await world();
    const { acme, sql } = w;
    const [old, young] = [await create(acme.agent), await create(acme.agent, { is_blocked: true, blocked_reason: 'spam' })];
    const open = await conversation(w, acme, old, { number: (await officialNumber(w, acme)).id });
    const heard = listen(w);
    const watcher = await socketOf(acme.viewer);

    const { body } = await acme.agent.post(`/contacts/${old.id}/merge`, { other_contact_id: young.id }).expect(200);

    expect(body).toMatchObject({ id: old.id, is_blocked: true, blocked_reason: 'spam', blocked_at: young.blocked_at });
    expect(await sql('SELECT * FROM conversations WHERE id = $1', [open])).toMatchObject([
      { status: 'closed', close_reason: 'contact_blocked', resolved_at: expect.any(Date), resolution_time_seconds: expect.any(Number) },
    ]);
    expect(heard).toContain(`conversation closed ${open}`);
    await watcher.hear('conversation:status', ({ id, status }) => id === open && status === 'closed');
  });

  it('refuses a contact and itself, and an id that is none', async () => {
    const { acme } = await world();
    const { id } = await create(acme.agent);

    await acme.agent.post(`/contacts/${id}/merge`, { other_contact_id: id }).expect(409).expect(errorOf('cannot_merge_self'));
    await acme.agent.post(`/contacts/${id}/merge`, { other_contact_id: newId() }).expect(404);
    await acme.agent.post(`/contacts/${id}/merge`, {}).expect(wrongField('other_contact_id'));
    await acme.agent.post('/contacts/7/merge', { other_contact_id: id }).expect(wrongField('path', 'contact_id'));
  });

  it('merges once of two at once, from either side', async () => {
    const { acme } = await world();
    const [ana, bia] = [await create(acme.agent), await create(acme.agent)];

    const answers = await Promise.all([
      acme.agent.post(`/contacts/${ana.id}/merge`, { other_contact_id: bia.id }),
      acme.agent.post(`/contacts/${bia.id}/merge`, { other_contact_id: ana.id }),
    ]);

    expect(answers.map((answer) => answer.status).sort()).toEqual([200, 404]);
    expect((await list(acme.agent)).items).toMatchObject([{ id: ana.id, identities: [{}, {}] }]);
  });
});

describe('GraphQL', () => {
  it('does what REST does, with the same aliases', async () => {
    const { acme } = await world();
    const number = phone();
    const fields = 'id name phone display_name attributes is_blocked blocked_reason identities { kind value is_active }';
    const ask = async (query: string, variables: object = {}): Promise<Record<string, ContactView>> =>
      ((await acme.agent.graphql(query, variables).expect(200)).body as { data: Record<string, ContactView> }).data;

    const { createContact } = await ask(`mutation ($input: ContactCreateInput!) { createContact(input: $input) { ${fields} } }`, {
      input: { phone: number, full_name: 'Ana', custom_fields: { a: 1 }, lead_score: null },
    });
    expect(createContact).toMatchObject({
      name: 'Ana',
      phone: number,
      attributes: { a: 1 },
      identities: [{ kind: 'phone', is_active: true }],
    });
    const { id } = createContact;

    expect(
      (await ask(`mutation ($id: ID!) { updateContact(id: $id, input: { name: null, attributes: { b: 2 } }) { ${fields} } }`, { id }))
        .updateContact,
    ).toMatchObject({
      name: null,
      display_name: number,
      attributes: { a: 1, b: 2 },
    });
    expect((await ask(`mutation ($id: ID!) { blockContact(id: $id, reason: "spam") { ${fields} } }`, { id })).blockContact).toMatchObject({
      is_blocked: true,
      blocked_reason: 'spam',
    });
    expect(await ask('{ contacts(is_blocked: true, sort: "name:asc", search: null) { id } contacts_count(is_blocked: true) }')).toEqual({
      contacts: [{ id }],
      contacts_count: 1,
    });
    expect(await ask('{ contacts(is_blocked: false, limit: 1000) { id } contacts_count(search: "nobody") }')).toEqual({
      contacts: [],
      contacts_count: 0,
    });
    expect((await ask(`mutation ($id: ID!) { unblockContact(id: $id) { ${fields} } }`, { id })).unblockContact).toMatchObject({
      is_blocked: false,
    });
    expect((await ask('query ($id: ID!) { contact(id: $id) { id } }', { id })).contact).toEqual({ id });
    expect((await ask('mutation ($id: ID!) { deleteContact(id: $id) { success message } }', { id })).deleteContact).toMatchObject({
      success: true,
    });
  });

  it('refuses in the one shape', async () => {
    const { acme } = await world();
    const { whatsapp_id, id } = await create(acme.agent);

    const { body: twice } = await acme.agent.graphql('mutation ($n: String) { createContact(input: { whatsapp_id: $n }) { id } }', {
      n: whatsapp_id,
    });
    expect(twice).toMatchObject({
      errors: [{ extensions: { code: 'CONFLICT', error_code: 'contact_already_exists', details: [{ existing_id: id }] } }],
    });
    for (const query of [
      'mutation { createContact(input: { name: "Ana" }) { id } }',
      '{ contacts(sort: "match_key") { id } }',
      '{ contacts(limit: 0) { id } }',
      '{ contact(id: "7") { id } }',
    ]) {
      const { body } = await acme.agent.graphql(query);
      expect(body).toMatchObject({
        errors: [{ extensions: { code: 'BAD_USER_INPUT', error_code: 'validation_error', status_code: 422 } }],
      });
    }
  });
});

describe('live', () => {
  it('tells the organization’s sockets what happens to its contacts, and nobody else’s', async () => {
    const { acme, globex } = await world();
    const [watcher, stranger] = await Promise.all([socketOf(acme.viewer), socketOf(globex.admin)]);

    const [ana, bia] = [await create(acme.agent, { name: 'Ana' }), await create(acme.agent)];
    await acme.agent.post(`/contacts/${ana.id}/block`).expect(200);
    await acme.agent.post(`/contacts/${ana.id}/merge`, { other_contact_id: bia.id }).expect(200);
    await acme.agent.delete(`/contacts/${ana.id}`).expect(204);

    const created = await watcher.hear('contact:created', ({ id }) => id === ana.id);
    expect(created).toMatchObject({ id: ana.id, display_name: 'Ana', identities: [{ kind: 'phone' }] });
    expect(created).not.toHaveProperty('match_key');
    await watcher.hear('contact:updated', ({ id, is_blocked }) => id === ana.id && is_blocked === true);
    expect(await watcher.hear('contact:merged')).toEqual({ contact_id: ana.id, merged_contact_id: bia.id });
    await watcher.hear('contact:deleted', ({ id }) => id === bia.id);
    await watcher.hear('contact:deleted', ({ id }) => id === ana.id);
    expect(stranger.heard.filter(({ event }) => event.startsWith('contact:'))).toEqual([]);
  });
});

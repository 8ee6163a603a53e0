import { randomInt } from 'node:crypto';
import { EventBus, type Events } from '#common/events';
import { newId } from '#common/uuid';
import type { ContactPage, ContactView } from '#modules/contacts/contact.dto';
import type { TagPage, TagView } from '#modules/tags/tag.dto';
import { socketOf } from './support/sockets';
import { type Company, type Person, type World, errorOf, world, wrongField } from './support/world';

const phone = (): string => `+55119${randomInt(60_000_000, 99_999_999)}`;

const contact = async (by: Person, body: object = {}): Promise<ContactView> =>
  (await by.post('/contacts', { whatsapp_id: phone(), ...body }).expect(201)).body as ContactView;

const tag = async (by: Person, body: object): Promise<TagView> => (await by.post('/contacts/tags', body).expect(201)).body as TagView;

const list = async (by: Person, query = ''): Promise<TagPage> => (await by.get(`/contacts/tags?${query}`).expect(200)).body as TagPage;

const namesOf = async (by: Person, query = ''): Promise<string[]> => (await list(by, query)).items.map(({ name }) => name);

const put = async (by: Person, id: string, tags: unknown): Promise<ContactView> =>
  (await by.put(`/contacts/${id}/tags`, tags as object).expect(200)).body as ContactView;

const found = async (by: Person, query: Record<string, string>): Promise<(string | null)[]> =>
  ((await by.get(`/contacts?sort=name:asc&${new URLSearchParams(query)}`).expect(200)).body as ContactPage).items.map(({ name }) => name);

/** What the bus says of an organization from now on. */
function hear<K extends keyof Events>({ app }: World, { id }: Company, name: K): Events[K][] {
  const heard: Events[K][] = [];
  app.get(EventBus).on(name, (event) => {
    if ((event as { organization_id?: string }).organization_id === id) heard.push(event);
  });
  return heard;
}

const acts = (w: World, { id }: Company, resource_id: string): Promise<{ action: string; changes: object }[]> =>
  w.sql('SELECT action, changes FROM audit_logs WHERE organization_id = $1 AND resource_id = $2 ORDER BY created_at, id', [
    id,
    resource_id,
  ]);

describe('the five firsts', () => {
  it('is closed without a token, and lets a viewer read and write nothing', async () => {
    const { guest, acme } = await world();
    const { id } = await tag(acme.agent, { name: 'Festa' });
    const { id: contact_id } = await contact(acme.agent);

    await guest.get('/contacts/tags').expect(401);
    await guest.post('/contacts/tags', { name: 'Feira' }).expect(401);
    await acme.viewer.get('/contacts/tags').expect(200);
    await acme.viewer.get(`/contacts/tags/${id}`).expect(200);
    for (const call of [
      acme.viewer.post('/contacts/tags', { name: 'Feira' }),
      acme.viewer.put(`/contacts/tags/${id}`, { name: 'Feira' }),
      acme.viewer.delete(`/contacts/tags/${id}`),
      acme.viewer.post(`/contacts/${contact_id}/tags`, ['Festa']),
      acme.viewer.put(`/contacts/${contact_id}/tags`, ['Festa']),
      acme.viewer.delete(`/contacts/${contact_id}/tags?tags=Festa`),
    ])
      await call.expect(403).expect(errorOf('insufficient_role'));
  });

  it('hides a tag of another organization, whose names and filters know nothing of it', async () => {
    const { acme, globex } = await world();
    const { id } = await tag(acme.agent, { name: 'Festa' });
    await contact(acme.agent, { name: 'Ana', tags: ['Festa'] });
    const theirs = await contact(globex.agent);

    await globex.admin.get(`/contacts/tags/${id}`).expect(404);
    await globex.admin.put(`/contacts/tags/${id}`, { name: 'Mine' }).expect(404);
    await globex.admin.delete(`/contacts/tags/${id}`).expect(404);
    for (const body of [{ tags: [id] }, { tag_ids: [id] }]) {
      await globex.admin.post(`/contacts/${theirs.id}/tags`, body).expect(404).expect(errorOf('not_found'));
      await globex.admin.put(`/contacts/${theirs.id}/tags`, body).expect(404);
      await globex.admin.delete(`/contacts/${theirs.id}/tags`).send(body).expect(404);
    }
    await globex.admin.post('/contacts', { whatsapp_id: phone(), tags: [id] }).expect(404);
    expect(await found(globex.viewer, { tags: id })).toEqual([]);
    expect(await namesOf(globex.viewer)).toEqual([]);
  });

  it('refuses a bad body, naming the field', async () => {
    const { acme } = await world();
    const { id } = await tag(acme.agent, { name: 'Festa' });

    for (const name of ['', '   ', 'x'.repeat(51), '\u200b\u2060', 'a,b', 'a|b', 'a;b', newId(), 5, null, undefined])
      await acme.agent.post('/contacts/tags', { name }).expect(wrongField('name'));
    for (const color of ['blue', '#12345', '3B82F6', '#GGGGGG', null]) {
      await acme.agent.post('/contacts/tags', { name: 'Feira', color: color ?? 7 }).expect(wrongField('color'));
      await acme.agent.put(`/contacts/tags/${id}`, { color }).expect(wrongField('color'));
    }
    await acme.agent.put(`/contacts/tags/${id}`, { description: 'x'.repeat(501) }).expect(wrongField('description'));
    expect(await namesOf(acme.viewer)).toEqual(['Festa']);
  });

  it('lists by name, with what it is asked for', async () => {
    const { acme } = await world();
    for (const name of ['Festa', 'Atacado', 'Ótimo']) await tag(acme.agent, { name, description: `Quem é ${name}` });

    expect(await namesOf(acme.viewer)).toEqual(['Atacado', 'Festa', 'Ótimo']);
    expect(await namesOf(acme.viewer, 'sort=created_at:asc')).toEqual(['Festa', 'Atacado', 'Ótimo']);
    expect(await namesOf(acme.viewer, 'q=otimo')).toEqual(['Ótimo']);
    const page = await list(acme.viewer, 'limit=2');
    expect(page).toMatchObject({ total: 3, page_size: 2, total_pages: 2 });
    expect(await namesOf(acme.viewer, `limit=2&cursor=${page.next_cursor}`)).toEqual(['Ótimo']);
    await acme.viewer.get('/contacts/tags?sort=contacts_count').expect(422);
  });
});

describe('a tag', () => {
  it('has a color, a slug and its contacts, counted', async () => {
    const { acme } = await world();
    const made = await tag(acme.agent, { name: '  Cliente   fiel ', description: null });
    expect(made).toMatchObject({ slug: 'cliente-fiel', color: '#3B82F6', description: null, is_system: false, contacts_count: 0 });
    expect(made).not.toHaveProperty('name_key');

    const [ana, bia] = [await contact(acme.agent, { tags: [made.id] }), await contact(acme.agent, { tags: [made.name.toUpperCase()] })];
    expect((await list(acme.viewer)).items).toMatchObject([{ id: made.id, contacts_count: 2 }]);

    await acme.agent.delete(`/contacts/${ana.id}`).expect(204);
    await acme.agent.delete(`/contacts/${bia.id}/tags?tags=${encodeURIComponent(made.name)}`).expect(200);
    const { body } = await acme.viewer.get(`/contacts/tags/${made.id}`).expect(200);
    expect(body).toMatchObject({ contacts_count: 0 });
  });

  it('has a name of its own, whatever its case, of however many who make it at once', async () => {
    const { acme, globex } = await world();
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, n) => acme.agent.post('/contacts/tags', { name: n % 2 ? 'AÇÃO' : 'Ação' })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array<number>(49).fill(409)]);
    errorOf('tag_already_exists')(answers.filter(({ status }) => status === 409)[0]);
    const other = await tag(acme.agent, { name: 'Festa' });

    await acme.agent.put(`/contacts/tags/${other.id}`, { name: 'ação' }).expect(409).expect(errorOf('tag_already_exists'));
    const renamed = await acme.agent.put(`/contacts/tags/${other.id}`, { name: 'FESTA' }).expect(200);
    expect(renamed.body).toMatchObject({ name: 'FESTA', slug: 'festa' });
    await tag(globex.agent, { name: 'Ação' });
  });

  it('keeps its contacts under another name, and leaves all of them when it is deleted, in one fact', async () => {
    const w = await world();
    const { acme } = w;
    const [deleted, updated] = [hear(w, acme, 'tag.deleted'), hear(w, acme, 'contact.updated')];
    const { id } = await tag(acme.agent, { name: 'Festa' });
    const people = [await contact(acme.agent, { tags: ['Festa', 'Feira'] }), await contact(acme.agent, { tags: ['festa'] })];

    await acme.agent.put(`/contacts/tags/${id}`, { name: 'Casamento', description: 'Bolos grandes' }).expect(200);
    expect((await acme.viewer.get(`/contacts/${people[0].id}`)).body).toMatchObject({ tags: ['Casamento', 'Feira'] });
    await acme.agent.delete(`/contacts/tags/${id}`).expect(204);

    expect((await acme.viewer.get(`/contacts/${people[0].id}`)).body).toMatchObject({ tags: ['Feira'] });
    expect((await acme.viewer.get(`/contacts/${people[1].id}`)).body).toMatchObject({ tags: [], tag_details: [] });
    expect(deleted).toMatchObject([{ tag: { id, name: 'Casamento' } }]);
    expect(updated).toEqual([]);
    expect((await acts(w, acme, id)).map(({ action }) => action)).toEqual(['tag.created', 'tag.updated', 'tag.deleted']);
    await acme.agent.delete(`/contacts/tags/${id}`).expect(404);
  });

  it('of the system cannot be deleted', async () => {
    const { acme, sql } = await world();
    const { id } = await tag(acme.agent, { name: 'Robô' });
    await sql('UPDATE tags SET is_system = true WHERE id = $1', [id]);

    await acme.admin.delete(`/contacts/tags/${id}`).expect(409).expect(errorOf('system_tag'));
  });

  it('is one of so many as the plan allows, made by itself or with a contact', async () => {
    const { acme, sql } = await world();
    await sql(`UPDATE organizations SET plan_limit_overrides = '{"max_tags": 3}' WHERE id = $1`, [acme.id]);
    const { id } = await contact(acme.agent, { tags: ['a', 'b'] });

    await acme.agent.post(`/contacts/${id}/tags`, ['c', 'd']).expect(403).expect(errorOf('plan_limit_exceeded'));
    const answers = await Promise.all(['e', 'f', 'g', 'h', 'i'].map((name) => acme.agent.post(`/contacts/${id}/tags`, [name])));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 403, 403, 403, 403]);
    await acme.agent.post('/contacts/tags', { name: 'j' }).expect(403).expect(errorOf('plan_limit_exceeded'));
    await acme.agent.post(`/contacts/${id}/tags`, ['A', 'B']).expect(200);
    expect((await list(acme.viewer)).total).toBe(3);
  });
});

describe('the tags of a contact', () => {
  it('are set, added and taken in every form there is', async () => {
    const { acme } = await world();
    const { id } = await contact(acme.agent);
    const festa = await tag(acme.agent, { name: 'Festa', color: '#10B981' });

    expect(await put(acme.agent, id, ['festa', ' Atacado ', 'ATACADO'])).toMatchObject({
      tags: ['Atacado', 'Festa'],
      tag_details: [
        { name: 'Atacado', color: '#3B82F6' },
        { id: festa.id, name: 'Festa', color: '#10B981' },
      ],
    });
    expect(await put(acme.agent, id.toUpperCase(), { tag_ids: [festa.id] })).toMatchObject({ tags: ['Festa'] });
    expect(await put(acme.agent, id, { tags: [] })).toMatchObject({ tags: [] });
    for (const body of [['Feira'], { tags: [festa.id.toUpperCase()] }, { tags: ['Bolo'], tag_ids: [festa.id] }])
      await acme.agent.post(`/contacts/${id}/tags`, body).expect(200);
    const { body } = await acme.viewer.get(`/contacts/${id}`).expect(200);
    expect(body).toMatchObject({ tags: ['Bolo', 'Feira', 'Festa'] });

    await acme.agent.delete(`/contacts/${id}/tags?tags=bolo,nobody%20knows`).expect(200);
    await acme.agent
      .delete(`/contacts/${id}/tags`)
      .send({ tag_ids: [festa.id] })
      .expect(200);
    const last = await acme.agent.delete(`/contacts/${id}/tags`).send(['Feira']).expect(200);
    expect(last.body).toMatchObject({ tags: [] });
    expect(await namesOf(acme.viewer)).toEqual(['Atacado', 'Bolo', 'Feira', 'Festa']);
  });

  it('are written with the contact too', async () => {
    const { acme } = await world();
    const { id, tags } = await contact(acme.agent, { tags: ['b', 'a'] });
    expect(tags).toEqual(['a', 'b']);
    expect((await contact(acme.agent, { tags: null })).tags).toEqual([]);

    const { body } = await acme.agent.put(`/contacts/${id}`, { name: 'Ana', tags: ['c'] }).expect(200);
    expect(body).toMatchObject({ name: 'Ana', tags: ['c'] });
    expect((await acme.agent.put(`/contacts/${id}`, { name: 'Bia' }).expect(200)).body).toMatchObject({ tags: ['c'] });
    expect((await acme.agent.put(`/contacts/${id}`, { tags: [] }).expect(200)).body).toMatchObject({ tags: [] });
    await acme.agent.put(`/contacts/${id}`, { tags: null }).expect(wrongField('tags'));
  });

  it('are refused by name where they are none, too many or nothing', async () => {
    const { acme } = await world();
    const { id } = await contact(acme.agent);
    const path = `/contacts/${id}/tags`;

    for (const body of [{}, { tags: 'a,b' }, { tags: ['x'.repeat(51)] }, [''], [5], ['a|b'], ['a;b'], Array(51).fill('a'), { tags: null }])
      await acme.agent.put(path, body).expect(wrongField('tags'));
    for (const body of [{}, []]) {
      await acme.agent.post(path, body).expect(wrongField('tags'));
      await acme.agent.delete(path).send(body).expect(wrongField('tags'));
    }
    await acme.agent.post(path, { tag_ids: ['Festa'] }).expect(wrongField('tag_ids'));
    await acme.agent.post(path, [newId()]).expect(404).expect(errorOf('not_found'));
    await acme.agent.post(`/contacts/${newId()}/tags`, ['a']).expect(404);
    expect(await namesOf(acme.viewer)).toEqual([]);

    const fifty = Array.from({ length: 50 }, (_, n) => `t${n}`);
    await acme.agent.post(path, fifty).expect(200);
    await acme.agent.post(path, ['t1', 'one more']).expect(wrongField('tags'));
    expect(await namesOf(acme.viewer, 'q=one')).toEqual([]);
    await acme.agent.post(path, ['T49']).expect(200);
  });

  it('are what each of fifty writers at once says, one tag of a name, fifty on the contact', async () => {
    const { acme } = await world();
    const { id } = await contact(acme.agent);

    const answers = await Promise.all(Array.from({ length: 50 }, (_, n) => acme.agent.post(`/contacts/${id}/tags`, ['Todos', `t${n}`])));
    // The last one finds no room.
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array<number>(49).fill(200), 422]);
    const { body } = await acme.viewer.get(`/contacts/${id}`).expect(200);
    expect((body as ContactView).tags).toHaveLength(50);
    expect((await list(acme.viewer, 'q=todos')).items).toMatchObject([{ name: 'Todos', contacts_count: 1 }]);
  });

  it('tell what came and what went, once, and leave their ids in the audit log', async () => {
    const w = await world();
    const { acme } = w;
    const [added, removed, updated] = [
      hear(w, acme, 'contact.tag_added'),
      hear(w, acme, 'contact.tag_removed'),
      hear(w, acme, 'contact.updated'),
    ];
    const socket = await socketOf(acme.viewer);
    const { id, tag_details } = await contact(acme.agent, { tags: ['a'] });
    const after = await put(acme.agent, id, ['b', 'c']);
    await put(acme.agent, id, ['C', 'B']);
    await acme.agent.post(`/contacts/${id}/tags`, ['b']).expect(200);
    await acme.agent.delete(`/contacts/${id}/tags`).send(['a']).expect(200);

    expect(added).toMatchObject([
      { contact: { id, tags: ['a'] }, tags: [{ name: 'a' }] },
      { contact: { id, tags: ['b', 'c'] }, tags: [{ name: 'b' }, { name: 'c' }] },
    ]);
    expect(removed).toMatchObject([{ contact: { id, tags: ['b', 'c'] }, tags: [{ name: 'a' }] }]);
    expect(updated).toHaveLength(1);
    expect(await socket.hear('contact:updated')).toMatchObject({ id, tags: ['b', 'c'] });
    expect(await acts(w, acme, id)).toMatchObject([
      { action: 'contact.created' },
      {
        action: 'contact.tags_changed',
        changes: { tag_ids: { from: [tag_details[0].id], to: after.tag_details.map((one) => one.id) } },
      },
    ]);
    expect(new Date(after.updated_at).getTime()).toBeGreaterThan(new Date(after.created_at).getTime());
  });

  it('narrow the list, to any or all of them, by names and ids, with everything else', async () => {
    const { acme } = await world();
    const ana = await contact(acme.agent, { name: 'Ana', tags: ['a', 'b'], is_vip: true });
    await contact(acme.agent, { name: 'Bia', tags: ['b'] });
    await contact(acme.agent, { name: 'Caio', tags: ['c'] });
    await contact(acme.agent, { name: 'Davi' });
    const id = ana.tag_details[0].id;

    expect(await found(acme.viewer, { tags: 'A,c' })).toEqual(['Ana', 'Caio']);
    expect(await found(acme.viewer, { tags: ` ${id} , c ,nobody` })).toEqual(['Ana', 'Caio']);
    expect(await found(acme.viewer, { tags: `${id},B`, tags_match: 'all' })).toEqual(['Ana']);
    expect(await found(acme.viewer, { tags: 'b,c', tags_match: 'all' })).toEqual([]);
    expect(await found(acme.viewer, { tags: 'b,nobody', tags_match: 'all' })).toEqual([]);
    expect(await found(acme.viewer, { tags: 'nobody' })).toEqual([]);
    expect(await found(acme.viewer, { tags: '' })).toEqual(['Ana', 'Bia', 'Caio', 'Davi']);
    expect(await found(acme.viewer, { tags: 'b', search: 'ana' })).toEqual(['Ana']);
    expect(await found(acme.viewer, { tags: 'b', is_vip: 'false' })).toEqual(['Bia']);
    const { body } = await acme.viewer.get('/contacts/search?q=i&tags=b,c&sort=name:asc').expect(200);
    expect((body as ContactPage).items.map(({ name }) => name)).toEqual([]);
    const page = (await acme.viewer.get('/contacts?tags=b&sort=name:asc&limit=1').expect(200)).body as ContactPage;
    expect(page).toMatchObject({ total: 2, items: [{ name: 'Ana', tags: ['a', 'b'] }] });
    expect(await found(acme.viewer, { tags: 'b', limit: '1', cursor: page.next_cursor ?? '' })).toEqual(['Bia']);
    await acme.viewer.get('/contacts?tags=a&tags_match=some').expect(wrongField('query', 'tags_match'));
    await acme.viewer.get(`/contacts?tags=${Array(51).fill('a').join()}`).expect(wrongField('query', 'tags'));
  });

  it('are shown with the conversation', async () => {
    const { acme } = await world();
    const { id } = await contact(acme.agent, { tags: ['b', 'a'] });
    const { body } = await acme.agent.post('/conversations', { contact_id: id }).expect(201);
    expect(body).toMatchObject({ contact: { id, tags: ['a', 'b'] } });
  });

  it('become one contact’s with a merge, and go with who is erased or made nobody', async () => {
    const { acme, sql } = await world();
    const old = await contact(acme.agent, { tags: ['a', 'b'] });
    const young = await contact(acme.agent, { tags: ['b', 'c'] });
    const { body } = await acme.agent.post(`/contacts/${old.id}/merge`, { other_contact_id: young.id }).expect(200);
    expect(body).toMatchObject({ id: old.id, tags: ['a', 'b', 'c'] });
    expect((await list(acme.viewer)).items.map(({ contacts_count }) => contacts_count)).toEqual([1, 1, 1]);

    const crowded = await contact(acme.agent, { tags: Array.from({ length: 49 }, (_, n) => `t${n}`) });
    const other = await contact(acme.agent, { tags: ['a', 'b'] });
    await acme.agent.post(`/contacts/${crowded.id}/merge`, { other_contact_id: other.id }).expect(200);
    expect(((await acme.viewer.get(`/contacts/${crowded.id}`)).body as ContactView).tags).toHaveLength(50);

    await acme.admin.post(`/privacy/data/${old.id}/anonymize`, {}).expect((answer) => expect([200, 202]).toContain(answer.status));
    expect(await sql('SELECT FROM contact_tags WHERE contact_id = $1', [old.id])).toEqual([]);
  });
});

it('is in GraphQL what it is in REST', async () => {
  const { acme } = await world();
  const { id } = await contact(acme.agent, { name: 'Ana' });
  const ask = async (query: string, variables: object = {}): Promise<Record<string, unknown>> => {
    const { body } = await acme.agent.graphql(query, variables).expect(200);
    expect(body).not.toHaveProperty('errors');
    return (body as { data: Record<string, unknown> }).data;
  };

  const { createTag } = await ask('mutation { createTag(input: { name: "Festa" }) { id color contacts_count } }');
  const { id: tag_id } = createTag as { id: string };
  const set = 'mutation ($id: ID!, $tags: [String!]!) { setContactTags(id: $id, tags: $tags) { tags tag_details { id name } } }';
  expect(await ask(set, { id, tags: ['festa', 'Feira'] })).toMatchObject({ setContactTags: { tags: ['Feira', 'Festa'] } });
  await ask(`mutation { addContactTags(id: "${id}", tags: ["Bolo"]) { id } removeContactTags(id: "${id}", tags: ["Feira"]) { id } }`);
  expect(await ask(`{ tag(id: "${tag_id}") { name contacts_count } tags(search: "o") { name } }`)).toEqual({
    tag: { name: 'Festa', contacts_count: 1 },
    tags: [{ name: 'Bolo' }],
  });
  const filtered = 'query ($tags: [String!]) { contacts(tags: $tags, tags_match: "all") { name tags } contacts_count(tags: $tags) }';
  expect(await ask(filtered, { tags: ['bolo', tag_id] })).toEqual({
    contacts: [{ name: 'Ana', tags: ['Bolo', 'Festa'] }],
    contacts_count: 1,
  });
  expect(await ask(`mutation { updateTag(id: "${tag_id}", input: { name: "Bodas" }) { name } }`)).toEqual({ updateTag: { name: 'Bodas' } });
  expect(await ask(`mutation { deleteTag(id: "${tag_id}") { success } }`)).toEqual({ deleteTag: { success: true } });
  const { body } = await acme.agent.graphql(`{ tag(id: "${tag_id}") { name } }`).expect(200);
  expect(body).toMatchObject({ errors: [{ extensions: { code: 'NOT_FOUND' } }] });
});

import { EventBus } from '#common/events';
import { newId } from '#common/uuid';
import type { AgentSkillPage } from '#modules/agent-skills/agent-skill.dto';
import type { AgentSkill } from '#modules/agent-skills/agent-skill.entity';
import { selectsOf } from './support/statements';
import { type Person, type World, errorOf, world, wrongField } from './support/world';

const add = async (by: Person, user_id: string, skill_name: string, proficiency_level?: number): Promise<AgentSkill> =>
  (await by.post('/agent-skills', { user_id, skill_name, proficiency_level }).expect(201)).body as AgentSkill;

const list = async (by: Person, path: string): Promise<AgentSkillPage> => (await by.get(path).expect(200)).body as AgentSkillPage;

const namesOf = async (by: Person, user_id: string): Promise<string[]> =>
  (await list(by, `/users/${user_id}/skills?sort=skill_name:asc`)).items.map(({ skill_name }) => skill_name);

const available = async (by: Person, query = ''): Promise<{ items: string[]; total: number; next_cursor: string | null }> =>
  (await by.get(`/agent-skills/available${query}`).expect(200)).body as { items: string[]; total: number; next_cursor: string | null };

/** What the bus says of skills from now on. */
function listen({ app }: World, organization_id: string): [name: string, payload: object][] {
  const heard: [string, object][] = [];
  for (const name of ['agent_skill.added', 'agent_skill.updated', 'agent_skill.removed', 'agent_skill.replaced'] as const)
    app.get(EventBus).on(name, (payload) => {
      if (payload.organization_id === organization_id) heard.push([name, payload]);
    });
  return heard;
}

describe('the five firsts', () => {
  it('is closed without a token', async () => {
    const { acme, guest } = await world();
    const { id } = await add(acme.admin, acme.agent.user.id, 'Inglês');

    await guest.get('/agent-skills').expect(401);
    await guest.get(`/users/${acme.agent.user.id}/skills`).expect(401);
    await guest.put(`/agent-skills/${id}`, { proficiency_level: 5 }).expect(401);
  });

  it('lets viewers and agents read and write nothing', async () => {
    const { acme } = await world();
    const { id, user_id } = await add(acme.admin, acme.agent.user.id, 'Inglês');

    for (const person of [acme.viewer, acme.agent]) {
      await person.get(`/agent-skills/${id}`).expect(200);
      await person.get('/users/skills/available').expect(200);
      for (const call of [
        person.post('/agent-skills', { user_id, skill_name: 'Francês' }),
        person.put(`/agent-skills/${id}`, { proficiency_level: 5 }),
        person.delete(`/agent-skills/${id}`),
        person.put(`/users/${user_id}/skills`, []),
        person.delete(`/users/${user_id}/skills/${id}`),
      ])
        await call.expect(403).expect(errorOf('insufficient_role'));
    }
  });

  it('does not know what another organization has', async () => {
    const { acme, globex } = await world();
    const { id, user_id } = await add(acme.admin, acme.agent.user.id, 'Inglês');

    for (const call of [
      globex.admin.get(`/agent-skills/${id}`),
      globex.admin.put(`/agent-skills/${id}`, { proficiency_level: 5 }),
      globex.admin.delete(`/agent-skills/${id}`),
      globex.admin.get(`/users/${user_id}/skills`),
      globex.admin.post('/agent-skills', { user_id, skill_name: 'Francês' }),
      globex.admin.post(`/users/${user_id}/skills`, { skill_name: 'Francês' }),
      globex.admin.put(`/users/${user_id}/skills`, []),
      globex.admin.put(`/users/${globex.agent.user.id}/skills/${id}`, { proficiency_level: 5 }),
      globex.admin.delete(`/users/${globex.agent.user.id}/skills/${id}`),
    ])
      await call.expect(404).expect(errorOf('not_found'));
    expect((await list(globex.admin, '/agent-skills')).total).toBe(0);
    expect((await available(globex.admin)).items).toEqual([]);
    expect(await namesOf(acme.admin, user_id)).toEqual(['Inglês']);
  });

  it('names the field that is wrong', async () => {
    const { acme } = await world();
    const { id, user_id } = await add(acme.admin, acme.agent.user.id, 'Inglês');

    for (const [field, value] of [
      ['skill_name', ''],
      ['skill_name', 'x'.repeat(101)],
      ['skill_name', null],
      ['proficiency_level', 0],
      ['proficiency_level', 6],
      ['proficiency_level', 2.5],
      ['proficiency_level', null],
    ] as const) {
      await acme.admin.post('/agent-skills', { user_id, skill_name: 'Francês', [field]: value }).expect(wrongField(field));
      await acme.admin.put(`/agent-skills/${id}`, { [field]: value }).expect(wrongField(field));
      await acme.admin
        .put(`/users/${user_id}/skills`, [{ skill_name: 'Libras' }, { skill_name: 'Francês', [field]: value }])
        .expect(wrongField('body', 'skills', 1, field));
    }
    await acme.admin.post('/agent-skills', { skill_name: 'Francês' }).expect(wrongField('user_id'));
    await acme.admin.get('/agent-skills?min_proficiency=9').expect(wrongField('query', 'min_proficiency'));
    await acme.admin.put(`/users/${user_id}/skills`, {}).expect(wrongField('skills'));
    await acme.admin.put(`/users/${user_id}/skills`, { skills: [5] }).expect(422);
    expect(await namesOf(acme.admin, user_id)).toEqual(['Inglês']);
  });

  it('lists in pages, sorted and filtered', async () => {
    const { acme } = await world();
    const [ana, bia] = [(await acme.hire('agent')).user.id, (await acme.hire('agent')).user.id];
    await add(acme.admin, ana, 'Inglês', 4);
    await add(acme.admin, ana, 'Vendas', 2);
    await add(acme.admin, bia, 'INGLÊS', 1);

    const levels = async (query: string): Promise<number[]> =>
      (await list(acme.viewer, `/agent-skills?${query}`)).items.map(({ proficiency_level }) => proficiency_level);
    expect(await levels('')).toEqual([1, 2, 4]);
    expect(await levels('sort=proficiency_level:desc&limit=2')).toEqual([4, 2]);
    expect(await levels(`user_id=${ana}&sort=created_at:asc`)).toEqual([4, 2]);
    expect(await levels('skill_name=inglês')).toEqual([1, 4]);
    expect(await levels('skill_name=ingl')).toEqual([]);
    expect(await levels('min_proficiency=2')).toEqual([2, 4]);
    expect(await levels('search=ingles')).toEqual([1, 4]);
    expect((await list(acme.viewer, `/users/${ana}/skills?limit=1&page=2`)).items).toHaveLength(1);
    await acme.viewer.get('/agent-skills?sort=skill_key').expect(wrongField('query', 'sort'));
  });
});

describe('a skill', () => {
  it('is trimmed, has a level, and is told to routing', async () => {
    const w = await world();
    const { acme } = w;
    const heard = listen(w, acme.id);
    const user_id = acme.agent.user.id;

    const skill = await add(acme.admin, user_id, '  Inglês ');
    expect(skill).toEqual({
      id: skill.id,
      organization_id: acme.id,
      user_id,
      skill_name: 'Inglês',
      proficiency_level: 3,
      created_at: expect.any(String) as string,
      updated_at: expect.any(String) as string,
    });
    const { body: changed } = await acme.admin
      .put(`/agent-skills/${skill.id}`, { skill_name: 'Inglês técnico', proficiency_level: 5 })
      .expect(200);
    await acme.admin.put(`/users/${user_id}/skills/${skill.id}`, { proficiency_level: 5 }).expect(200);
    await acme.admin.delete(`/agent-skills/${skill.id}`).expect(204);

    await acme.admin.get(`/agent-skills/${skill.id}`).expect(404);
    expect(await w.sql('SELECT FROM agent_skills WHERE id = $1', [skill.id])).toEqual([]);
    expect(heard.map(([name, payload]) => [name, (payload as { agent_skill: AgentSkill }).agent_skill.skill_name])).toEqual([
      ['agent_skill.added', 'Inglês'],
      ['agent_skill.updated', 'Inglês técnico'],
      ['agent_skill.removed', 'Inglês técnico'],
    ]);
    expect(changed).toMatchObject({ skill_name: 'Inglês técnico', proficiency_level: 5 });
  });

  it('is one of an agent whatever its case', async () => {
    const { acme } = await world();
    const { admin, agent } = acme;
    await add(admin, agent.user.id, 'Árabe');
    const other = await add(admin, agent.user.id, 'Francês');

    await admin.post('/agent-skills', { user_id: agent.user.id, skill_name: 'ÁRABE' }).expect(409).expect(errorOf('already_exists'));
    await admin.put(`/agent-skills/${other.id}`, { skill_name: 'árabe' }).expect(409).expect(errorOf('already_exists'));
    await admin.put(`/agent-skills/${other.id}`, { skill_name: 'FRANCÊS' }).expect(200);
    await add(admin, admin.user.id, 'árabe');
  });

  it('is given once, whoever gives it at the same time', async () => {
    const { acme } = await world();
    const user_id = acme.agent.user.id;

    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, n) =>
        n % 2
          ? acme.admin.post('/agent-skills', { user_id, skill_name: 'Inglês' })
          : acme.admin.post(`/users/${user_id}/skills`, { skill_name: 'INGLÊS' }),
      ),
    );

    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array.from({ length: 49 }, () => 409)]);
    expect((await list(acme.viewer, `/users/${user_id}/skills`)).total).toBe(1);
  });

  it('is one of fifty at most, whoever gives them at the same time', async () => {
    const { acme } = await world();
    const user_id = acme.agent.user.id;
    const skills = Array.from({ length: 49 }, (_, n) => ({ skill_name: `Língua ${n}` }));
    await acme.admin.put(`/users/${user_id}/skills`, { skills }).expect(200);

    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => acme.admin.post(`/users/${user_id}/skills`, { skill_name: `Ofício ${n}` })),
    );

    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array.from({ length: 19 }, () => 422)]);
    expect((await list(acme.viewer, `/users/${user_id}/skills`)).total).toBe(50);
  });

  it('belongs to somebody who answers customers', async () => {
    const { acme } = await world();
    const { admin, agent, viewer } = acme;
    await admin.post('/agent-skills', { user_id: viewer.user.id, skill_name: 'Inglês' }).expect(422).expect(errorOf('user_not_agent'));
    await admin.put(`/users/${viewer.user.id}/skills`, []).expect(422).expect(errorOf('user_not_agent'));
    await admin.post('/agent-skills', { user_id: newId(), skill_name: 'Inglês' }).expect(404);
    const { id } = await add(admin, agent.user.id, 'Inglês');

    await admin.put(`/users/${agent.user.id}`, { role: 'viewer' }).expect(200);

    await admin.get(`/agent-skills/${id}`).expect(404);
    expect(await namesOf(admin, agent.user.id)).toEqual([]);
    expect((await available(admin)).items).toEqual([]);
  });

  it('is found under its own user alone', async () => {
    const { acme } = await world();
    const { id } = await add(acme.admin, acme.agent.user.id, 'Inglês');
    const other = acme.admin.user.id;

    await acme.admin.put(`/users/${other}/skills/${id}`, { proficiency_level: 5 }).expect(404);
    await acme.admin.delete(`/users/${other}/skills/${id}`).expect(404);
    await acme.admin.delete(`/users/${acme.agent.user.id}/skills/${id}`).expect(204);
  });
});

describe('replacing', () => {
  it('takes the list, bare or not; a skill that stays keeps its id', async () => {
    const w = await world();
    const { acme } = w;
    const user_id = acme.agent.user.id;
    const { id } = await add(acme.admin, user_id, 'Inglês', 2);
    await add(acme.admin, user_id, 'Francês');
    const heard = listen(w, acme.id);

    const { body } = await acme.admin
      .put(`/users/${user_id}/skills`, [{ skill_name: 'Vendas' }, { skill_name: 'INGLÊS', proficiency_level: 5 }])
      .expect(200);
    expect(body).toMatchObject({
      total: 2,
      next_cursor: null,
      items: [
        { id, skill_name: 'INGLÊS', proficiency_level: 5 },
        { skill_name: 'Vendas', proficiency_level: 3 },
      ],
    });
    await acme.admin.put(`/users/${user_id}/skills`, { skills: [] }).expect(200);

    expect(await namesOf(acme.viewer, user_id)).toEqual([]);
    expect(heard.map(([name]) => name)).toEqual(['agent_skill.replaced', 'agent_skill.replaced']);
  });

  it('refuses a skill that is named twice, and more than fifty', async () => {
    const { acme } = await world();
    const user_id = acme.agent.user.id;
    await add(acme.admin, user_id, 'Inglês');
    const many = Array.from({ length: 51 }, (_, n) => ({ skill_name: `Língua ${n}` }));

    await acme.admin
      .put(`/users/${user_id}/skills`, [{ skill_name: 'Árabe' }, { skill_name: ' árabe' }])
      .expect(422)
      .expect(wrongField('skills'));
    await acme.admin.put(`/users/${user_id}/skills`, many).expect(wrongField('skills'));

    expect(await namesOf(acme.viewer, user_id)).toEqual(['Inglês']);
  });

  it('by fifty at once leaves what one of them said', async () => {
    const { acme } = await world();
    const user_id = acme.agent.user.id;
    const sets = Array.from({ length: 50 }, (_, n) => [`Língua ${n % 7}`, `Ofício ${n % 5}`]);

    const answers = await Promise.all(
      sets.map((names) =>
        acme.admin.put(
          `/users/${user_id}/skills`,
          names.map((skill_name) => ({ skill_name })),
        ),
      ),
    );

    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    expect(sets).toContainEqual(await namesOf(acme.viewer, user_id));
  });
});

describe('names', () => {
  it('are each there once, A to Z, in pages', async () => {
    const { acme } = await world();
    const [ana, bia] = [(await acme.hire('agent')).user.id, (await acme.hire('agent')).user.id];
    for (const name of ['Vendas', 'Árabe', 'inglês']) await add(acme.admin, ana, name);
    for (const name of ['ÁRABE', 'Boletos', '100% digital']) await add(acme.admin, bia, name);

    const all = ['100% digital', 'Árabe', 'Boletos', 'inglês', 'Vendas'];
    expect(await available(acme.viewer)).toMatchObject({ items: all, total: 5, next_cursor: null });
    expect((await acme.viewer.get('/users/skills/available').expect(200)).body).toMatchObject({ items: all });
    expect((await available(acme.viewer, '?sort=skill_name:desc&limit=2')).items).toEqual(['Vendas', 'inglês']);
    expect((await available(acme.viewer, '?limit=2&page=2')).items).toEqual(['Boletos', 'inglês']);
    const first = await available(acme.viewer, '?limit=3');
    expect(first).toMatchObject({ items: all.slice(0, 3), total: 5 });
    expect((await available(acme.viewer, `?limit=3&cursor=${first.next_cursor}`)).items).toEqual(all.slice(3));
    expect((await available(acme.viewer, '?search=ARAB')).items).toEqual(['Árabe']);
    expect((await available(acme.viewer, '?search=%25')).items).toEqual(['100% digital']);
    await acme.viewer.get('/agent-skills/available?sort=user_id').expect(wrongField('query', 'sort'));
  });
});

describe('GraphQL', () => {
  it('reads and replaces the same, and shows users with what they can do at the cost of one query', async () => {
    const { acme } = await world();
    const { admin, agent } = acme;
    const replace = `mutation ($id: ID!, $skills: [AgentSkillInput!]!) { replaceUserSkills(user_id: $id, skills: $skills) { skill_name proficiency_level } }`;
    for (const { user } of [agent, admin]) {
      const skills = [{ skill_name: 'Vendas', proficiency_level: 4 }, { skill_name: 'Árabe' }];
      const { body } = await admin.graphql(replace, { id: user.id, skills }).expect(200);
      expect(body).toEqual({
        data: {
          replaceUserSkills: [
            { skill_name: 'Árabe', proficiency_level: 3 },
            { skill_name: 'Vendas', proficiency_level: 4 },
          ],
        },
      });
    }

    const { body } = await acme.viewer
      .graphql('query ($id: ID) { agent_skills(user_id: $id, sort: "skill_name:asc") { user_id skill_name } }', { id: agent.user.id })
      .expect(200);
    expect(body).toEqual({
      data: {
        agent_skills: [
          { user_id: agent.user.id, skill_name: 'Vendas' },
          { user_id: agent.user.id, skill_name: 'Árabe' },
        ],
      },
    });
    let users: unknown;
    const asked = await selectsOf(/\bagent_skills\b/, async () => {
      users = (await acme.viewer.graphql('{ users { id skills { skill_name } } }').expect(200)).body;
    });
    expect(users).toMatchObject({
      data: {
        users: expect.arrayContaining([{ id: agent.user.id, skills: [{ skill_name: 'Árabe' }, { skill_name: 'Vendas' }] }]) as unknown,
      },
    });
    expect(asked).toHaveLength(1);
  });
});

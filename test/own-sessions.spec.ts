import request from 'supertest';
import { rawOf, socketOf, until } from './support/sockets';
import { PASSWORD, Person, type World, errorOf, world, wrongField } from './support/world';

interface Shown {
  id: string;
  device: string | null;
  user_agent: string | null;
  ip_address: string | null;
  created_at: string;
  last_used_at: string | null;
  expires_at: string;
  is_current: boolean;
}

const CHROME = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36';

/** Logs in with a browser. */
async function login(w: World, { user }: Person, user_agent = CHROME): Promise<Person> {
  const { body } = await request(w.base_url)
    .post('/api/v1/auth/login')
    .set('User-Agent', user_agent)
    .send({ email: user.email, password: PASSWORD })
    .expect(200);
  const { access_token } = body as { access_token: string };
  const { sid } = JSON.parse(Buffer.from(access_token.split('.')[1], 'base64url').toString()) as { sid: string };
  return new Person(w.base_url, access_token, { ...user, session_id: sid });
}

const sessionsOf = async (person: Person): Promise<Shown[]> =>
  ((await person.get('/auth/sessions').expect(200)).body as { items: Shown[] }).items;

describe('the own sessions', () => {
  it('are listed with device, address and times; the one that asks comes first', async () => {
    const w = await world();
    const there = await login(w, w.acme.viewer, 'curl/8.5.0');
    const here = await login(w, w.acme.viewer);
    await login(w, w.acme.agent);

    const { body } = await here.get('/auth/sessions').expect(200);

    expect(body).toEqual({
      total: 2,
      page: 1,
      page_size: 50,
      total_pages: 1,
      next_cursor: null,
      items: [
        {
          id: here.user.session_id,
          device: 'Chrome on Windows',
          user_agent: CHROME,
          ip_address: '127.0.0.1',
          created_at: expect.any(String),
          last_used_at: null,
          expires_at: expect.any(String),
          is_current: true,
        },
        expect.objectContaining({ id: there.user.session_id, device: 'curl', is_current: false }),
      ],
    });
    await until(async () => (await sessionsOf(here))[0].last_used_at, 'the note of the use');
    const { body: graphql } = await here.graphql('{ sessions { total items { id device is_current } } }');
    expect(graphql).toMatchObject({ data: { sessions: { total: 2, items: [{ id: here.user.session_id, is_current: true }, {}] } } });
    const second = await here.get('/auth/sessions?limit=1&page=2').expect(200).expect('X-Total-Count', '2');
    expect(second.body).toMatchObject({ page: 2, total_pages: 2, items: [{ id: there.user.session_id }] });
    const used = await here.get('/auth/sessions?sort=last_used_at:asc').expect(200);
    expect(used.body).toMatchObject({ items: [{ id: there.user.session_id }, { id: here.user.session_id }] });
    await here.get('/auth/sessions?sort=token').expect(wrongField('query', 'sort'));
    await w.guest.get('/auth/sessions').expect(401);
  });

  it('are the live ones only', async () => {
    const w = await world();
    const here = await login(w, w.acme.agent);
    const [left, old, idle] = [await login(w, w.acme.agent), await login(w, w.acme.agent), await login(w, w.acme.agent)];
    expect(await sessionsOf(here)).toHaveLength(4);

    await left.post('/auth/logout').expect(200);
    await w.sql('UPDATE sessions SET expires_at = now() WHERE id = $1', [old.user.session_id]);
    await w.sql('UPDATE refresh_tokens SET expires_at = now() WHERE session_id = $1', [idle.user.session_id]);

    expect((await sessionsOf(here)).map(({ id }) => id)).toEqual([here.user.session_id]);
  });

  it('are ended one by one: tokens and sockets of that one', async () => {
    const w = await world();
    const [here, there] = [await login(w, w.acme.agent), await login(w, w.acme.agent)];
    const [lost, raw, kept] = [await socketOf(there), await rawOf(there), await socketOf(here)];

    await here.delete(`/auth/sessions/${there.user.session_id}`).expect(204);

    await there.get('/contacts').expect(401).expect(errorOf('token_revoked'));
    await until(() => lost.disconnects.length && raw.closed, 'the end of the sockets');
    await here.get('/contacts').expect(200);
    expect(kept.disconnects).toEqual([]);
    expect((await sessionsOf(here)).map(({ id }) => id)).toEqual([here.user.session_id]);
    await here.delete(`/auth/sessions/${there.user.session_id}`).expect(404).expect(errorOf('not_found'));
    const [entry] = await w.sql(
      "SELECT resource_id, user_id FROM audit_logs WHERE action = 'auth.session_ended' AND organization_id = $1",
      [w.acme.id],
    );
    expect(entry).toEqual({ resource_id: there.user.session_id, user_id: w.acme.agent.user.id });
  });

  it('are nobody else’s to end, of the same organization or another', async () => {
    const w = await world();
    const [theirs, foreign] = [await login(w, w.acme.agent), await login(w, w.globex.admin)];

    for (const { user } of [theirs, foreign]) await w.acme.admin.delete(`/auth/sessions/${user.session_id}`).expect(404);

    for (const person of [theirs, foreign]) await person.get('/contacts').expect(200);
    await w.acme.admin.delete('/auth/sessions/nothing').expect(422);
  });

  it('may end with the own one', async () => {
    const w = await world();
    const here = await login(w, w.acme.viewer);

    await here.delete(`/auth/sessions/${here.user.session_id}`).expect(204);

    await here.get('/auth/me').expect(401).expect(errorOf('token_revoked'));
  });

  it('end once, of many who ask at the same time', async () => {
    const w = await world();
    const [here, there] = [await login(w, w.acme.agent), await login(w, w.acme.agent)];

    const answers = await Promise.all(Array.from({ length: 10 }, () => here.delete(`/auth/sessions/${there.user.session_id}`)));

    expect(answers.map(({ status }) => status).sort()).toEqual([204, ...Array<number>(9).fill(404)]);
  });

  it('of a super admin are their own, wherever they act', async () => {
    const w = await world();
    const root = await login(w, await w.superAdmin());
    const { body } = await root.get('/auth/sessions').set('X-Organization-Id', w.acme.id).expect(200);
    expect(body).toMatchObject({ total: 1, items: [{ id: root.user.session_id }] });
  });

  it('of a super admin end where they are at home, as their second factor and their password change there', async () => {
    const w = await world();
    const root = await login(w, await w.superAdmin());
    const there = await login(w, root);
    const inAcme = { 'X-Organization-Id': w.acme.id };

    await root.delete(`/auth/sessions/${there.user.session_id}`).set(inAcme).expect(204);
    await root.post('/auth/2fa/setup', { password: PASSWORD }).set(inAcme).expect(200);
    await root
      .post(`/users/${root.user.id}/change-password`, { current_password: PASSWORD, new_password: 'another-horse-2' })
      .set(inAcme)
      .expect(200);

    const entries = await w.sql<{ action: string; organization_id: string }>(
      "SELECT action, organization_id FROM audit_logs WHERE user_id = $1 AND action <> 'auth.login' ORDER BY id",
      [root.user.id],
    );
    expect(entries).toEqual(
      ['auth.session_ended', 'auth.two_factor_set_up', 'user.password_changed'].map((action) => ({
        action,
        organization_id: root.user.organization_id,
      })),
    );
  });
});

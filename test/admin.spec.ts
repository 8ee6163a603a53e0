import { LoginLocks } from '#modules/users/login-locks';
import { passwordOf, runCommand } from './support/commands';
import { rawOf, socketOf, until } from './support/sockets';
import { challenge, enrol } from './support/two-factor';
import { PASSWORD, errorOf, world } from './support/world';

jest.setTimeout(240_000);

/** The full profile, beside the running app. The embedded one: backup.spec.ts. */
describe('npm run admin', () => {
  it('gives a new password, ends every session and lifts the lock', async () => {
    const { acme, guest, app, env, sql } = await world();
    const { email, id } = acme.agent.user;
    for (let i = 0; i < 5; i++) await guest.post('/auth/login', { email, password: 'wrong-1234' }).expect(401);
    expect(await app.get(LoginLocks).lockedUntilOf([email])).toHaveProperty('size', 1);

    const said = await runCommand('admin', ['reset-password', ` ${email.toUpperCase()} `], env);

    expect(said).toEqual({ code: 0, out: expect.stringContaining(`${email} (agent of Acme)`) as string });
    await guest.post('/auth/login', { email, password: PASSWORD }).expect(401);
    await guest.post('/auth/login', { email, password: passwordOf(said.out) }).expect(200);
    const live = await sql('SELECT 1 FROM sessions WHERE user_id = $1 AND revoked_at IS NULL', [id]);
    expect(live).toHaveLength(1);
    await acme.agent.get('/users/me').expect(401).expect(errorOf('token_revoked'));
    const [entry] = await sql("SELECT actor_type, metadata, resource_id FROM audit_logs WHERE action = 'user.password_reset'");
    expect(entry).toEqual({ actor_type: 'system', metadata: { by: 'operator' }, resource_id: id });
  });

  it('closes the sockets of the running PyTake, without Redis too (R37)', async () => {
    const { acme, env } = await world();
    const agent = await acme.hire('agent');
    const [socket, raw, other] = await Promise.all([socketOf(agent), rawOf(agent), socketOf(acme.viewer)]);

    await runCommand('admin', ['reset-password', agent.user.email], env);

    expect(await socket.hear('error')).toMatchObject({ error_code: 'token_revoked' });
    await until(() => socket.disconnects.length, 'the end of the socket');
    expect(await raw.end()).toEqual({ code: 1008, reason: 'token_revoked' });
    await agent.get('/users/me').expect(401).expect(errorOf('token_revoked'));
    expect(other.disconnects).toEqual([]);
  });

  it('takes a lost second factor off, and ends every session', async () => {
    const w = await world();
    const { agent } = w.acme;
    await enrol(agent);
    await challenge(w, agent.user.email);

    const said = await runCommand('admin', ['reset-two-factor', agent.user.email], w.env);

    expect(said).toEqual({ code: 0, out: expect.stringContaining('with the password alone') as string });
    await agent.get('/users/me').expect(401).expect(errorOf('token_revoked'));
    await w.guest.post('/auth/login', { email: agent.user.email, password: PASSWORD }).expect(200);
    const [entry] = await w.sql("SELECT actor_type, metadata FROM audit_logs WHERE action = 'user.two_factor_reset' AND resource_id = $1", [
      agent.user.id,
    ]);
    expect(entry).toEqual({ actor_type: 'system', metadata: { by: 'operator' } });
    expect((await runCommand('admin', ['reset-two-factor', agent.user.email], w.env)).out).toContain('has no second factor');
  });

  it('makes a super admin, and the administrator of a new organization', async () => {
    const { guest, env, sql } = await world();

    const boss = await runCommand('admin', ['create', 'Boss@Operations.example'], env);
    const owner = await runCommand('admin', ['create', 'rosa@flores.example', '--organization', 'Flores Rosa', '--name', 'Rosa Lima'], env);

    const { body: first } = await guest
      .post('/auth/login', { email: 'boss@operations.example', password: passwordOf(boss.out) })
      .expect(200);
    const { body: second } = await guest.post('/auth/login', { email: 'rosa@flores.example', password: passwordOf(owner.out) }).expect(200);
    expect(first).toMatchObject({ user: { role: 'super_admin', organization: { slug: 'pytake-system' } } });
    expect(second).toMatchObject({ user: { role: 'org_admin', full_name: 'Rosa Lima', organization: { name: 'Flores Rosa' } } });
    const entries = await sql(
      `SELECT u.full_name, a.resource_name FROM audit_logs a JOIN users u ON u.id::text = a.resource_id
        WHERE a.action = 'user.created' AND a.metadata->>'by' = 'operator' ORDER BY a.id`,
    );
    expect(entries).toEqual([
      { full_name: 'Boss', resource_name: null },
      { full_name: 'Rosa Lima', resource_name: null },
    ]);
    const { out } = await runCommand('admin', ['list'], env);
    expect(out).toMatch(/^E-MAIL +ROLE +ORGANIZATION +LAST LOGIN\n/);
    expect(out).toMatch(/^boss@operations\.example +super_admin +PyTake/m);
    expect(out).toMatch(/^rosa@flores\.example +org_admin +Flores Rosa/m);
    expect(out).not.toContain('viewer');
  });

  it('prints names on one line each, whatever a stranger called themselves', async () => {
    const { guest, env, sql } = await world();
    const evil = 'Evil\u001b[31m\u202e\nroot@bank.example  super_admin';
    const register = { email: 'eve@evil.example', password: PASSWORD, full_name: 'Eve\u0007\u2028Evil', organization_name: evil };

    const { body } = await guest.post('/auth/register', register).expect(201);
    const kept = await runCommand('admin', ['list'], env);
    // A row of before, or of another hand.
    await sql('UPDATE organizations SET name = $1 WHERE name LIKE $2', [evil, 'Evil%']);
    const old = await runCommand('admin', ['list'], env);

    expect(body).toMatchObject({ user: { full_name: 'Eve Evil', organization: { name: 'Evil[31m root@bank.example  super_admin' } } });
    for (const { out } of [kept, old]) {
      expect(out).toMatch(/^eve@evil\.example +org_admin +Evil\[31m root@bank/m);
      expect(out).not.toMatch(/[^\P{C}\n]|^root@bank/mu);
    }
  });

  it('refuses in one line', async () => {
    const { acme, env } = await world();
    const refused = async (...args: string[]): Promise<string> => {
      const { code, out } = await runCommand('admin', args, env);
      expect({ args, code, lines: out.trim().split('\n').length }).toEqual({ args, code: 1, lines: 1 });
      return out;
    };

    expect(await refused('reset-password', 'ana')).toContain('not an e-mail address');
    expect(await refused('reset-password', 'nobody@acme.example')).toContain('Nobody has an account');
    expect(await refused('create', acme.admin.user.email)).toContain('has an account already');
    expect(await refused('create', 'new@acme.example', '--role', 'org_admin')).toContain("Unknown option '--role'");
    expect((await runCommand('admin', ['remove', 'new@acme.example'], env)).code).toBe(1);
  });
});

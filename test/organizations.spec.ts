import { Actor } from '#common/actor';
import { OrganizationsService } from '#modules/organizations/organizations.service';
import { Conversation } from '#modules/conversations/conversation.entity';
import { rowOf } from './support/rows';
import { socketOf } from './support/sockets';
import { errorOf, PASSWORD, type Person, world, wrongField } from './support/world';

describe('my organization', () => {
  it('shows plan, limits, what is in use, and settings with their defaults', async () => {
    const { acme, guest } = await world();

    const { body } = await acme.viewer.get('/organizations/me').expect(200);

    expect(body).toMatchObject({
      id: acme.id,
      name: 'Acme',
      status: 'active',
      is_active: true,
      plan_type: 'professional',
      plan: 'professional',
      plan_limits: {
        max_users: 20,
        max_whatsapp_numbers: 5,
        max_contacts: 50_000,
        max_messages_per_month: 50_000,
        max_departments: 25,
        features: [],
      },
      plan_usage: {
        users: 3,
        whatsapp_numbers: 0,
        contacts: 0,
        messages_per_month: 0,
        chatbots: 0,
        campaigns: 0,
        departments: 0,
        media_bytes: 0,
      },
      settings: { timezone: 'America/Sao_Paulo', language: 'pt-BR', currency: 'BRL', business_hours: {} },
    });
    expect(body).not.toHaveProperty('deleted_at');
    expect(body).not.toHaveProperty('plan_limit_overrides');
    await guest.get('/organizations/me').expect(401);
  });

  it('lives by its plan after the trial, by the trial before, by its own limits above all', async () => {
    const { organization, sql } = await world();
    const max = async (values: string): Promise<number> => {
      const small = await organization('Small', { plan_type: 'free' });
      await sql(`UPDATE organizations SET ${values} WHERE id = $1`, [small.id]);
      return (await small.admin.get('/organizations/me').expect(200)).body.plan_limits.max_users as number;
    };

    expect(await max('is_trial = false')).toBe(2);
    expect(await max(`is_trial = true, trial_ends_at = now() + interval '1 day'`)).toBe(20);
    expect(await max(`is_trial = true, trial_ends_at = now() - interval '1 day'`)).toBe(2);
    expect(await max(`plan_limit_overrides = '{"max_users": 7}'`)).toBe(7);
    expect(await max(`plan_type = 'enterprise'`)).toBe(-1);
  });

  it('counts this month’s outgoing messages, by the organization’s own clock', async () => {
    const w = await world();
    const { acme, sql } = w;
    const conversation = await rowOf(w, acme, Conversation);
    const message = (direction: string, at: string): Promise<unknown> =>
      sql(
        `INSERT INTO messages (id, organization_id, conversation_id, contact_id, direction, sender_type, message_type, status, created_at)
         VALUES (gen_random_uuid(), $1, $4, $5, $2, 'agent', 'text', 'sent',
                 date_trunc('month', now() AT TIME ZONE 'America/Sao_Paulo') AT TIME ZONE 'America/Sao_Paulo' + $3::interval)`,
        [acme.id, direction, at, conversation.id, conversation.contact_id],
      );
    await message('outgoing', '1 second');
    await message('outgoing', '-1 second');
    await message('incoming', '1 second');

    expect((await acme.agent.get('/organizations/me').expect(200)).body.plan_usage.messages_per_month).toBe(1);
  });

  it('is changed by its administrators', async () => {
    const { acme, globex } = await world();
    const change = {
      name: ' Acme Ltda ',
      website: 'https://acme.example',
      phone: '55 11 98765 4321',
      slug: 'stolen',
      plan_type: 'enterprise',
    };

    const { body } = await acme.admin.put('/organizations/me', change).expect(200);

    expect(body).toMatchObject({
      name: 'Acme Ltda',
      website: 'https://acme.example',
      phone: '+5511987654321',
      slug: acme.slug,
      plan_type: 'professional',
    });
    expect((await acme.admin.put('/organizations/me', { website: null }).expect(200)).body).toMatchObject({
      website: null,
      name: 'Acme Ltda',
    });
    for (const person of [acme.agent, acme.viewer])
      await person.put('/organizations/me', { name: 'Mine' }).expect(403).expect(errorOf('insufficient_role'));
    expect((await globex.admin.get('/organizations/me').expect(200)).body.name).toBe('Globex');
  });

  it.each([
    ['name', { name: '' }],
    ['name', { name: null }],
    ['website', { website: 'ftp://acme.example' }],
    ['logo_url', { logo_url: 'x' }],
    ['phone', { phone: 'call me' }],
    ['description', { description: 'x'.repeat(2001) }],
  ])('refuses a bad %s', async (field, wrong) => {
    const { acme } = await world();

    await acme.admin.put('/organizations/me', wrong).expect(wrongField(field));
  });
});

const MORNING = { start: '08:00', end: '12:00' };
const NIGHT = { start: '23:00', end: '23:30' };

describe('settings', () => {
  it('merge by top-level key, go back to the default by null, keep what we do not know', async () => {
    const { acme } = await world();
    const path = '/organizations/me/settings';
    await acme.admin
      .put(path, {
        timezone: 'America/Manaus',
        security_settings: { password_min_length: 10 },
        business_hours: {
          monday: { start: '09:00', end: '18:00' },
          friday: [{ start: '12:00', end: '02:00' }, MORNING],
          sunday: { enabled: false },
        },
        my_app: { theme: ['dark', { deep: true }], nothing: null },
      })
      .expect(200);

    const { body } = await acme.admin.put(path, { timezone: null, language: 'en-US' }).expect(200);

    const { body: settings } = await acme.viewer.get(path).expect(200);
    expect(body.settings).toEqual(settings);
    expect(settings).toEqual({
      timezone: 'America/Sao_Paulo',
      language: 'en-US',
      currency: 'BRL',
      business_hours: {
        monday: { enabled: true, start: '09:00', end: '18:00' },
        friday: [{ start: '12:00', end: '02:00' }, MORNING],
        sunday: { enabled: false },
      },
      notification_settings: { email_enabled: true, digest: false },
      csat: { enabled: false, question: null, delay_minutes: 1, expires_hours: 24 },
      opt_out_words: ['parar', 'pare', 'sair', 'stop', 'unsubscribe', 'descadastrar', 'remover', 'nao quero mais', 'parar de receber'],
      opt_in_words: ['voltar', 'start'],
      security_settings: {
        require_email_verification: false,
        require_two_factor: false,
        password_min_length: 10,
        max_failed_logins: 5,
        lockout_minutes: 30,
        allowed_ip_ranges: [],
      },
      privacy_settings: { message_retention_days: null, media_retention_days: null, response_deadline_days: 15 },
      my_app: { theme: ['dark', { deep: true }], nothing: null },
    });
    await acme.agent.put(path, { language: 'fr' }).expect(403);
  });

  it.each([
    [['timezone'], { timezone: 'Mars/Olympus' }],
    [['timezone'], { timezone: '+03:00' }],
    [['currency'], { currency: 'REAIS' }],
    [['language'], { language: '?' }],
    [['business_hours'], { business_hours: { funday: { start: '09:00', end: '18:00' } } }],
    [['business_hours'], { business_hours: { monday: { start: '09:00', end: '09:00' } } }],
    [['business_hours'], { business_hours: { monday: { start: '9', end: '25:00' } } }],
    [['business_hours'], { business_hours: [] }],
    [['business_hours'], { business_hours: { monday: [MORNING, { start: '11:59', end: '18:00' }] } }],
    [['business_hours'], { business_hours: { always_open: false, schedule: { friday: [{ start: '20:00', end: '02:00' }, NIGHT] } } }],
    [['business_hours'], { business_hours: { exceptions: [{ date: '2026-12-24', hours: [MORNING, MORNING] }] } }],
    [['security_settings', 'password_min_length'], { security_settings: { password_min_length: 7 } }],
    [['security_settings', 'max_failed_logins'], { security_settings: { max_failed_logins: 1000 } }],
    [['security_settings', 'allowed_ip_ranges'], { security_settings: { allowed_ip_ranges: ['10.0.0.0/99'] } }],
    [['security_settings', 'allowed_ip_ranges'], { security_settings: { allowed_ip_ranges: ['203.0.113.0/24'] } }],
    [['privacy_settings', 'message_retention_days'], { privacy_settings: { message_retention_days: 3 } }],
    [['ai_assistant'], { ai_assistant: { openai_api_key: 'sk-1' } }],
  ])('refuse a bad %j', async (field, wrong) => {
    const { acme } = await world();

    await acme.admin.put('/organizations/me/settings', wrong).expect(wrongField('body', ...field));
  });

  it('hold 64 KB at most, in all', async () => {
    const { acme } = await world();
    await acme.admin.put('/organizations/me/settings', { a: 'x'.repeat(40_000) }).expect(200);

    await acme.admin.put('/organizations/me/settings', { b: 'x'.repeat(40_000) }).expect(422);
    await acme.admin.put('/organizations/me/settings', [] as object).expect(422);

    expect((await acme.admin.get('/organizations/me/settings').expect(200)).body).not.toHaveProperty('b');
  });

  it('lose nothing when two change different keys at once', async () => {
    const { acme } = await world();
    const keys = Array.from({ length: 8 }, (_, n) => `key_${n}`);

    await Promise.all(keys.map((key) => acme.admin.put('/organizations/me/settings', { [key]: true }).expect(200)));

    expect(Object.keys((await acme.admin.get('/organizations/me/settings').expect(200)).body as object)).toEqual(
      expect.arrayContaining(keys),
    );
  });

  it('never show the AI room’s keys', async () => {
    const { acme, sql } = await world();
    await sql(`UPDATE organizations SET settings = '{"ai_assistant": {"model": "m", "openai_api_key": "sk-secret"}}' WHERE id = $1`, [
      acme.id,
    ]);

    const answers = [
      (await acme.admin.get('/organizations/me').expect(200)).body as object,
      (await acme.admin.get('/organizations/me/settings').expect(200)).body as object,
      (await acme.admin.graphql('{ my_organization { settings } }').expect(200)).body as object,
    ];

    for (const answer of answers) {
      expect(JSON.stringify(answer)).toContain('"model":"m"');
      expect(JSON.stringify(answer)).not.toContain('sk-secret');
    }
  });

  it('can shut out other networks, at login and on every request', async () => {
    const { acme, guest, sql } = await world();
    await acme.admin.put('/organizations/me/settings', { security_settings: { allowed_ip_ranges: ['127.0.0.0/8'] } }).expect(200);
    await acme.agent.get('/auth/me').expect(200);
    await sql(`UPDATE organizations SET settings = '{"security_settings": {"allowed_ip_ranges": ["203.0.113.0/24"]}}' WHERE id = $1`, [
      acme.id,
    ]);

    await guest.post('/auth/login', { email: acme.viewer.user.email, password: PASSWORD }).expect(403).expect(errorOf('ip_not_allowed'));
    await acme.viewer.get('/users').expect(403).expect(errorOf('ip_not_allowed'));
  });

  it('raise the length of new passwords', async () => {
    const { acme } = await world();
    await acme.admin.put('/organizations/me/settings', { security_settings: { password_min_length: 20 } }).expect(200);

    await acme.admin
      .post('/users', { email: `x@${acme.slug}.example`, full_name: 'Xica Luz', password: 'long-but-not-20-1' })
      .expect(wrongField('password'));
  });
});

describe('the plan', () => {
  it('refuses one more beyond a limit, and nothing on enterprise', async () => {
    const { app, organization } = await world();
    const organizations = app.get(OrganizationsService);
    const free = Actor.system((await organization('Free', { plan_type: 'free' })).id);
    const big = Actor.system((await organization('Big', { plan_type: 'enterprise' })).id);

    await organizations.assertWithinPlan(free, 'contacts', 999);
    await organizations.assertWithinPlan(free, 'whatsapp_numbers');
    await organizations.assertWithinPlan(big, 'contacts', 10_000_000);

    await expect(organizations.assertWithinPlan(free, 'contacts', 1_000)).rejects.toMatchObject({
      status: 403,
      error_code: 'plan_limit_exceeded',
      details: [{ limit: 'max_contacts', max: 1_000, current: 1_000 }],
    });
    await expect(organizations.assertWithinPlan(free, 'users')).rejects.toMatchObject({ error_code: 'plan_limit_exceeded' });
  });
});

type Item = { id: string; slug: string };

describe('all organizations', () => {
  it('are listed for super admins alone: by page, filter, search and order', async () => {
    const { organization, superAdmin, acme, guest } = await world();
    const boss = await superAdmin();
    const name = `Lista ${Date.now()}`;
    const [first, second, third] = [
      await organization(`${name} b`, { status: 'suspended' }),
      await organization(`${name} a`, { plan_type: 'enterprise' }),
      await organization(`${name} c`, { status: 'inactive' }),
    ];
    const ids = async (query: string, path = '/organizations'): Promise<string[]> =>
      ((await boss.get(`${path}?search=${encodeURIComponent(name)}&${query}`).expect(200)).body as { items: Item[] }).items.map(
        ({ id }) => id,
      );

    expect(await ids('')).toEqual([third.id, second.id, first.id]);
    expect(await ids('sort=name:asc', '/tenants')).toEqual([second.id, first.id, third.id]);
    expect(await ids('status=suspended')).toEqual([first.id]);
    expect(await ids('is_active=false&sort=name:asc')).toEqual([first.id, third.id]);
    expect(await ids('active_only=true')).toEqual([second.id]);
    expect(await ids('plan_type=enterprise')).toEqual([second.id]);
    const { body: page, headers } = await boss.get(`/organizations?search=${encodeURIComponent(name)}&limit=2&sort=slug:desc`).expect(200);
    expect([page.total, page.total_pages, headers['x-total-count']]).toEqual([3, 2, '3']);
    expect(page.items).toHaveLength(2);
    expect(page.items[0]).toMatchObject({ plan_usage: { users: 3 }, plan: 'professional', restorable_until: null });
    expect(await ids(`limit=2&sort=slug:desc&cursor=${page.next_cursor as string}`)).toEqual([second.id]);
    await boss.get('/organizations?sort=settings:asc').expect(wrongField('query', 'sort'));
    await boss.get('/organizations?status=gone').expect(wrongField('query', 'status'));
    await acme.admin.get('/organizations').expect(403).expect(errorOf('insufficient_role'));
    await guest.get('/tenants').expect(401);
  });

  it('are each seen by their own, and by super admins', async () => {
    const { acme, globex, superAdmin } = await world();
    const boss = await superAdmin();
    for (const base of ['organizations', 'tenants']) {
      expect((await acme.viewer.get(`/${base}/${acme.id}`).expect(200)).body).toMatchObject({ id: acme.id, name: 'Acme' });
      await acme.admin.get(`/${base}/${globex.id}`).expect(404).expect(errorOf('not_found'));
      await boss.get(`/${base}/${globex.id}`).expect(200);
      await acme.admin.get(`/${base}/nobody`).expect(wrongField('path', 'org_id'));
    }
    await acme.viewer.get(`/organizations/${globex.id}/stats`).expect(404);
  });

  it('are asked for in GraphQL as in REST', async () => {
    const { acme, globex, superAdmin } = await world();
    const boss = await superAdmin();
    const ask = async (
      person: Person,
      query: string,
    ): Promise<{ data: Record<string, unknown> | null; errors?: { extensions: object }[] }> => (await person.graphql(query)).body as never;

    expect((await ask(acme.viewer, '{ organizations { id } organization_stats { total_users } }')).data).toEqual({
      organizations: [{ id: acme.id }],
      organization_stats: { total_users: 3 },
    });
    expect((await ask(boss, `{ organizations(search: "${globex.slug}", limit: 1) { slug } }`)).data).toEqual({
      organizations: [{ slug: globex.slug }],
    });
    expect((await ask(acme.admin, `{ organization(id: "${globex.id}") { id } }`)).errors?.[0].extensions).toMatchObject({
      error_code: 'not_found',
    });
    expect(
      (
        await ask(
          boss,
          `mutation { updateOrganization(id: "${globex.id}", input: { domain: "globex.example", plan_limits: { max_users: 9 } }) { domain plan_limits { max_users } } }`,
        )
      ).data,
    ).toEqual({ updateOrganization: { domain: 'globex.example', plan_limits: { max_users: 9 } } });
    expect(
      (await ask(acme.admin, 'mutation { updateOrganization(input: { description: "Pães", slug: "mine" }) { description slug } }')).data,
    ).toEqual({
      updateOrganization: { description: 'Pães', slug: acme.slug },
    });
    expect(
      (
        await ask(
          acme.admin,
          'mutation { updateOrganizationSettings(input: { timezone: "America/Manaus", security_settings: { lockout_minutes: 5 } }) { settings } }',
        )
      ).data,
    ).toMatchObject({
      updateOrganizationSettings: { settings: { timezone: 'America/Manaus', security_settings: { lockout_minutes: 5 } } },
    });
    expect((await ask(acme.admin, `mutation { suspendOrganization(id: "${globex.id}") { id } }`)).errors?.[0].extensions).toMatchObject({
      error_code: 'insufficient_role',
    });
  });
});

describe('a new organization', () => {
  it('comes with its plan, settings and administrator', async () => {
    const { superAdmin, guest } = await world();
    const boss = await superAdmin();
    const email = `dora${Date.now()}@confeitaria.example`;

    const { body } = await boss
      .post('/tenants', {
        name: 'Confeitaria Açúcar & Cia.',
        plan: 'starter',
        domain: ` Shop${Date.now()}.Example `,
        settings: { timezone: 'America/Manaus', my_app: { deep: true } },
        admin_email: email.toUpperCase(),
        admin_full_name: 'Dora Reis',
        admin_password: PASSWORD,
      })
      .expect(201);

    expect(body).toMatchObject({
      slug: expect.stringMatching(/^confeitaria-acucar-cia/) as string,
      domain: expect.stringMatching(/^shop\d+\.example$/) as string,
      plan_type: 'starter',
      is_trial: false,
      plan_limits: { max_users: 5 },
      plan_usage: { users: 1 },
      settings: { timezone: 'America/Manaus', my_app: { deep: true } },
    });
    const { body: login } = await guest.post('/auth/login', { email, password: PASSWORD }).expect(200);
    expect(login.user).toMatchObject({ role: 'org_admin', full_name: 'Dora Reis', organization: { id: body.id } });
    await boss.post('/organizations', { name: 'Twice', admin_email: email }).expect(409).expect(errorOf('email_already_registered'));
    const { body: trial } = await boss.post('/organizations', { name: 'Oficina', trial_days: 30 }).expect(201);
    expect(trial).toMatchObject({ plan_type: 'free', is_trial: true, plan_limits: { max_users: 20 } });
  });

  it.each([
    [['name'], {}],
    [['name'], { name: '' }],
    [['slug'], { name: 'X', slug: 'Not A Slug' }],
    [['domain'], { name: 'X', domain: 'no host' }],
    [['plan_type'], { name: 'X', plan: 'gold' }],
    [['trial_days'], { name: 'X', trial_days: 0 }],
    [['admin_email'], { name: 'X', admin_email: 'nobody' }],
    [['admin_password'], { name: 'X', admin_email: 'a@b.example', admin_password: 'short' }],
    [['settings', 'timezone'], { name: 'X', settings: { timezone: 'Mars/Olympus' } }],
    [['ai_assistant'], { name: 'X', settings: { ai_assistant: {} } }],
  ])('is refused with a bad %j', async (field, wrong) => {
    const { superAdmin } = await world();

    await (await superAdmin()).post('/organizations', wrong).expect(wrongField('body', ...field));
  });

  it('has a slug of its own, of however many that come at once', async () => {
    const { superAdmin } = await world();
    const boss = await superAdmin();
    const slug = `bolo-${Date.now()}`;

    const same = await Promise.all(Array.from({ length: 50 }, () => boss.post('/organizations', { name: 'Bolo', slug })));
    const named = await Promise.all(Array.from({ length: 50 }, () => boss.post('/organizations', { name: slug })));

    expect(same.filter(({ status }) => status === 201)).toHaveLength(1);
    for (const answer of same.filter(({ status }) => status !== 201)) errorOf('already_exists')(answer);
    expect(named.map(({ status }) => status)).toEqual(Array(50).fill(201));
    expect(new Set(named.map(({ body }) => (body as Item).slug)).size).toBe(50);
    await boss.post('/organizations', { name: 'Us', slug: 'pytake-system' }).expect(409).expect(errorOf('already_exists'));
    expect((await boss.post('/organizations', { name: 'PyTake System' }).expect(201)).body.slug).toMatch(/^pytake-system-\d+$/);
  });
});

describe('an organization of others', () => {
  it('is changed by super admins at /organizations, by its own administrators at /tenants', async () => {
    const { acme, globex, superAdmin } = await world();
    const boss = await superAdmin();
    const slug = `acme-${Date.now()}`;

    const { body } = await boss
      .put(`/organizations/${acme.id}`, {
        slug,
        name: 'Acme SA',
        settings: { language: 'en-US' },
        plan_limits: { max_users: 7, features: ['beta'] },
      })
      .expect(200);

    expect(body).toMatchObject({
      slug,
      name: 'Acme SA',
      settings: { language: 'en-US' },
      plan_limits: { max_users: 7, features: ['beta'] },
    });
    const kept = await boss.put(`/organizations/${acme.id}`, { plan_limits: { max_users: null, max_contacts: -1 } }).expect(200);
    expect(kept.body.plan_limits).toMatchObject({ max_users: 20, max_contacts: -1, features: ['beta'] });
    await boss.put(`/organizations/${acme.id}`, { slug: globex.slug }).expect(409).expect(errorOf('already_exists'));
    await boss.put(`/organizations/${acme.id}`, { plan_limits: { max_users: -2 } }).expect(wrongField('body', 'plan_limits', 'max_users'));
    await acme.admin.put(`/organizations/${acme.id}`, { name: 'Mine' }).expect(403);
    const own = await acme.admin
      .put(`/tenants/${acme.id}`, { name: 'Acme de novo', slug: 'stolen', settings: { currency: 'USD' } })
      .expect(200);
    expect(own.body).toMatchObject({ name: 'Acme de novo', slug, settings: { currency: 'USD', language: 'en-US' } });
    await acme.admin.put(`/tenants/${globex.id}`, { name: 'Theirs' }).expect(404);
    await acme.agent.put(`/tenants/${acme.id}`, { name: 'Mine' }).expect(403);
  });

  it('is told to its sockets when it changes', async () => {
    const { acme, globex } = await world();
    const [ours, theirs] = [await socketOf(acme.viewer), await socketOf(globex.viewer)];

    await acme.admin.put('/organizations/me', { name: 'Acme Nova' }).expect(200);

    expect(await ours.hear('organization:updated')).toMatchObject({ id: acme.id, name: 'Acme Nova', status: 'active', is_active: true });
    expect(theirs.all('organization:updated')).toEqual([]);
  });

  it('has the plan a super admin sets, for as long', async () => {
    const { organization, superAdmin } = await world();
    const [boss, small] = [await superAdmin(), await organization('Small', { plan_type: 'free', is_trial: true })];
    const path = `/organizations/${small.id}/plan`;

    const { body } = await boss
      .put(path, { plan: 'growth', subscription_starts_at: '2030-01-01', subscription_ends_at: '2030-12-31' })
      .expect(200);

    expect(body).toMatchObject({
      plan_type: 'growth',
      is_trial: false,
      subscription_starts_at: '2030-01-01T03:00:00.000Z',
      subscription_ends_at: '2031-01-01T03:00:00.000Z',
      plan_limits: { max_users: 10 },
    });
    expect((await boss.put(path, { plan_type: 'free', subscription_ends_at: null }).expect(200)).body).toMatchObject({
      plan_type: 'free',
      subscription_ends_at: null,
      subscription_starts_at: '2030-01-01T03:00:00.000Z',
    });
    for (const subscription_ends_at of ['2029-12-31', '2030-01-01T03:00:00Z'])
      await boss.put(path, { plan_type: 'free', subscription_ends_at }).expect(wrongField('subscription_ends_at'));
    const upgrade = (plan_type: string): ReturnType<Person['post']> => boss.post(`/tenants/${small.id}/upgrade`, { plan_type });
    expect((await upgrade('starter').expect(200)).body.plan_type).toBe('starter');
    for (const plan of ['starter', 'free']) await upgrade(plan).expect(409).expect(errorOf('invalid_state'));
    await small.admin.put(path, { plan_type: 'enterprise' }).expect(403);
  });

  it('has its numbers counted', async () => {
    const w = await world();
    const { acme } = w;
    const conversation = await rowOf(w, acme, Conversation);
    await w.sql(
      `INSERT INTO messages (id, organization_id, conversation_id, contact_id, direction, sender_type, message_type, status, created_at)
       SELECT gen_random_uuid(), $1, $2, $3, direction, 'agent', 'text', 'sent', at
         FROM (VALUES ('outgoing', now()), ('incoming', now()), ('internal', now()), ('incoming', now() - interval '40 days')) AS m(direction, at)`,
      [acme.id, conversation.id, conversation.contact_id],
    );
    await acme.hire('agent', { is_active: false });

    const { body } = await acme.viewer.get(`/organizations/${acme.id}/stats`).expect(200);

    expect(body).toMatchObject({
      total_users: 4,
      active_users: 3,
      total_contacts: 1,
      total_conversations: 1,
      conversations_this_month: 1,
      total_messages: 3,
      messages_this_month: 2,
      total_whatsapp_numbers: expect.any(Number) as number,
      total_chatbots: 0,
      total_campaigns: 0,
      plan_limits: { max_users: 20 },
      plan_usage: { users: 4, messages_per_month: 1 },
    });
  });
});

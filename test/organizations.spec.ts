import { Actor } from '#common/actor';
import { OrganizationsService } from '#modules/organizations/organizations.service';
import { Conversation } from '#modules/conversations/conversation.entity';
import { rowOf } from './support/rows';
import { errorOf, PASSWORD, world, wrongField } from './support/world';

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

describe('settings', () => {
  it('merge by top-level key, go back to the default by null, keep what we do not know', async () => {
    const { acme } = await world();
    const path = '/organizations/me/settings';
    await acme.admin
      .put(path, {
        timezone: 'America/Manaus',
        security_settings: { password_min_length: 10 },
        business_hours: { monday: { start: '09:00', end: '18:00' }, sunday: { enabled: false } },
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
      business_hours: { monday: { enabled: true, start: '09:00', end: '18:00' }, sunday: { enabled: false } },
      notification_settings: { email_enabled: true, digest: false },
      security_settings: {
        require_email_verification: false,
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

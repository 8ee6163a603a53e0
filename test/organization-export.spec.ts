import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { type IncomingMessage, get, request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { Config } from '#config/config';
import { Database } from '#database/database';
import { erasedTables } from '#database/erasure';
import { untoldColumns } from '#database/untold';
import { EraseOrganizations } from '#modules/organizations/erase-organizations';
import { OrganizationExport } from '#modules/privacy/organization-export/organization-export';
import { archiveOf, rowsIn, textIn } from './support/archive';
import { PNG } from './support/files';
import { officialNumber } from './support/official-number';
import { until } from './support/sockets';
import { codeOf } from './support/two-factor';
import { type Company, PASSWORD, type Person, type World, close, errorOf, world } from './support/world';

let w: World;
let boss: Person;

beforeAll(async () => {
  w = await world({ META_GRAPH_BASE_URL: 'http://127.0.0.1:9' });
  boss = await w.superAdmin();
});
afterAll(async () => {
  await close();
});

/** A company with something of what is secret of every kind; answers the secrets as people know them. */
async function withSecrets(company: Company): Promise<string[]> {
  const { admin, agent } = company;
  const { body: key } = await admin.post('/api-keys', { name: 'ERP', role: 'agent' }).expect(201);
  const { body: setup } = await agent.post('/auth/2fa/setup', { password: PASSWORD }).expect(200);
  const { secret: totp } = setup as { secret: string };
  const { body: enabled } = await agent.post('/auth/2fa/enable', { code: codeOf(totp) }).expect(200);
  const header = 'Bearer dos-webhooks-0123456789';
  const { body: webhook } = await admin
    .post('/webhooks', { url: 'https://pytake.example/hook', events: ['contact.created'], headers: { 'X-Key': header } })
    .expect(201);
  const value = 'sk-segredo-0123456789';
  await admin.post('/secrets', { key: 'OPENAI', value, service: 'openai' }).expect(201);
  const number = await officialNumber(w, company, { app_secret: 'app-secret-0123456789' });
  await w.guest.post('/auth/forgot-password', { email: company.viewer.user.email }).expect(200);
  await w.guest.post('/auth/login', { email: company.viewer.user.email, password: PASSWORD }).expect(200);
  await w.sql(
    `UPDATE organizations SET settings = settings || '{"ai_assistant": {"model": "gpt-canario", "openai_api_key": "sk-ai-0123456789"}}' WHERE id = $1`,
    [company.id],
  );
  return [
    PASSWORD,
    (key as { key: string }).key,
    totp,
    ...(enabled as { recovery_codes: string[] }).recovery_codes,
    header,
    (webhook as { secret: string }).secret,
    value,
    'EAAtest',
    'app-secret-0123456789',
    number.webhook_verify_token,
    'sk-ai-0123456789',
  ];
}

describe('the export of an organization', () => {
  it('has the rows of every table, its files, and what it is', async () => {
    const { acme } = w;
    const { id, admin, agent } = acme;
    await agent.post('/contacts', { whatsapp_id: '+5511987651234', name: 'João "Zé"\n2ª linha', attributes: { cor: 'azul' } }).expect(201);
    const { body: media } = await agent.post('/whatsapp/media').attach('file', PNG, { filename: 'foto.PNG' }).expect(201);

    const { files, headers } = await archiveOf(admin);

    const day = new Intl.DateTimeFormat('en-CA', { timeZone: 'America/Sao_Paulo' }).format(new Date());
    expect(headers).toMatchObject({
      'content-type': 'application/zip',
      'content-disposition': `attachment; filename=${acme.slug}-${day}.zip`,
      'cache-control': 'no-store',
    });
    const tables = erasedTables(w.app.get(Database).source.entityMetadatas).map(({ table }) => `${table}.ndjson`);
    expect(tables.length).toBeGreaterThan(40);
    const media_id = (media as { id: string }).id;
    expect([...files.keys()].sort()).toEqual(
      [...tables, 'organizations.ndjson', 'README.txt', 'contents.json', `media/${media_id}.png`].sort(),
    );
    expect(files.get(`media/${media_id}.png`)).toEqual(PNG);
    expect(rowsIn(files, 'organizations')).toEqual([expect.objectContaining({ id, name: 'Acme' })]);
    expect(rowsIn(files, 'contacts')).toEqual([
      expect.objectContaining({ organization_id: id, name: 'João "Zé" 2ª linha', attributes: { cor: 'azul' } }),
    ]);
    expect(rowsIn(files, 'users').map(({ email }) => email)).toEqual([admin, agent, acme.viewer].map(({ user }) => user.email));
    expect(rowsIn(files, 'audit_logs')).toEqual(
      expect.arrayContaining([expect.objectContaining({ action: 'contact.created', actor_email: agent.user.email })]),
    );
    expect(JSON.parse(textIn(files, 'contents.json'))).toMatchObject({
      organization: { id, name: 'Acme', slug: acme.slug },
      tables: { organizations: 1, contacts: 1, users: 3, messages: 0 },
      media: { files: 1, missing: 0 },
    });
    expect(textIn(files, 'README.txt')).toContain('Todos os dados de Acme no PyTake');
    expect(textIn(files, 'README.txt')).not.toContain('{{');
    await admin.put('/organizations/me/settings', { language: 'en-US' }).expect(200);
    expect(textIn((await archiveOf(admin)).files, 'README.txt')).toContain('All data of Acme on PyTake');
    const said = await w.sql(
      "SELECT user_id, resource_id FROM audit_logs WHERE organization_id = $1 AND action = 'organization.exported'",
      [id],
    );
    expect(said).toEqual(Array(2).fill({ user_id: admin.user.id, resource_id: id }));
  });

  it('has nothing of another organization', async () => {
    const [company, other] = await Promise.all([w.organization('Padaria'), w.organization('Confeitaria')]);
    for (const { agent, slug } of [company, other]) {
      await agent.post('/contacts', { whatsapp_id: '+5511987651235', name: `canario ${slug}`, notes: slug }).expect(201);
      await agent
        .post('/whatsapp/media')
        .attach('file', PNG, { filename: `${slug}.png` })
        .expect(201);
      await officialNumber(w, agent === company.agent ? company : other);
      await w.guest.post('/auth/login', { email: agent.user.email, password: PASSWORD }).expect(200);
    }

    const { files } = await archiveOf(company.admin);

    const all = Buffer.concat([...files.values()]).toString();
    expect(all).toContain(company.slug);
    expect(rowsIn(files, 'refresh_tokens').length).toBeGreaterThan(0);
    for (const word of [other.id, other.slug, other.agent.user.id]) expect(all).not.toContain(word);
    expect([...files.keys()].filter((name) => name.startsWith('media/'))).toHaveLength(1);
  });

  it('has no secret: neither as people know it nor as it is kept', async () => {
    const company = await w.organization('Padaria');
    const secrets = await withSecrets(company);

    const { files } = await archiveOf(company.admin);

    const all = Buffer.concat([...files.values()]).toString();
    expect(secrets.filter((secret) => all.includes(secret))).toEqual([]);
    expect(rowsIn(files, 'organizations')[0]).toMatchObject({ settings: { ai_assistant: { model: 'gpt-canario' } } });
    const { source } = w.app.get(Database);
    const wheres = new Map(erasedTables(source.entityMetadatas).map(({ table, where }) => [table, where]));
    let kept = 0;
    for (const { tableName, columns } of source.entityMetadatas) {
      const untold = columns.map(({ databaseName }) => databaseName).filter((name) => untoldColumns(tableName).has(name));
      const where = wheres.get(tableName);
      if (!untold.length || !where) continue;
      for (const row of rowsIn(files, tableName)) expect(Object.keys(row)).not.toEqual(expect.arrayContaining(untold));
      for (const column of untold) {
        expect(textIn(files, 'README.txt')).toContain(`  ${tableName}.${column}\n`);
        const values = await w.sql<{ value: string }>(
          `SELECT ${column}::text AS value FROM ${tableName} WHERE (${where}) AND length(${column}::text) > 4`,
          [company.id],
        );
        kept += values.length;
        expect({ column, found: values.filter(({ value }) => all.includes(value)) }).toEqual({ column, found: [] });
      }
    }
    // Hashes of passwords and tokens, what is sealed of a number, a webhook, a secret and a second factor.
    expect(kept).toBeGreaterThan(12);
  });

  it('is read in pieces that miss nothing and repeat nothing, of whatever size the rows are', async () => {
    const company = await w.organization('Padaria');
    await w.sql(
      `INSERT INTO contacts (organization_id, id, name, source, attributes)
       SELECT $1, gen_random_uuid(), n::text, 'manual', jsonb_build_object('text', repeat(md5(n::text), CASE WHEN n % 100 = 0 THEN 20000 ELSE 20 END))
         FROM generate_series(1, 700) n`,
      [company.id],
    );

    const { files } = await archiveOf(company.admin);

    const names = rowsIn(files, 'contacts').map(({ name }) => Number(name));
    expect(names.sort((a, b) => a - b)).toEqual(Array.from({ length: 700 }, (_, n) => n + 1));
  });

  it('goes on where a file is gone, and says so', async () => {
    const company = await w.organization('Padaria');
    for (const filename of ['a.png', 'b.png']) await company.agent.post('/whatsapp/media').attach('file', PNG, { filename }).expect(201);
    const [{ storage_key }] = await w.sql<{ storage_key: string }>(
      "SELECT storage_key FROM media_files WHERE organization_id = $1 AND filename = 'a.png'",
      [company.id],
    );
    await rm(join(w.app.get(Config).media_storage, storage_key));

    const { files } = await archiveOf(company.admin);

    expect(JSON.parse(textIn(files, 'contents.json'))).toMatchObject({ media: { files: 1, missing: 1 } });
    expect(rowsIn(files, 'media_files')).toHaveLength(2);
  });
});

describe('who may export an organization', () => {
  it('is its own administrator by a token, and a super admin any', async () => {
    const { acme, globex, guest } = w;
    const paths = ['/organizations/me/export', `/organizations/${acme.id}/export`, `/tenants/${acme.id}/export`];
    const { body: made } = await acme.admin.post('/api-keys', { name: 'ERP', role: 'org_admin' }).expect(201);
    for (const path of paths) {
      await guest.get(path).expect(401);
      for (const person of [acme.viewer, acme.agent]) await person.get(path).expect(403).expect(errorOf('insufficient_role'));
      await guest
        .get(path)
        .set('X-API-Key', (made as { key: string }).key)
        .expect(403);
      await archiveOf(acme.admin, path);
    }
    for (const path of paths.slice(1)) {
      await globex.admin.get(path).expect(404).expect(errorOf('not_found'));
      expect(rowsIn((await archiveOf(boss, path)).files, 'organizations')).toMatchObject([{ id: acme.id }]);
    }
    await boss.get('/organizations/none/export').expect(422);
    const said = await w.sql(
      "SELECT metadata FROM audit_logs WHERE organization_id = $1 AND action = 'organization.exported' AND user_id = $2",
      [acme.id, boss.user.id],
    );
    expect(said).toEqual(Array(2).fill({ metadata: expect.objectContaining({ acting_as: acme.id }) as object }));
  });

  it('is the super admin while it can be had back, and nobody once it is erased', async () => {
    const company = await w.organization('Padaria');
    const path = `/organizations/${company.id}/export`;
    await company.agent.post('/contacts', { whatsapp_id: '+5511987651239', name: 'Ana' }).expect(201);
    await boss.delete(`/organizations/${company.id}`).expect(204);

    const { files } = await archiveOf(boss, path);
    expect(rowsIn(files, 'contacts')).toMatchObject([{ name: 'Ana' }]);
    expect(textIn(files, 'README.txt')).toContain('A organização foi excluída: até ');
    await company.admin.get(path).expect(401);

    await w.sql("UPDATE organizations SET deleted_at = now() - interval '30 days' WHERE id = $1", [company.id]);
    await boss.get(path).expect(404);
    await w.app.get(EraseOrganizations).run();
    await boss.get(path).expect(404).expect(errorOf('not_found'));
  });
});

describe('a reader who', () => {
  const open = async (by: Person, path = '/api/v1/organizations/me/export'): Promise<IncomingMessage> => {
    const call = get(by.base_url + path, { headers: { authorization: `Bearer ${by.token}` } });
    // What it is cut off with is told by the answer.
    call.on('error', () => undefined);
    const [answer] = (await once(call, 'response')) as [IncomingMessage];
    return answer;
  };
  /** More than the buffers on the way take: text that does not shrink. */
  const fill = (company: Company): Promise<unknown> =>
    w.sql(
      `INSERT INTO contacts (organization_id, id, name, source, attributes)
       SELECT $1, gen_random_uuid(), n::text, 'manual', jsonb_build_object('text', (SELECT string_agg(md5(random()::text || n || i), '') FROM generate_series(1, 2000) i))
         FROM generate_series(1, 400) n`,
      [company.id],
    );

  it('is slow holds no connection, and keeps the organization from a second export alone', async () => {
    const company = await w.organization('Padaria');
    await fill(company);
    const answer = await open(company.admin);
    expect(answer.statusCode).toBe(200);
    answer.pause();

    await company.admin.get('/organizations/me/export').expect(409).expect(errorOf('invalid_state'));
    await archiveOf(w.globex.admin);
    const pool = (w.app.get(Database).source.driver as unknown as { master: { totalCount: number; idleCount: number } }).master;
    await until(() => pool.idleCount === pool.totalCount, 'a pool that is idle');

    let bytes = 0;
    answer.on('data', (chunk: Buffer) => (bytes += chunk.length)).resume();
    await once(answer, 'end');
    expect(bytes).toBeGreaterThan(5_000_000);
    await archiveOf(company.admin);
  });

  it('goes away ends the work', async () => {
    const company = await w.organization('Padaria');
    await fill(company);
    const answer = await open(company.admin);
    answer.pause();

    answer.destroy();

    const running = (w.app.get(OrganizationExport) as unknown as { running: Set<string> }).running;
    await until(() => !running.has(company.id), 'the end of the work');
    await archiveOf(company.admin);
  });

  it('asks for the head alone has it without the work', async () => {
    const { acme } = w;
    const call = httpRequest(`${acme.admin.base_url}/api/v1/organizations/me/export`, {
      method: 'HEAD',
      headers: { authorization: `Bearer ${acme.admin.token}` },
    }).end();
    const [answer] = (await once(call, 'response')) as [IncomingMessage];
    answer.resume();

    expect(answer.statusCode).toBe(200);
    expect(answer.headers['content-disposition']).toContain(acme.slug);
    await archiveOf(acme.admin);
  });
});

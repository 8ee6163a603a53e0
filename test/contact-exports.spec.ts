import { once } from 'node:events';
import { type IncomingMessage, get } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { parse } from 'csv-parse/sync';
import { DataSource } from 'typeorm';
import { newId } from '#common/uuid';
import { matchKey } from '#common/phone';
import { Database } from '#database/database';
import type { AuditLog } from '#modules/audit/audit-log.entity';
import type { ContactImportView } from '#modules/contacts/import/contact-import.dto';
import { asBytes } from './support/files';
import { until } from './support/until';
import { type Company, type Person, type World, errorOf, world, wrongField } from './support/world';

const HEADER =
  'whatsapp_id,name,email,alternative_phone,company,job_title,source,lifecycle_stage,lead_score,opt_in,is_vip,is_blocked,tags,assigned_agent_email,' +
  'address_street,address_city,address_state,address_country,address_postal_code,notes';

/** The bytes of an export. */
const exported = async (by: Person, query = ''): Promise<{ bytes: Buffer; headers: Record<string, string> }> => {
  const { body, headers } = await by.get(`/contacts/export${query}`).buffer(true).parse(asBytes).expect(200);
  return { bytes: body as Buffer, headers: headers as Record<string, string> };
};

const tableOf = (bytes: Buffer): string[][] => parse(bytes, { bom: true });

const create = async (by: Person, body: object): Promise<void> => {
  await by.post('/contacts', body).expect(201);
};

it('is for administrators, and says in the log that it was, without what was looked for', async () => {
  const { acme, sql } = await world();
  await acme.agent.get('/contacts/export').expect(403);
  await exported(acme.admin, '?search=joao&is_vip=false&format=json');

  const said = await sql<AuditLog>(`SELECT * FROM audit_logs WHERE organization_id = $1 AND action = 'contact.exported'`, [acme.id]);
  expect(said).toMatchObject([{ user_id: acme.admin.user.id, metadata: { format: 'json', filters: ['is_vip', 'search'] } }]);
  expect(JSON.stringify(said)).not.toContain('joao');
});

it('has the columns of an import, a name with the day, and a mark for Excel', async () => {
  const { acme, globex, sql } = await world();
  await sql(`UPDATE organizations SET settings = settings || '{"timezone": "Pacific/Kiritimati"}' WHERE id = $1`, [acme.id]);
  await create(acme.agent, {
    whatsapp_id: '+5511987650041',
    name: '=HYPERLINK("http://x")',
    company: '-1+1',
    notes: "'quoted",
    tags: ['b', 'A'],
    assigned_agent_id: acme.agent.user.id,
    attributes: { cor: 'azul', n: -5, Lista: [1, 'a'] },
  });
  await create(globex.agent, { whatsapp_id: '+5511987650042', name: 'Estranha', attributes: { segredo: 'x' } });

  const { bytes, headers } = await exported(acme.admin);

  const day = new Intl.DateTimeFormat('en-CA', { timeZone: 'Pacific/Kiritimati' }).format(new Date());
  expect(headers['content-disposition']).toBe(`attachment; filename=contacts-${day}.csv`);
  expect(headers).toMatchObject({
    'content-type': 'text/csv; charset=utf-8',
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
  });
  expect(bytes.subarray(0, 3).toString('hex')).toBe('efbbbf');
  const [header, row, ...others] = tableOf(bytes);
  expect(header.join()).toBe(`${HEADER},attributes.Lista,attributes.cor,attributes.n,created_at`);
  expect(others).toEqual([]);
  expect(Object.fromEntries(header.map((name, n) => [name, row[n]]))).toMatchObject({
    whatsapp_id: '+5511987650041',
    name: '\'=HYPERLINK("http://x")',
    company: "'-1+1",
    notes: "'quoted",
    tags: 'A|b',
    opt_in: 'true',
    assigned_agent_email: acme.agent.user.email,
    'attributes.Lista': '[1,"a"]',
    'attributes.cor': 'azul',
    'attributes.n': '-5',
  });
});

it('takes the filters and the order of the list', async () => {
  const { acme } = await world();
  await create(acme.agent, { whatsapp_id: '+5511987650051', name: 'Bia', tags: ['Festa'], is_vip: true });
  await create(acme.agent, { whatsapp_id: '+5511987650052', name: 'Ana', tags: ['Festa'] });
  await create(acme.agent, { whatsapp_id: '+5511987650053', name: 'Caio' });
  const names = async (query: string): Promise<string[]> => {
    const { bytes } = await exported(acme.admin, `?format=json&${query}`);
    return (JSON.parse(bytes.toString()) as { name: string }[]).map(({ name }) => name);
  };

  expect(await names('sort=name:asc')).toEqual(['Ana', 'Bia', 'Caio']);
  expect(await names('tags=Festa&sort=name:desc')).toEqual(['Bia', 'Ana']);
  expect(await names('search=cai')).toEqual(['Caio']);
  expect(await names('is_vip=true')).toEqual(['Bia']);
  expect(await names('search=nobody')).toEqual([]);
  expect(await names(`assigned_agent_id=${newId()}`)).toEqual([]);
  await acme.admin.get('/contacts/export?sort=notes').expect(wrongField('query', 'sort'));
  await acme.admin.get('/contacts/export?format=pdf').expect(wrongField('query', 'format'));
  await acme.admin.get('/contacts/export?created_from=yesterday').expect(422).expect(errorOf('validation_error'));
});

it('goes on past one reading of rows, and gives attributes beyond 200 one column together', async () => {
  const w = await world();
  const { acme } = w;
  await w.sql(
    `INSERT INTO contacts (id, organization_id, whatsapp_id, match_key, attributes)
     SELECT gen_random_uuid(), $1, '+5511' || 80000000 + n, '5511' || 80000000 + n, jsonb_build_object('k' || n % 300, n)
       FROM generate_series(1, 1100) AS n`,
    [acme.id],
  );
  const [header, ...rows] = tableOf((await exported(acme.admin, '?sort=created_at:asc')).bytes);

  expect(new Set(rows.map(([whatsapp_id]) => whatsapp_id)).size).toBe(1100);
  expect(header.filter((name) => name.startsWith('attributes.'))).toHaveLength(200);
  const rest = rows.map((cells) => cells[header.indexOf('attributes')]).filter(Boolean);
  expect(rest.every((cell) => /^\{"k\d+":\d+\}$/.test(cell))).toBe(true);
  expect(rest.length).toBeGreaterThan(300);
});

// --- there and back

/** Always the same numbers, so that what fails once fails again. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const PIECES = [
  '=', '+', '-', '@', "'", '"', ',', ';', '|', '\t', '\n', '\r\n', '\r', ' ', '007', '1', '1.0', '-5', '1e5', 'true', 'null', '[1]', '{"a":1}', '_x0041_',
  '_x000D_', 'João', '日本', '🎉', '<b>&amp;', ']]>', '＝x', '\u200b', '5.5E12', 'sep=;', '2020-01-01', '%', '\\',
]; // prettier-ignore

/** A contact of the oddest texts, as a row of the table. */
function odd(random: () => number, n: number, agent_id: string): Record<string, unknown> {
  const pick = <T>(some: readonly T[]): T => some[Math.floor(random() * some.length)];
  const text = (max = 6): string => {
    const made = Array.from({ length: 1 + Math.floor(random() * max) }, () => pick(PIECES)).join('');
    // What has nothing to read is empty.
    return made.trim() ? made : `x${made}`;
  };
  const maybe = <T>(value: T): T | null => (random() < 0.6 ? value : null);
  const line = (): string =>
    text()
      .replace(/[\t\r\n\u200b]+/g, ' ')
      .trim() || 'x';
  const value = (): unknown =>
    pick([text(), text(), '', '  ', Math.floor(random() * 1e6) - 5e5, random() * 1e-9, 1e21, true, false, [text(), 1, null, true], []]);
  const whatsapp_id = `+5511${pick(['', '9'])}${60_000_000 + n * 7}`;
  return {
    id: newId(),
    whatsapp_id,
    match_key: matchKey(whatsapp_id),
    alternative_phone: maybe('+551130000000'),
    name: maybe(line()),
    email: maybe(`a${n}@x.example`),
    company: maybe(text()),
    job_title: maybe(text()),
    notes: maybe(text(20)),
    source: pick(['api', 'whatsapp', line()]),
    lifecycle_stage: maybe(text()),
    lead_score: Math.floor(random() * 1001),
    opt_in: random() < 0.5,
    is_vip: random() < 0.5,
    is_blocked: random() < 0.3,
    assigned_agent_id: maybe(agent_id),
    address_street: maybe(text()),
    address_city: maybe(text()),
    address_state: maybe(text()),
    address_country: maybe(text()),
    address_postal_code: maybe(text(2).slice(0, 20)),
    attributes: Object.fromEntries(
      ['a', 'B', 'cor', 'é'.normalize('NFD').replace(/\P{L}/gu, ''), 'x_1'].flatMap((key) => (random() < 0.6 ? [[key, value()]] : [])),
    ),
  };
}

async function furnish({ sql }: World, company: Company, rows: Record<string, unknown>[]): Promise<void> {
  const columns = Object.keys(rows[0]).filter((name) => name !== 'attributes');
  const types = columns.map(
    (name) =>
      `${name} ${name.endsWith('_id') && name !== 'whatsapp_id' ? 'uuid' : name === 'id' ? 'uuid' : /^(is_|opt_in)/.test(name) ? 'boolean' : name === 'lead_score' ? 'int' : 'text'}`,
  );
  await sql(
    `INSERT INTO contacts (organization_id, ${columns.join(', ')}, attributes)
     SELECT $1, ${columns.join(', ')}, attributes FROM json_to_recordset($2) AS r(${types.join(', ')}, attributes jsonb)`,
    [company.id, JSON.stringify(rows)],
  );
  for (const [n, { id }] of rows.entries())
    if (n % 3 === 0)
      await company.agent.post(`/contacts/${id as string}/tags`, { tags: ['Feira', 'Água "doce"', `=t${n % 5}`] }).expect(200);
}

describe('import(export)', () => {
  it.each(['csv', 'xlsx'])('loses nothing: %s', async (format) => {
    const w = await world();
    const { acme } = w;
    const random = seeded(format.length * 7919);
    await furnish(
      w,
      acme,
      Array.from({ length: 150 }, (_, n) => odd(random, n, acme.agent.user.id)),
    );
    const all = async (): Promise<unknown[]> => {
      const { bytes } = await exported(acme.admin, '?format=json');
      const rows = JSON.parse(bytes.toString()) as { whatsapp_id: string; created_at?: string }[];
      return rows.map(({ created_at: _, ...row }) => row).sort((a, b) => (a.whatsapp_id < b.whatsapp_id ? -1 : 1));
    };
    const before = await all();
    const { bytes } = await exported(acme.admin, `?format=${format}`);
    await w.sql('UPDATE contacts SET deleted_at = now() WHERE organization_id = $1', [acme.id]);

    const { body } = await acme.agent.post('/contacts/import').attach('file', bytes, `contacts.${format}`).expect(201);

    expect(body as ContactImportView).toMatchObject({ created: 150, failed: 0, errors: [] });
    expect(await all()).toEqual(before);
    // And once more over themselves: nothing changes.
    await acme.agent.post('/contacts/import').attach('file', bytes, `contacts.${format}`).field('on_duplicate', 'update').expect(201);
    expect(await all()).toEqual(before);
  });
});

describe('an export under way', () => {
  const COUNT = 3000;

  /** More than the network holds: what is not read is not made. */
  async function many({ sql }: World, { id }: Company): Promise<void> {
    await sql(
      `INSERT INTO contacts (id, organization_id, whatsapp_id, match_key, notes)
       SELECT gen_random_uuid(), $1, '+5511' || 70000000 + n, '5511' || 70000000 + n, (SELECT string_agg(md5(n::text || k), '') FROM generate_series(1, 150) AS k)
         FROM generate_series(1, $2::int) AS n`,
      [id, COUNT],
    );
  }

  /** Of which nothing was read yet. */
  async function begun({ base_url }: World, by: Person, format = 'csv'): Promise<IncomingMessage> {
    const { token } = by;
    const call = get(`${base_url}/api/v1/contacts/export?format=${format}`, {
      agent: false,
      headers: { authorization: `Bearer ${token}` },
    });
    const [response] = (await once(call, 'response')) as [IncomingMessage];
    return response;
  }

  it('waits for PostgreSQL and goes on: the file is whole', async () => {
    const w = await world();
    await many(w, w.acme);
    const holder = await new DataSource(w.app.get(Database).source.options).initialize();
    const runner = holder.createQueryRunner();
    try {
      const response = await begun(w, w.acme.admin);
      await runner.startTransaction();
      await runner.query('LOCK TABLE contacts IN ACCESS EXCLUSIVE MODE');
      const bytes = buffer(response);
      let ended = 0;
      await until(async () => {
        const gone = await w.sql(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%contacts%'`,
        );
        ended += gone.length;
        return ended > 0;
      }, 'its connection to be lost');
      await runner.rollbackTransaction();

      const [, ...rows] = tableOf(await bytes);
      expect([rows.length, new Set(rows.map(([whatsapp_id]) => whatsapp_id)).size]).toEqual([COUNT, COUNT]);
    } finally {
      await runner.release();
      await holder.destroy();
    }
  });

  it.each(['csv', 'xlsx', 'json'])('that cannot go on is broken off, and never looks whole: %s', async (format) => {
    const w = await world();
    await many(w, w.acme);
    const response = await begun(w, w.acme.admin, format);
    await w.sql('ALTER TABLE contact_tags RENAME TO contact_tags_away');
    try {
      await expect(buffer(response)).rejects.toThrow('aborted');
    } finally {
      await w.sql('ALTER TABLE contact_tags_away RENAME TO contact_tags');
    }
  });
});

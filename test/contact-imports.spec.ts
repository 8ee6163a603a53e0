import { randomInt } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import type { writeXlsx } from 'hucre/xlsx';
import { newId } from '#common/uuid';
import { DueRows } from '#database/due-rows';
import type { AuditLog } from '#modules/audit/audit-log.entity';
import type { ContactView } from '#modules/contacts/contact.dto';
import type { ContactImportView } from '#modules/contacts/import/contact-import.dto';
import { EventBus } from '#common/events';
import { ZipFile } from 'yazl';
import { socketOf, until } from './support/sockets';
import { type Company, type Person, type World, errorOf, world, wrongField } from './support/world';

/** Of Excel 97: 5511987650031, João Ávila, born 1990-05-17, VIP; and a second sheet. */
const OLD_EXCEL = gunzipSync(
  Buffer.from(
    'H4sIAN/XAmsC/+1YTWgTQRT+ZjebpqFp0poKrVBCwaq1UIoXD7Zpa7UoJEYR/xB0264QmiYlVkUPWq09CoJeFC+FevBS9eIP9mBvIkJFD4IgJPboSVDw0GZ983ZT0lihAQ1G9lvmzZv35s3Mznvzs/t2oS4z/bgpiyJ0Q0XOrIa7QCYoVecLAZDeNCWbzz2UTAcVhWoPOdKt4YXvTZX0ofR3FgoeueaJAp8pncQYoqmkESoj+ngMupBj6BIuij0F9yjVopHHVc90iOkGpg+57hzTHpbcYNpFdTPiBBbC0baddhwfU1pYV0tU4CnbfGRJJxrwSsbxlZvCqquhNx3XExWmaHbVYAbk0gEjaaRl2Y/78AL9/R2RSMdxQgZBcvcMvpsh4Ft+Xb8MOfLyygVI/mO1vOo3cg85sVh+S3EBEzBPCxnMU/Bhl0tqNMQSerJTCrxuS3Dg3HhaX0IvL3O3tWUfNhLGGVrdZBNNjRoUIlH97FB81EiOp1TgyL4YifanFlOh+fPxhE7Vkvqw7pVnAe8dgVV7h49XVA3RYfiZr+N1FaCulh58fRcZjIVPsWSCzwvrVNksXwEmrkoLMq5ljcJUatqY3870Gre6ifkmpkF6M8pbYw02s3eS61xnbSv1s4PxPrylgN9K/NSXg8+apxbD24ifHcheCs5+CE+jhU65YbKXzyTaRbu4e0fieTifC3v/+cS08Ze9yKME7LGb9tHpx7JcfYQ6plZJzo5YKSn2XFkllUqq3ZYoakulGRJWW3MXdo/5bvdJG8Htyfm6rHh5x6zHa1WBpniopHJf3Uo9nvDE9hSc7OXwplihlepNsaY3NXlbkrOKtWbVgQMHDhw4cODgX4Ow79mqfdPW7Jtflf1fZ5lSzvlN8t/iEFL0jNMn5R4kKU/jYknxsxGayLcl1mmT/18ocZR6T2MEgzyOkZLjl27uovB91m0Y+HNLqNT+c6WM8y/3/xNdoK6nABYAAA==',
    'base64',
  ),
);

type Fields = Record<string, string>;

/** A fresh Brazilian mobile. */
const phone = (): string => `55119${randomInt(60_000_000, 99_999_999)}`;

const send = (by: Person, file: Buffer | string, fields: Fields = {}, name = 'contatos.csv') => {
  const call = by.post('/contacts/import').attach('file', Buffer.from(file), name);
  for (const [field, value] of Object.entries(fields)) void call.field(field, value);
  return call;
};

const take = async (by: Person, file: Buffer | string, fields: Fields = {}, name?: string): Promise<ContactImportView> =>
  (await send(by, file, fields, name).expect(201)).body as ContactImportView;

const csv = (...lines: string[]): string => `${lines.join('\n')}\n`;

const countsOf = ({ created, updated, skipped, failed, imported, total_rows, processed_rows }: ContactImportView): object => ({
  created,
  updated,
  skipped,
  failed,
  imported,
  total_rows,
  processed_rows,
});
const counts = (created: number, updated: number, skipped: number, failed: number): object => {
  const total_rows = created + updated + skipped + failed;
  return { created, updated, skipped, failed, imported: created + updated, total_rows, processed_rows: total_rows };
};

const contactOf = async ({ admin }: Company, digits: string): Promise<ContactView> => {
  const { body } = await admin.get(`/contacts?search=${digits}`).expect(200);
  const { items } = body as { items: ContactView[] };
  expect(items).toHaveLength(1);
  return items[0];
};

const howMany = async ({ sql }: World, { id }: Company): Promise<number> => {
  const [{ n }] = await sql<{ n: number }>('SELECT count(*)::int AS n FROM contacts WHERE organization_id = $1 AND deleted_at IS NULL', [
    id,
  ]);
  return n;
};

const workbook = async (rows: Parameters<typeof writeXlsx>[0]['sheets'][0]['rows'], shared = true): Promise<Buffer> => {
  const { writeXlsx } = await import('hucre/xlsx');
  return Buffer.from(
    await writeXlsx({
      sheets: [
        { name: 'Plan1', rows },
        { name: 'Outra', rows: [['nada']] },
      ],
      stringMode: shared ? 'shared' : 'inline',
    }),
  );
};

const zipOf = async (parts: Record<string, string | Buffer>): Promise<Buffer> => {
  const zip = new ZipFile();
  for (const [name, content] of Object.entries(parts)) zip.addBuffer(Buffer.from(content), name);
  zip.end();
  const chunks: Buffer[] = [];
  for await (const chunk of zip.outputStream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
};

/** An archive whose last part says another size of itself. */
function declaring(zip: Buffer, size: number): Buffer {
  const said = Buffer.from(zip);
  said.writeUInt32LE(size, said.lastIndexOf(Buffer.from('504b0102', 'hex')) + 24);
  return said;
}

/** The parts of a spreadsheet around its sheet. */
const BOOK = {
  '_rels/.rels': '<Relationships><Relationship Id="r1" Type="http://x/officeDocument" Target="xl/workbook.xml"/></Relationships>',
  'xl/workbook.xml': '<workbook><sheets><sheet name="A" sheetId="1" r:id="r1"/></sheets></workbook>',
  'xl/_rels/workbook.xml.rels':
    '<Relationships><Relationship Id="r1" Type="http://x/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
};

describe('the doors', () => {
  it('are closed without a token, to viewers, and to other organizations', async () => {
    const { acme, globex, guest } = await world();
    const { id } = await take(acme.agent, csv('telefone', phone()));

    await send(guest, csv('telefone', phone())).expect(401);
    await send(acme.viewer, csv('telefone', phone())).expect(403);
    await acme.viewer.get('/contacts/imports').expect(403);
    await acme.agent.get('/contacts/export').expect(403);
    await guest.get('/contacts/export').expect(401);
    await globex.agent.get(`/contacts/imports/${id}`).expect(404).expect(errorOf('not_found'));
    await acme.agent.get('/contacts/imports/nobody').expect(422);
    const { body } = await globex.agent.get('/contacts/imports').expect(200);
    expect((body as { total: number }).total).toBe(0);
  });

  it('list, filter and sort', async () => {
    const { acme } = await world();
    await take(acme.agent, csv('telefone', phone()), {}, 'um.csv');
    await take(acme.agent, csv('telefone', phone(), phone()), {}, 'dois.csv');

    const names = async (query: string): Promise<string[]> => {
      const { body } = await acme.agent.get(`/contacts/imports?${query}`).expect(200);
      return (body as { items: ContactImportView[] }).items.map(({ filename }) => filename);
    };
    expect(await names('')).toEqual(['dois.csv', 'um.csv']);
    expect(await names('sort=total_rows:asc')).toEqual(['um.csv', 'dois.csv']);
    expect(await names('limit=1&page=2')).toEqual(['um.csv']);
    expect(await names('status=failed')).toEqual([]);
    await acme.agent.get('/contacts/imports?status=gone').expect(wrongField('query', 'status'));
    await acme.agent.get('/contacts/imports?sort=errors').expect(wrongField('query', 'sort'));
  });
});

describe('a file that is none', () => {
  const fine = csv('telefone', '+5511987654321');
  const cases: [string, Buffer | string, string][] = [
    ['of another kind', fine, 'contatos.pdf'],
    ['a picture', Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'), 'contatos.csv'],
    ['half a spreadsheet', Buffer.from('504b030414000000', 'hex'), 'contatos.xlsx'],
    ['half an old one', Buffer.concat([Buffer.from('d0cf11e0a1b11ae1', 'hex'), Buffer.alloc(600)]), 'contatos.xls'],
    ['a quotation mark that is never closed', 'telefone,nome\n5511987654321,"Ana\n', 'contatos.csv'],
  ];
  it.each(cases)('is unsupported: %s', async (_, file, name) => {
    const { acme } = await world();
    await send(acme.agent, file, {}, name).expect(422).expect(errorOf('unsupported_file')).expect(wrongField('file'));
  });

  it('is something else than its name says, and the answer names what is wanted', async () => {
    const { acme } = await world();
    const sheet = '<worksheet><sheetData><row><c t="str"><v>telefone</v></c></row></sheetData></worksheet>';
    const book = await zipOf({ ...BOOK, 'xl/worksheets/sheet1.xml': sheet });

    for (const [file, name, wanted] of [
      [fine, 'contatos.xlsx', 'is called .xlsx, but it is no spreadsheet'],
      [fine, 'contatos.XLS', 'is called .xls, but it is no spreadsheet'],
      [book, 'contatos.csv', 'is called .csv, but it is a spreadsheet'],
    ] as const) {
      const { body } = await send(acme.agent, file, {}, name).expect(422).expect(errorOf('unsupported_file'));
      expect((body as { detail: { msg: string }[] }).detail[0].msg).toContain(wanted);
    }
  });

  it('says of a quotation mark that it is never closed, however much comes after it', async () => {
    const { acme } = await world();
    const { body } = await send(acme.agent, `telefone,nome\n5511987654321,"Ana\n${'x'.repeat(1_100_000)}`).expect(422);
    expect((body as { detail: { msg: string }[] }).detail[0].msg).toContain('a quotation mark is opened and never closed');
  });

  it.each([
    ['more rows than', '\n'.repeat(1_200_000)],
    ['too long', `telefone\n${','.repeat(2_000_000)}`],
  ])('has %s a spreadsheet can, of nothing at all', async (flaw, nothing) => {
    const { acme } = await world();
    const { body } = await send(acme.agent, nothing).expect(422).expect(errorOf('unsupported_file'));
    expect((body as { detail: { msg: string }[] }).detail[0].msg).toContain(flaw);
  });

  it('is missing', async () => {
    const { acme } = await world();
    await acme.agent.post('/contacts/import').field('dry_run', 'true').expect(422).expect(errorOf('unsupported_file'));
  });

  it('is an archive that is no spreadsheet, or unfolds to far more than it is', async () => {
    const { acme } = await world();
    const refused = (zip: Buffer) => send(acme.agent, zip, {}, 'contatos.xlsx').expect(422).expect(errorOf('unsupported_file'));
    const sheet = '<worksheet><sheetData><row><c t="str"><v>telefone</v></c></row></sheetData></worksheet>';
    const book = await zipOf({ ...BOOK, 'xl/worksheets/sheet1.xml': sheet + ' '.repeat(1_000_000) });

    await refused(await zipOf({ 'leia.txt': 'nada' }));
    await refused(declaring(book, 400 * 1024 * 1024));
    // It says less than it is: it is held to what it says.
    await refused(declaring(book, sheet.length));
    await refused(
      await zipOf({ ...BOOK, 'xl/worksheets/sheet1.xml': `<!DOCTYPE x [<!ENTITY a "b">]>${sheet.replace('telefone', '&a;')}` }),
    );
    await acme.agent.get('/contacts').expect(200);
  });

  it('has no rows, no phone, too many rows, or too many bytes', async () => {
    const { acme } = await world();
    await send(acme.agent, '').expect(wrongField('file'));
    await send(acme.agent, csv('telefone,nome', '', ' ')).expect(wrongField('file'));
    await send(acme.agent, csv('nome,email', 'Ana,ana@x.example')).expect(422).expect(errorOf('missing_phone_column'));
    await send(acme.agent, csv('telefone', ...Array<string>(50_001).fill('1'))).expect(wrongField('file'));
    await send(acme.agent, Buffer.alloc(10 * 1024 * 1024 + 1, 'a'))
      .expect(413)
      .expect(errorOf('payload_too_large'));
    const { body } = await acme.agent.get('/contacts/imports').expect(200);
    expect((body as { total: number }).total).toBe(0);
  });

  it('comes with a wrong word', async () => {
    const { acme } = await world();
    const wrong: [string, string][] = [
      ['on_duplicate', 'perhaps'],
      ['mapping', 'no json'],
      ['mapping', '{"Fone": 5}'],
      ['mapping', '{"Fone": "whatsapp_id"}'],
      ['mapping', '{"telefone": "shoe_size"}'],
      ['default_country_code', 'BR'],
      ['opt_in', 'maybe'],
      ['dry_run', 'maybe'],
      ['tags', 'a;b'],
      ['tags', newId()],
    ];
    for (const [field, value] of wrong) await send(acme.agent, fine, { [field]: value }).expect(wrongField(field));
  });
});

describe('a row', () => {
  it('of a spreadsheet has the number the file gives it, unless that can be none', async () => {
    const { acme } = await world();
    const cell = (text: string): string => `<c t="str"><v>${text}</v></c>`;
    const numbers = ['1e400', '99999999999999', '-7', '1.5', '9', '9'];
    const rows = numbers.map((number) => `<row r="${number}">${cell('x')}</row>`).join('');
    const sheet = `<worksheet><sheetData><row>${cell('telefone')}</row>${rows}</sheetData></worksheet>`;

    const { errors } = await take(acme.agent, await zipOf({ ...BOOK, 'xl/worksheets/sheet1.xml': sheet }), {}, 'contatos.xlsx');

    expect(errors.map(({ row }) => row)).toEqual([2, 3, 4, 5, 9, 10]);
  });

  it('of a file of Brazilian Excel is read as it is meant', async () => {
    const w = await world();
    const { acme } = w;
    const [first, second] = [phone(), phone()];
    const text = [
      'Celular;Nome Completo;E-MAIL;Empresa;Observações;Etiquetas;attr.Tamanho;Data de nascimento;Sim ou não?;VIP',
      `(${first.slice(2, 4)}) ${first.slice(4, 9)}-${first.slice(9)};João Conceição;JOAO@X.EXAMPLE;'=Padaria;"um; dois\nlinhas";Feira, Atacado|feira;G;17/05/1990;;sim`,
      '',
      '5,51199E+12;Perdida;;;;;;;;',
      `${second};Bia;no mail;;;;;;;`,
      ';Ninguém;;;;;;;;',
      `+${second};Bia;;;;;;;;não`,
    ].join('\r\n');

    const answer = await take(acme.agent, Buffer.from(text, 'latin1'), { default_country_code: '55', tags: '["Todos"]' });

    expect(answer).toMatchObject({ status: 'completed', filename: 'contatos.csv', created_by: acme.agent.user.id, dry_run: false });
    expect(countsOf(answer)).toEqual(counts(2, 0, 0, 3));
    expect(answer.errors.map(({ row, field, value }) => ({ row, field, value }))).toEqual([
      { row: 4, field: 'whatsapp_id', value: '5,51199E+12' },
      { row: 5, field: 'email', value: 'no mail' },
      { row: 6, field: 'whatsapp_id', value: null },
    ]);
    const contact = await contactOf(acme, first.slice(5));
    expect(contact).toMatchObject({
      whatsapp_id: `+${first}`,
      name: 'João Conceição',
      email: 'joao@x.example',
      company: '=Padaria',
      notes: 'um; dois\nlinhas',
      tags: ['Atacado', 'Feira', 'Todos'],
      attributes: { Tamanho: 'G', data_de_nascimento: '17/05/1990' },
      source: 'import',
      is_vip: true,
      opt_in: true,
      identities: [{ kind: 'phone', is_active: true }],
    });
    expect(await contactOf(acme, second.slice(5))).toMatchObject({ name: 'Bia', is_vip: false, tags: ['Todos'] });
  });

  it('is mapped, ignored, and the second phone of two is the other one', async () => {
    const { acme } = await world();
    const [mobile, home] = [phone(), '551130000001'];
    const file = csv('telefone,whatsapp,Quem,Cor,created_at', `${home},${mobile},Ana,azul,2020-01-01`);

    await take(acme.agent, file, { mapping: '{"Quem": "name", "COR": "attributes.cor", "created_at": null}' });

    expect(await contactOf(acme, mobile.slice(5))).toMatchObject({
      name: 'Ana',
      whatsapp_id: `+${mobile}`,
      alternative_phone: `+${home}`,
      attributes: { cor: 'azul' },
    });
  });

  it.each([true, false])('of a spreadsheet is read by its values, not by what Excel shows (shared texts: %s)', async (shared) => {
    const { acme } = await world();
    const digits = phone();
    const file = await workbook(
      [
        ['Telefone', 'Nome', 'Nascimento', 'VIP', 'lead_score', 'attributes.n'],
        [Number(digits), 'João & <Ana>', new Date('1990-05-17T00:00:00Z'), true, 40, 1.5],
        [],
        ['+5', 'curto', null, null, null, null],
      ],
      shared,
    );

    const answer = await take(acme.agent, file, {}, 'contatos.xlsx');

    expect(countsOf(answer)).toEqual(counts(1, 0, 0, 1));
    expect(answer.errors).toMatchObject([{ row: 4, field: 'whatsapp_id', value: '+5' }]);
    expect(await contactOf(acme, digits.slice(5))).toMatchObject({
      name: 'João & <Ana>',
      attributes: { Nascimento: '1990-05-17', n: 1.5 },
      is_vip: true,
      lead_score: 40,
    });
  });

  it('of Excel 97 is read too', async () => {
    const { acme } = await world();
    expect(countsOf(await take(acme.agent, OLD_EXCEL, {}, 'antigo.xls'))).toEqual(counts(1, 0, 0, 0));
    expect(await contactOf(acme, '87650031')).toMatchObject({ name: 'João Ávila', is_vip: true, attributes: { Nascimento: '1990-05-17' } });
  });

  it('is refused as the API refuses it, and by itself', async () => {
    const { acme } = await world();
    const good = phone();
    const long = Array.from({ length: 51 }, (_, n) => `t${n}`).join('|');
    const file = csv(
      'whatsapp_id,lead_score,opt_in,assigned_agent_email,tags,attr.x',
      `${phone()},1001,,,,`,
      `${phone()},,perhaps,,,`,
      `${phone()},,,nobody@x.example,,`,
      `${phone()},,,${acme.viewer.user.email},,`,
      `${phone()},,,,${long},`,
      `${phone()},,,,${newId()},`,
      `${phone()},,,,,${'x'.repeat(1001)}`,
      `${good},7,sim,${acme.agent.user.email},a,b`,
    );

    const answer = await take(acme.agent, file);

    expect(answer.errors.map(({ row, field }) => `${row} ${field}`)).toEqual([
      '2 lead_score',
      '3 opt_in',
      '4 assigned_agent_email',
      '5 assigned_agent_email',
      '6 tags',
      '7 tags',
      '8 attributes.x',
    ]);
    expect(countsOf(answer)).toEqual(counts(1, 0, 0, 7));
    expect(await contactOf(acme, good.slice(5))).toMatchObject({ lead_score: 7, assigned_agent_id: acme.agent.user.id });
  });
});

describe('a person who is a contact already', () => {
  it('is skipped, an error, or updated, with and without the ninth digit', async () => {
    const { acme } = await world();
    const digits = phone();
    const without = digits.slice(0, 4) + digits.slice(5);
    const { body } = await acme.agent
      .post('/contacts', { whatsapp_id: `+${without}`, name: 'Ana', company: 'Velha', tags: ['a'], attributes: { x: '1', y: '2' } })
      .expect(201);
    const file = csv('phone,name,company,tags,attr.x,attr.z', `${digits},Ana Lima,,b,9,8`, `${digits},,Nova,,,`);

    expect(countsOf(await take(acme.agent, file))).toEqual(counts(0, 0, 2, 0));
    const refused = await take(acme.agent, file, { on_duplicate: 'error' });
    expect(countsOf(refused)).toEqual(counts(0, 0, 0, 2));
    expect(refused.errors).toMatchObject([{ row: 2, field: 'whatsapp_id' }, { row: 3 }]);
    expect(await contactOf(acme, digits.slice(5))).toMatchObject({ name: 'Ana', company: 'Velha', tags: ['a'] });

    expect(countsOf(await take(acme.agent, file, { update_existing: 'true' }))).toEqual(counts(0, 2, 0, 0));
    expect(await contactOf(acme, digits.slice(5))).toMatchObject({
      id: (body as ContactView).id,
      whatsapp_id: `+${without}`,
      name: 'Ana Lima',
      company: 'Nova',
      tags: ['a', 'b'],
      attributes: { x: '9', y: '2', z: '8' },
      source: 'api',
    });

    await take(acme.agent, file, { on_duplicate: 'update', replace_tags: 'true' });
    expect((await contactOf(acme, digits.slice(5))).tags).toEqual(['b']);
  });

  it('may be a new one of an earlier row', async () => {
    const { acme } = await world();
    const digits = phone();
    const file = csv('phone,name,company', `${digits},Ana,`, `+${digits},,Nova`);

    expect(countsOf(await take(acme.agent, file, { dry_run: 'true' }))).toEqual(counts(1, 0, 1, 0));
    expect(countsOf(await take(acme.agent, file, { on_duplicate: 'update' }))).toEqual(counts(1, 1, 0, 0));
    expect(await contactOf(acme, digits.slice(5))).toMatchObject({ name: 'Ana', company: 'Nova' });
  });

  it('is blocked and opts out as by hand: conversations close, the ledger says so', async () => {
    const w = await world();
    const { acme } = w;
    const digits = phone();
    const { body } = await acme.agent.post('/contacts', { whatsapp_id: `+${digits}` }).expect(201);
    const { id } = body as ContactView;
    const conversation_id = newId();
    await w.sql(`INSERT INTO conversations (id, organization_id, contact_id, status, last_message_at) VALUES ($1, $2, $3, 'open', now())`, [
      conversation_id,
      acme.id,
      id,
    ]);
    const heard: string[] = [];
    for (const name of ['created', 'updated', 'blocked', 'opted_out'] as const)
      w.app.get(EventBus).on(`contact.${name}`, ({ contact }) => (contact.organization_id === acme.id ? void heard.push(name) : undefined));

    const answer = await take(acme.agent, csv('phone,opt_in,is_blocked', `${digits},não,sim`), { on_duplicate: 'update', opt_in: 'true' });

    expect(countsOf(answer)).toEqual(counts(0, 1, 0, 0));
    expect(heard).toEqual(['updated', 'blocked', 'opted_out']);
    expect(await contactOf(acme, digits.slice(5))).toMatchObject({
      opt_in: false,
      is_blocked: true,
      opt_out_date: expect.any(String) as string,
    });
    expect(await w.sql('SELECT status FROM conversations WHERE id = $1', [conversation_id])).toEqual([{ status: 'closed' }]);
    expect(await w.sql('SELECT granted, channel, recorded_by, evidence FROM consents WHERE subject_id = $1', [id])).toEqual([
      { granted: false, channel: 'import', recorded_by: acme.agent.user.id, evidence: `Import ${answer.id}.` },
    ]);
  });
});

describe('leave to write first', () => {
  it('is as the form and the row say, in the ledger only where it is said, and never given back to who wanted to be forgotten', async () => {
    const w = await world();
    const { acme } = w;
    const [silent, said, formed, forgotten] = [phone(), phone(), phone(), phone()];
    const { body } = await acme.agent.post('/contacts', { whatsapp_id: `+${forgotten}` }).expect(201);
    await acme.admin.delete(`/privacy/data/${(body as ContactView).id}?subject_type=contact`).expect(200);

    await take(acme.agent, csv('phone,opt_in', `${silent},`, `${said},sim`));
    await take(acme.agent, csv('phone', formed, forgotten), { opt_in: 'true' });

    const rows = await w.sql<{ key: string; opt_in: boolean; granted: boolean | null }>(
      `SELECT right(c.whatsapp_id, 8) AS key, c.opt_in, k.granted FROM contacts c LEFT JOIN consents k ON k.subject_id = c.id AND k.is_current
        WHERE c.organization_id = $1 AND c.deleted_at IS NULL ORDER BY c.created_at, c.id`,
      [acme.id],
    );
    expect(new Map(rows.map(({ key, opt_in, granted }) => [key, { opt_in, granted }]))).toEqual(
      new Map([
        [silent.slice(-8), { opt_in: true, granted: null }],
        [said.slice(-8), { opt_in: true, granted: true }],
        [formed.slice(-8), { opt_in: true, granted: true }],
        [forgotten.slice(-8), { opt_in: false, granted: null }],
      ]),
    );
  });

  it('that was taken back is not given again by a form', async () => {
    const { acme } = await world();
    const digits = phone();
    await acme.agent.post('/contacts', { whatsapp_id: `+${digits}`, opt_in: false }).expect(201);
    await take(acme.agent, csv('phone,name', `${digits},Ana`), { on_duplicate: 'update', opt_in: 'true' });
    expect(await contactOf(acme, digits.slice(5))).toMatchObject({ name: 'Ana', opt_in: false });
  });
});

describe('the plan', () => {
  const limited = async (w: World, max: number): Promise<Company> => {
    const company = await w.organization('Padaria');
    await w.sql(`UPDATE organizations SET plan_limit_overrides = jsonb_build_object('max_contacts', $2::int) WHERE id = $1`, [
      company.id,
      max,
    ]);
    return company;
  };

  it('holds: what is too many is an error of its row, and with no room at all nothing is begun', async () => {
    const w = await world();
    const company = await limited(w, 2);
    const lines = [phone(), phone(), phone()];
    const answer = await take(company.agent, csv('phone', ...lines));
    expect(countsOf(answer)).toEqual(counts(2, 0, 0, 1));
    expect(answer.errors).toMatchObject([{ row: 4, field: null, message: 'the plan allows no more contacts' }]);

    await send(company.agent, csv('phone', phone())).expect(403).expect(errorOf('plan_limit_exceeded'));
    const update = csv('phone,name', `${lines[0]},Ana`, `${phone()},Bia`);
    expect(countsOf(await take(company.agent, update, { on_duplicate: 'update' }))).toEqual(counts(0, 1, 0, 1));
  });

  it('holds for many who import at once', async () => {
    const w = await world();
    const company = await limited(w, 20);
    await Promise.all(Array.from({ length: 10 }, () => send(company.agent, csv('phone', phone(), phone(), phone(), phone()))));
    expect(await howMany(w, company)).toBe(20);
  });
});

it('50 at once with the same people make each of them once', async () => {
  const w = await world();
  const { acme } = w;
  const people = Array.from({ length: 20 }, phone);
  const [answers, made] = await Promise.all([
    Promise.all(Array.from({ length: 50 }, (_, n) => take(acme.agent, csv('phone', ...(n % 2 ? people : people.toReversed()))))),
    Promise.all(people.map((digits) => acme.agent.post('/contacts', { whatsapp_id: `+${digits}` }))),
  ]);

  expect(await howMany(w, acme)).toBe(20);
  const created = answers.reduce((sum, answer) => sum + answer.created, 0) + made.filter(({ status }) => status === 201).length;
  expect(created).toBe(20);
  expect(answers.every(({ created, skipped }) => created + skipped === 20)).toBe(true);
});

it('a dry run writes nothing and says what would be', async () => {
  const w = await world();
  const { acme } = w;
  const file = csv('phone,tags', `${phone()},Nova`, 'ninguém,');
  const answer = await take(acme.agent, file, { dry_run: 'true' });

  expect(answer).toMatchObject({ dry_run: true, status: 'completed' });
  expect(countsOf(answer)).toEqual(counts(1, 0, 0, 1));
  expect(await howMany(w, acme)).toBe(0);
  const { body } = await acme.agent.get('/contacts/tags').expect(200);
  expect((body as { total: number }).total).toBe(0);
});

describe('more than 1,000 rows', () => {
  const many = (n: number): string => csv('phone,name', ...Array.from({ length: n }, (_, i) => `5511${800_000_000 + i},Ana ${i}`), 'x,y');

  it('are a job: told on sockets, said once, and nothing of the file is left', async () => {
    const w = await world();
    const { acme, globex } = w;
    const [socket, stranger] = await Promise.all([socketOf(acme.viewer), socketOf(globex.viewer)]);
    const file = many(1200);

    const queued = await take(acme.agent, file);
    // Or begun already.
    expect(queued).toMatchObject({ status: expect.stringMatching(/^(queued|processing)$/), total_rows: 1201, finished_at: null });
    const last = await socket.hear('contact:import_progress', ({ status }) => status === 'completed');

    expect(last).toMatchObject({ import_id: queued.id, total_rows: 1201, processed_rows: 1201, created_count: 1200, failed_count: 1 });
    const { body } = await acme.agent.get(`/contacts/imports/${queued.id}`).expect(200);
    expect(countsOf(body as ContactImportView)).toEqual(counts(1200, 0, 0, 1));
    expect((body as ContactImportView).errors).toMatchObject([{ row: 1202, field: 'whatsapp_id', value: 'x' }]);
    expect(await howMany(w, acme)).toBe(1200);
    expect(await w.sql('SELECT 1 FROM contact_import_parts WHERE organization_id = $1', [acme.id])).toEqual([]);
    expect(socket.all('contact:created')).toEqual([]);
    expect(stranger.all('contact:import_progress')).toEqual([]);
    await until(async () => (await said(w, acme)).length === 1);
    expect((await said(w, acme))[0]).toMatchObject({
      resource_id: queued.id,
      user_id: acme.agent.user.id,
      actor_role: 'agent',
      metadata: { created_count: 1200, failed_count: 1, total_rows: 1201 },
    });

    const again = await take(acme.agent, file, { dry_run: 'true' });
    await socket.hear('contact:import_progress', ({ import_id, status }) => import_id === again.id && status === 'completed');
    const { body: dry } = await acme.agent.get(`/contacts/imports/${again.id}`).expect(200);
    expect(countsOf(dry as ContactImportView)).toEqual(counts(0, 0, 1200, 1));
  });

  it('are gone on with where a process died, without a row twice or lost', async () => {
    const w = await world();
    const { acme } = w;
    // Held back as by a process that is at another one of theirs.
    const other = await take(acme.agent, csv('phone', phone()));
    await w.sql(`UPDATE contact_imports SET due_at = now() + interval '1 hour' WHERE id = $1`, [other.id]);
    const { id } = await take(acme.agent, many(1200));
    const [first] = await w.sql<{ id: string }>('SELECT id FROM contact_import_parts WHERE import_id = $1 ORDER BY id', [id]);
    // What the dead one had in: a batch, its counts, and its lease, which has run out.
    await w.sql('DELETE FROM contact_import_parts WHERE id = $1', [first.id]);
    await w.sql(
      `UPDATE contact_imports SET status = 'processing', processed_rows = 250, created_count = 250, started_at = now(), attempts = 1 WHERE id = $1`,
      [id],
    );
    await w.sql('UPDATE contact_imports SET due_at = NULL WHERE id = $1', [other.id]);
    await w.app.get(DueRows).sweep();
    await w.app.get(DueRows).idle();

    const { body } = await acme.agent.get(`/contacts/imports/${id}`).expect(200);
    expect(body).toMatchObject({ status: 'completed' });
    expect(countsOf(body as ContactImportView)).toEqual(counts(1200, 0, 0, 1));
    // 250 of the counts are of the dead process, whose contacts this test never made.
    expect(await howMany(w, acme)).toBe(951);
  });

  it('that come to nothing again and again are given up', async () => {
    const w = await world();
    const { acme } = w;
    const other = await take(acme.agent, csv('phone', phone()));
    await w.sql(`UPDATE contact_imports SET due_at = now() + interval '1 hour' WHERE id = $1`, [other.id]);
    const { id } = await take(acme.agent, many(1200));
    await w.sql('UPDATE contact_imports SET attempts = 5 WHERE id = $1', [id]);
    await w.sql('UPDATE contact_imports SET due_at = NULL WHERE id = $1', [other.id]);
    await w.app.get(DueRows).sweep();
    await w.app.get(DueRows).idle();

    const { body } = await acme.agent.get(`/contacts/imports/${id}`).expect(200);
    expect(body).toMatchObject({ status: 'failed', errors: [{ row: null }], finished_at: expect.any(String) as string });
    expect(await w.sql('SELECT 1 FROM contact_import_parts WHERE import_id = $1', [id])).toEqual([]);
  });

  it('wait five at most', async () => {
    const w = await world();
    const { acme } = w;
    const other = await take(acme.agent, csv('phone', phone()));
    await w.sql(`UPDATE contact_imports SET due_at = now() + interval '1 hour' WHERE id = $1`, [other.id]);
    const answers = await Promise.all(Array.from({ length: 8 }, () => send(acme.agent, many(1001))));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 201, 201, 201, 201, 409, 409, 409]);
    expect(answers.find(({ status }) => status === 409)?.body).toMatchObject({ error_code: 'too_many_imports' });
  });
});

const said = ({ sql }: World, { id }: Company): Promise<AuditLog[]> =>
  sql<AuditLog>(
    `SELECT * FROM audit_logs WHERE organization_id = $1 AND action = 'contact.imported' AND (metadata->>'dry_run')::boolean IS NOT TRUE`,
    [id],
  );

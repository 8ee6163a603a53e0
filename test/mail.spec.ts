import { newId } from '#common/uuid';
import { Encryption } from '#common/encryption';
import { Database } from '#database/database';
import { DueRows } from '#database/due-rows';
import { declareMail, mailCatalogue } from '#mail/mail-texts';
import { type NewMail, Mails } from '#mail/mails';
import { Metrics } from '#observability/metrics';
import { type Mailbox, mailbox } from './support/mailbox';
import { until } from './support/sockets';
import { type World, world } from './support/world';

declareMail(
  'test.parcel',
  {
    'pt-BR': {
      subject: 'Encomenda para {{who}}',
      text: 'Olá, {{who}}.\n\nSua encomenda chegou.\nVenha buscar.',
      action: { label: 'Ver a encomenda', url: '{{link}}' },
      small: 'Vale por {{days}} dias.',
    },
    en: {
      subject: 'A parcel for {{who}}',
      text: 'Hello {{who}}.\n\nYour parcel is here.\nCome and get it.',
      action: { label: 'See the parcel', url: '{{link}}' },
      small: 'Good for {{days}} days.',
    },
  },
  { per_hour: 3 },
);

const values = { who: 'Ana', link: 'https://app.example/parcels#token=s3cr3t', days: 3 };

let box: Mailbox;
let w: World;
let count = 0;

beforeAll(async () => {
  box = await mailbox();
  w = await world({ ...box.env, APP_URL: 'https://app.example', MAIL_FROM: 'Padaria <no-reply@padaria.example>' });
});
afterAll(() => box.close());

const somebody = (): string => `somebody-${++count}@mail.example`;

const queue = (mail: Partial<NewMail> & { to: string }): Promise<boolean> =>
  w.app
    .get(Database)
    .tx((tx) => w.app.get(Mails).queue(tx, { organization_id: w.acme.id, language: null, mail: 'test.parcel', values, ...mail }));

interface Row {
  status: string;
  attempts: number;
  error: string | null;
  id: string;
  organization_id: string;
  values_encrypted: string | null;
  settled_at: Date | null;
}

const rowOf = async (to: string): Promise<Row> => {
  const [row] = await w.sql<Row>(
    'SELECT id, organization_id, status, attempts, error, values_encrypted, settled_at FROM outbound_mails WHERE recipient = $1 ORDER BY created_at DESC LIMIT 1',
    [to],
  );
  return row;
};

const settled = async (to: string): Promise<Row> => {
  await until(async () => (await rowOf(to))?.settled_at, `the end of the mail to ${to}`);
  return rowOf(to);
};

/** As if the pause before the next try were over. */
const nextTry = async (to: string): Promise<void> => {
  await w.sql("UPDATE outbound_mails SET due_at = now() - interval '1 minute', error = NULL WHERE recipient = $1 AND status = 'pending'", [
    to,
  ]);
  await w.app.get(DueRows).sweep();
};

describe('a mail', () => {
  it('leaves with the commit, in both forms, in the language of the organization', async () => {
    const to = somebody();

    await queue({ to });

    const mail = await box.newest(to);
    expect(mail).toMatchObject({
      subject: 'Encomenda para Ana',
      from: { name: 'Padaria', address: 'no-reply@padaria.example' },
      to: [{ address: to }],
    });
    expect(mail.text.trimEnd()).toBe(
      'Olá, Ana.\n\nSua encomenda chegou.\nVenha buscar.\n\nVer a encomenda:\nhttps://app.example/parcels#token=s3cr3t\n\n' +
        'Vale por 3 dias.\n\n-- \nMensagem automática do PyTake · https://app.example',
    );
    expect(mail.html).toContain('<html lang="pt-BR">');
    expect(mail.html).toContain('<p style="margin:0 0 16px">Sua encomenda chegou.<br>Venha buscar.</p>');
    expect(mail.html).toContain('href="https://app.example/parcels#token=s3cr3t"');
    expect(mail.headers).toEqual(expect.arrayContaining([expect.objectContaining({ key: 'auto-submitted', value: 'auto-generated' })]));
    expect(mail.html).not.toMatch(/<(?:img|script|link|iframe)|url\(/i);
  });

  it('speaks English to who wants it, and to who speaks neither', async () => {
    for (const language of ['en-GB', 'fr']) {
      const to = somebody();
      await queue({ to, language });

      expect(await box.newest(to)).toMatchObject({
        subject: 'A parcel for Ana',
        html: expect.stringContaining('<html lang="en">') as string,
      });
    }
    await w.globex.admin.put('/organizations/me/settings', { language: 'en' }).expect(200);
    const to = somebody();
    await queue({ to, organization_id: w.globex.id });
    expect((await box.newest(to)).subject).toBe('A parcel for Ana');
  });

  it('takes values as text: no markup, no further header, no other kind of address', async () => {
    const to = somebody();

    await queue({ to, values: { ...values, who: '<img src=x onerror=alert(1)>\r\nBcc: eve@evil.example', link: 'javascript:alert(1)' } });

    const mail = await box.newest(to);
    expect(mail.html).not.toContain('<img');
    expect(mail.html).toContain('&#60;img');
    expect(`${mail.html}${mail.text}`).not.toContain('javascript:');
    expect(mail.bcc).toBeUndefined();
    expect(mail.subject).toBe('Encomenda para <img src=x onerror=alert(1)> Bcc: eve@evil.example');
    expect(box.of('eve@evil.example')).toEqual([]);
  });

  it('leaves not at all when its transaction does not', async () => {
    const to = somebody();
    const database = w.app.get(Database);

    const failed = database.tx(async (tx) => {
      await w.app.get(Mails).queue(tx, { organization_id: w.acme.id, to, language: null, mail: 'test.parcel', values });
      throw new Error('changed my mind');
    });

    await expect(failed).rejects.toThrow('changed my mind');
    await w.app.get(DueRows).sweep();
    await w.app.get(DueRows).idle();
    expect(await rowOf(to)).toBeUndefined();
    expect(box.of(to)).toEqual([]);
  });

  it('keeps what it says sealed until it is sent, and then no more', async () => {
    const to = somebody();
    box.refuses.set(to, 451);
    await queue({ to });
    await until(async () => (await rowOf(to)).error, 'the first try');

    const waiting = await rowOf(to);
    expect(waiting).toMatchObject({ status: 'pending', attempts: 1, settled_at: null });
    expect(JSON.stringify(waiting)).not.toContain('s3cr3t');
    expect(w.app.get(Encryption).decrypt(waiting.values_encrypted ?? '', [waiting.organization_id, waiting.id])).toContain('s3cr3t');

    box.refuses.delete(to);
    await nextTry(to);
    await box.newest(to);
    expect(await settled(to)).toMatchObject({ status: 'sent', attempts: 2, error: null, values_encrypted: null });
  });

  it('is tried three times, and then failed', async () => {
    const to = somebody();
    box.refuses.set(to, 451);

    await queue({ to });
    for (const attempts of [1, 2, 3]) {
      await until(async () => (await rowOf(to)).attempts === attempts && (await rowOf(to)).error, `try ${attempts}`);
      if (attempts < 3) await nextTry(to);
    }

    expect(await settled(to)).toMatchObject({
      status: 'failed',
      attempts: 3,
      values_encrypted: null,
      error: expect.stringContaining('451') as string,
    });
    await nextTry(to);
    await w.app.get(DueRows).idle();
    expect(await rowOf(to)).toMatchObject({ status: 'failed', attempts: 3 });
  });

  it('is not tried again where the server says there is nobody', async () => {
    const to = somebody();
    box.refuses.set(to, 550);

    await queue({ to });

    expect(await settled(to)).toMatchObject({ status: 'failed', attempts: 1, values_encrypted: null });
  });

  it('of a worker that died is tried again, and given up after three of them', async () => {
    const to = somebody();
    const dead = async (attempts: number): Promise<void> => {
      const id = newId();
      await w.sql(
        `INSERT INTO outbound_mails (id, organization_id, recipient, mail, values_encrypted, attempts, due_at)
         VALUES ($5, $1, $2, 'test.parcel', $3, $4, now() - interval '1 minute')`,
        [w.acme.id, to, w.app.get(Encryption).encrypt(JSON.stringify(values), [w.acme.id, id]), attempts, id],
      );
      await w.app.get(DueRows).sweep();
    };

    await dead(2);
    await box.newest(to);
    expect(await settled(to)).toMatchObject({ status: 'sent', attempts: 3 });
    await dead(3);
    expect(await settled(to)).toMatchObject({ status: 'failed', attempts: 4 });
    expect(box.of(to)).toHaveLength(1);
  });

  it('comes no more than so often to one person and hour, others have their own share', async () => {
    const [to, other] = [somebody(), somebody()];

    for (const queued of [true, true, true, false]) expect(await queue({ to })).toBe(queued);
    expect(await queue({ to: other })).toBe(true);
    await w.sql("UPDATE outbound_mails SET created_at = created_at - interval '61 minutes' WHERE recipient = $1", [to]);
    expect(await queue({ to })).toBe(true);

    await box.newest(to, 4);
    expect(box.of(to)).toHaveLength(4);
  });

  it('is sent once, however many find it due at once', async () => {
    const to = somebody();
    box.refuses.set(to, 451);
    await queue({ to });
    await until(async () => (await rowOf(to)).error, 'the first try');
    box.refuses.delete(to);

    await w.sql("UPDATE outbound_mails SET due_at = now() - interval '1 minute' WHERE recipient = $1", [to]);
    await Promise.all(Array.from({ length: 50 }, () => w.app.get(DueRows).sweep()));
    await settled(to);
    await w.app.get(DueRows).idle();

    expect(box.of(to)).toHaveLength(1);
  });

  it('counts, and says how many wait', async () => {
    await until(async () => !(await w.sql("SELECT 1 FROM outbound_mails WHERE status = 'pending'")).length, 'the last mail');

    const metrics = await w.app.get(Metrics).scrape();

    expect(metrics).toMatch(/mails_total\{result="sent"\} [1-9]/);
    expect(metrics).toMatch(/mails_total\{result="retried"\} [1-9]/);
    expect(metrics).toMatch(/mails_total\{result="failed"\} [1-9]/);
    expect(metrics).toMatch(/^mails_waiting 0$/m);
  });
});

describe('the mails of the house', () => {
  it('have names of their rooms, and short subjects', () => {
    for (const [name, { texts }] of mailCatalogue())
      for (const [language, { subject }] of Object.entries(texts))
        expect({ name: /^[a-z_]+\.[a-z_]+$/.test(name), language, short: subject.length <= 80 }).toEqual({
          name: true,
          language,
          short: true,
        });
  });

  it('are declared once, with the same values in each language, and queued with all of them', async () => {
    const text = { subject: 'Hi {{who}}', text: 'Hi' };
    expect(() => declareMail('test.parcel', { 'pt-BR': text, en: text })).toThrow('twice');
    expect(() => declareMail('test.other', { 'pt-BR': text, en: { ...text, subject: 'Hi' } })).toThrow('other values');
    await expect(queue({ to: somebody(), mail: 'test.unknown' })).rejects.toThrow('Nobody declared');
    await expect(queue({ to: somebody(), values: { who: 'Ana' } })).rejects.toThrow('lacks days, link');
  });
});

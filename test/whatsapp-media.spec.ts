import { setTimeout as sleep } from 'node:timers/promises';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import express from 'express';
import request from 'supertest';
import { Actor } from '#common/actor';
import { EventBus } from '#common/events';
import { newId } from '#common/uuid';
import { Database } from '#database/database';
import { DueRows } from '#database/due-rows';
import { Conversation } from '#modules/conversations/conversation.entity';
import { Message, type MessageMedia, MessageDirection, MessageType, SenderType } from '#modules/conversations/messages/message.entity';
import { newMessage } from '#modules/conversations/messages/new-message';
import { FetchMedia } from '#modules/whatsapp/media/fetch-media';
import type { Media, MediaOfMessage } from '#modules/whatsapp/media/media.dto';
import { MediaService } from '#modules/whatsapp/media/media.service';
import { sendError, toAppError } from '#api/errors.filter';
import { type FakeMeta, META_SECRET, META_TOKEN, fakeMeta, tried } from './support/fake-meta';
import { PNG } from './support/files';
import { rowOf } from './support/rows';
import { type Company, type Person, type World, close, errorOf, world, wrongField } from './support/world';

let meta: FakeMeta;
let house: World;
let acme: Company;
let globex: Company;
let media: MediaService;

beforeAll(async () => {
  meta = await fakeMeta();
});
afterAll(async () => {
  await close();
  await meta.close();
});
beforeEach(async () => {
  house = await world(meta.env);
  ({ acme, globex } = house);
  media = house.app.get(MediaService);
  meta.simulator.faults.clear();
});

const idle = (): Promise<void> => house.app.get(DueRows).idle();
const system = (company = acme): Actor => Actor.system(company.id);
const forSend = (actor: Actor, id: string): Promise<MediaOfMessage> => house.app.get(Database).tx((tx) => media.forSend(actor, id, tx));

// Smallest files by content.
const PDF = Buffer.from('%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n');
const OGG = Buffer.concat([
  Buffer.from('OggS\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x13OpusHead\x01\x01', 'latin1'),
  Buffer.alloc(64),
]);
const webp = (animated: boolean, size: number): Buffer =>
  Buffer.concat([Buffer.from('RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0', 'latin1'), Buffer.from([animated ? 2 : 0]), Buffer.alloc(size)]);

const upload = (bytes: Buffer, filename: string, contentType = 'application/octet-stream', person: Person = acme.agent): request.Test =>
  person.post('/whatsapp/media').attach('file', bytes, { filename, contentType });

async function kept(bytes: Buffer, filename: string, person = acme.agent): Promise<Media> {
  return (await upload(bytes, filename, undefined, person).expect(201)).body as Media;
}

/** A connected number at the fake Meta. */
async function line(company = acme): Promise<{ id: string; phone_number_id: string }> {
  const { phone_number_id, waba_id, display_phone_number } = meta.number();
  const { body } = await company.admin
    .post('/whatsapp', { phone_number: display_phone_number, phone_number_id, waba_id, access_token: META_TOKEN, app_secret: META_SECRET })
    .expect(201);
  await tried(house, body.id as string, company);
  return { id: body.id as string, phone_number_id };
}

/** The bytes of an upload as the fake Meta has them. */
const atMeta = (media_id: string): Buffer => readFileSync(meta.simulator.media.get(media_id)?.path ?? '');

interface Row {
  status: string;
  mime_type: string;
  size_bytes: string | null;
  sha256: string | null;
  storage_key: string | null;
  attempts: number;
}

const row = async (id: string): Promise<Row> => {
  const [found] = await house.sql<Row>('SELECT * FROM media_files WHERE id = $1', [id]);
  return found;
};

/** What the filing leaves behind for a customer's file. */
async function incoming(
  number: { id: string; phone_number_id: string },
  bytes: Buffer,
  mime_type: string,
  values: { sha256?: string | null; filename?: string } = {},
) {
  const stored = meta.simulator.media.put(number.phone_number_id, { mime_type, filename: null, bytes });
  const sha256 = values.sha256 === undefined ? stored.sha256.toString('base64') : values.sha256;
  const file = { id: newId(), message_id: newId(), provider_media_id: stored.id };
  const pending: MessageMedia = {
    id: file.id,
    mime_type,
    filename: values.filename ?? null,
    size_bytes: null,
    sha256: null,
    status: 'pending',
    url: null,
  };
  const conversation = await rowOf(house, acme, Conversation);
  const message = {
    id: file.message_id,
    organization_id: acme.id,
    conversation_id: String(conversation.id),
    contact_id: String(conversation.contact_id),
    direction: MessageDirection.incoming,
    sender_type: SenderType.contact,
    message_type: MessageType.document,
    media: pending,
  };
  await house.app.get(Database).repository(Message).insert(system(), newMessage(message));
  await house.sql(
    `INSERT INTO media_files (id, organization_id, message_id, whatsapp_number_id, provider_media_id, mime_type, filename, sha256, status)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'pending')`,
    [file.id, acme.id, file.message_id, number.id, stored.id, mime_type, values.filename ?? null, sha256],
  );
  return file;
}

const usedBytes = async (): Promise<number> =>
  (await acme.viewer.get('/organizations/me').expect(200)).body.plan_usage.media_bytes as number;

const wake = (id: string): void => house.app.get(FetchMedia).wake({ organization_id: acme.id, id });
const due = (id: string): Promise<unknown> => house.sql("UPDATE media_files SET due_at = now() - interval '1 minute' WHERE id = $1", [id]);

/** What is told of messages whose file settled. */
function settled(): (MessageMedia | null)[] {
  const told: (MessageMedia | null)[] = [];
  house.app
    .get(EventBus)
    .on('message.updated', ({ organization_id, message }) => void (organization_id === acme.id && told.push(message.media)));
  return told;
}

/** Files under the media storage, those that are still arriving included. */
const files = async (company = acme): Promise<string[]> => {
  const all = await readdir(join(house.env.DATA_DIR, 'media'), { recursive: true, withFileTypes: true }).catch(() => []);
  return all
    .filter((entry) => entry.isFile() && (entry.parentPath.includes(company.id) || entry.parentPath.includes('.arriving')))
    .map(({ name }) => name);
};

/** The conversations' download route in small. */
async function handOut(company: Company, media_id: string): Promise<request.Agent> {
  const app = express().get('/', (req, res) => {
    media.respond(system(company), media_id, req, res).catch((error: unknown) => sendError(res, toAppError(error)));
  });
  return Promise.resolve(request(app));
}

describe('an upload', () => {
  it('is kept with its type by content, whatever its name says', async () => {
    const { body } = await upload(PNG, 'contrato.pdf', 'application/pdf').expect(201);

    expect(body).toEqual({
      id: expect.any(String),
      mime_type: 'image/png',
      filename: 'contrato.pdf',
      size_bytes: PNG.length,
      sha256: createHash('sha256').update(PNG).digest('hex'),
      status: 'ready',
      url: null,
      created_at: expect.any(String),
    });
    expect(await files()).toHaveLength(1);
  });

  it.each([
    ['application/pdf', PDF, 'a.pdf'],
    ['audio/ogg', OGG, 'voz.ogg'],
    ['text/plain', Buffer.from('nome;valor\nAção;1\n'), 'planilha.csv'],
    ['image/webp', webp(false, 1000), 'adesivo.webp'],
    ['text/html', Buffer.from('<!doctype html><script>alert(1)</script>'), 'pagina.html'],
    ['image/svg+xml', Buffer.from('<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'), 'logo.svg'],
  ])('may be %s', async (mime_type, bytes, name) => {
    expect((await kept(bytes, name)).mime_type).toBe(mime_type);
  });

  it.each([
    ['gif', Buffer.from('GIF89a\x01\0\x01\0\0\0\0;', 'latin1')],
    ['zip', Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), Buffer.alloc(40)])],
    ['an executable', Buffer.concat([Buffer.from('MZ'), randomBytes(200)])],
    ['unknown bytes', Buffer.concat([Buffer.from([0, 1, 2, 3]), randomBytes(64)])],
    ['nothing', Buffer.alloc(0)],
  ])('may not be %s, and nothing of it stays', async (_kind, bytes) => {
    await upload(bytes, 'foto.jpg', 'image/jpeg').expect(422).expect(errorOf('unsupported_file'));

    expect(await files()).toEqual([]);
  });

  it('beyond what WhatsApp takes for its kind is refused, and nothing of it stays', async () => {
    await upload(Buffer.concat([PNG, Buffer.alloc(5 * 1024 * 1024)]), 'grande.png')
      .expect(413)
      .expect(errorOf('payload_too_large'));
    await upload(webp(false, 101 * 1024), 'adesivo.webp').expect(413);
    await upload(webp(true, 101 * 1024), 'adesivo.webp').expect(201);
    await upload(webp(true, 501 * 1024), 'adesivo.webp').expect(413);
    const before = await files();
    await upload(Buffer.concat([PDF, Buffer.alloc(101 * 1024 * 1024)]), 'enorme.pdf')
      .expect(413)
      .expect(errorOf('payload_too_large'));

    expect(await files()).toEqual(before);
  });

  it('has a name that is only ever shown', async () => {
    expect((await kept(PDF, '../../../etc/passwd')).filename).toBe('passwd');
    expect((await kept(PDF, 'relatório ação.pdf')).filename).toBe('relatório ação.pdf');
    expect((await files()).some((name) => name.includes('passwd'))).toBe(false);
  });

  it('needs a file, a token and more than a viewer', async () => {
    await acme.agent.post('/whatsapp/media').field('note', 'none').expect(wrongField('file'));
    await acme.agent.post('/whatsapp/media', {}).expect(wrongField('file'));
    await upload(PNG, 'a.png', 'image/png', acme.viewer).expect(403);
    await house.guest.post('/whatsapp/media').expect(401);
    expect(await files()).toEqual([]);
  });

  it('nobody sends is deleted after 24 hours, file and row, and its room is free again', async () => {
    const [unused, taken, young] = [await kept(PNG, 'a.png'), await kept(PDF, 'b.pdf'), await kept(PDF, 'c.pdf')];
    // A message that waits to be sent: Meta has not seen its file.
    await forSend(system(), taken.id);
    await house.sql("UPDATE media_files SET created_at = now() - interval '25 hours' WHERE id = ANY($1)", [[unused.id, taken.id]]);

    await media.removeUnused();

    expect(await row(unused.id)).toBeUndefined();
    expect((await row(taken.id)).status).toBe('ready');
    expect((await row(young.id)).status).toBe('ready');
    expect(await files()).toHaveLength(2);
    expect(await usedBytes()).toBe(2 * PDF.length);
    await expect(forSend(system(), unused.id)).rejects.toMatchObject({ status: 404 });
  });

  it('is swept, or taken by a message, never both', async () => {
    const file = await kept(PNG, 'a.png');
    await house.sql("UPDATE media_files SET created_at = now() - interval '25 hours' WHERE id = $1", [file.id]);

    const [sending] = await Promise.allSettled([forSend(system(), file.id), media.removeUnused()]);

    expect((await row(file.id)) !== undefined).toBe(sending.status === 'fulfilled');
    expect(await files()).toHaveLength(sending.status === 'fulfilled' ? 1 : 0);
  });

  it('has a name that deceives nobody', async () => {
    const { filename } = await kept(PDF, 'C:\\tmp\\nota\u202efdp.exe\u200b\u2066.pdf');

    expect(filename).toBe('notafdp.exe.pdf');
  });
});

describe('the room for files', () => {
  const allow = (max_media_bytes: number): Promise<unknown> =>
    house.sql('UPDATE organizations SET plan_limit_overrides = $2 WHERE id = $1', [acme.id, { max_media_bytes }]);

  it('is 5 GB, shown with the plan', async () => {
    await kept(PNG, 'a.png');

    const { body } = await acme.viewer.get('/organizations/me').expect(200);

    expect(body.plan_limits.max_media_bytes).toBe(5 * 1024 ** 3);
    expect(body.plan_usage.media_bytes).toBe(PNG.length);
    const { body: graph } = await acme.viewer.graphql('{ my_organization { plan_usage { media_bytes } plan_limits { max_media_bytes } } }');
    expect(graph.data.my_organization).toEqual({
      plan_usage: { media_bytes: PNG.length },
      plan_limits: { max_media_bytes: 5 * 1024 ** 3 },
    });
  });

  it('is never exceeded by uploads, however many come at once, and leaves nothing of those refused', async () => {
    await allow(10 * PDF.length);

    const answers = await Promise.all(Array.from({ length: 50 }, (_, n) => upload(PDF, `${n}.pdf`)));

    const refused = answers.filter(({ status }) => status !== 201);
    expect(refused).toHaveLength(40);
    for (const answer of refused) {
      expect(answer.status).toBe(409);
      errorOf('media_quota_exceeded')(answer);
    }
    expect(refused[0].body.error.details).toEqual([expect.objectContaining({ limit: 'max_media_bytes', max: 10 * PDF.length })]);
    expect(await files()).toHaveLength(10);
    expect(await usedBytes()).toBe(10 * PDF.length);
    await upload(PNG, 'a.png', undefined, globex.agent).expect(201);
  });

  it('warns once at 80 %', async () => {
    await allow(10 * PDF.length);
    const told: unknown[] = [];
    house.app.get(EventBus).on('media.quota_warning', (event) => void (event.organization_id === acme.id && told.push(event)));

    for (let n = 0; n < 9; n++) await kept(PDF, `${n}.pdf`);

    expect(told).toEqual([{ organization_id: acme.id, used_bytes: 8 * PDF.length, max_bytes: 10 * PDF.length }]);
  });

  it('keeps what a customer sends beyond it too, and counts it', async () => {
    await allow(1);
    const { id } = await incoming(await line(), PNG, 'image/png');

    wake(id);
    await idle();

    expect((await row(id)).status).toBe('ready');
    expect(await usedBytes()).toBe(PNG.length);
    await upload(PDF, 'a.pdf').expect(409);
  });
});

describe('a customer’s file', () => {
  it('is fetched, checked, kept and told', async () => {
    const number = await line();
    const told = settled();
    const { id, message_id } = await incoming(number, PNG, 'image/jpeg');

    wake(id);
    await idle();

    const sha256 = createHash('sha256').update(PNG).digest('hex');
    expect(await row(id)).toMatchObject({ status: 'ready', mime_type: 'image/png', sha256, size_bytes: String(PNG.length), attempts: 1 });
    const ready = {
      id,
      mime_type: 'image/png',
      filename: null,
      size_bytes: PNG.length,
      sha256,
      status: 'ready',
      url: `/api/v1/whatsapp/messages/${message_id}/media`,
    };
    expect(told).toEqual([ready]);
    expect((await acme.agent.get(`/whatsapp/messages/${message_id}`).expect(200)).body.media).toEqual(ready);
    await acme.viewer
      .get(`/whatsapp/messages/${message_id}/media`)
      .expect(200)
      .expect('Content-Type', 'image/png')
      .expect('Content-Disposition', /^attachment/);
    await globex.viewer.get(`/whatsapp/messages/${message_id}/media`).expect(404);
    expect(await files()).toHaveLength(1);
  });

  it('whose wake-up was lost is found by the sweep', async () => {
    const number = await line();
    const { id } = await incoming(number, PDF, 'application/pdf', { filename: 'boleto.pdf' });
    await due(id);

    await house.app.get(DueRows).sweep();
    await idle();

    expect(await row(id)).toMatchObject({ status: 'ready', mime_type: 'application/pdf' });
  });

  it('woken many times is fetched once', async () => {
    const number = await line();
    const told = settled();
    const { id, provider_media_id } = await incoming(number, PNG, 'image/png');

    await Promise.all([1, 2, 3, 4].map(() => house.app.get(FetchMedia).fetch(acme.id, id)));
    wake(id);
    await idle();

    expect(told).toHaveLength(1);
    expect(meta.calls.filter((call) => call.endsWith(`/${provider_media_id}`))).toHaveLength(1);
  });

  /** Tries at once what would wait its pause; answers the pauses. The product's own sweep may take a try at any moment: it is left to finish. */
  async function fetchUntilSettled(id: string): Promise<number[]> {
    const pauses: number[] = [];
    while ((await row(id)).status === 'pending') {
      const again_in_ms = await house.app.get(FetchMedia).fetch(acme.id, id);
      if (again_in_ms === null) {
        await sleep(20);
        const [{ resting }] = await house.sql<{ resting: boolean }>(
          "SELECT due_at < now() + interval '2 minutes' AS resting FROM media_files WHERE id = $1",
          [id],
        );
        if (resting) await due(id);
      } else {
        pauses.push(again_in_ms);
        await due(id);
      }
    }
    return pauses;
  }

  it('is tried again after trouble, three times in all, then failed', async () => {
    const number = await line();
    const told = settled();
    const fetch = house.app.get(FetchMedia);
    const { id, message_id } = await incoming(number, PNG, 'image/png');
    await acme.viewer.get(`/whatsapp/messages/${message_id}/media`).expect(409).expect(errorOf('media_not_ready'));
    meta.simulator.faults.add({ route: 'number', times: null, http_status: 500 });

    await fetchUntilSettled(id);

    expect(await row(id)).toMatchObject({ status: 'failed', attempts: 3 });
    expect(told).toEqual([expect.objectContaining({ id, status: 'failed', url: null })]);
    await acme.viewer.get(`/whatsapp/messages/${message_id}/media`).expect(410).expect(errorOf('media_gone'));
    expect(await fetch.fetch(acme.id, id)).toBeNull();
    await expect(forSend(system(), id)).rejects.toMatchObject({ status: 410, error_code: 'media_gone' });
  });

  it('recovers when Meta does', async () => {
    const number = await line();
    const { id } = await incoming(number, PNG, 'image/png');
    meta.simulator.faults.add({ route: 'number', times: 1, http_status: 503 });

    const pauses = await fetchUntilSettled(id);

    expect(pauses.every((ms) => ms > 0)).toBe(true);
    expect(await row(id)).toMatchObject({ status: 'ready', attempts: 2 });
  });

  it('that died with its worker is not tried for ever', async () => {
    const number = await line();
    const { id } = await incoming(number, PNG, 'image/png');
    await house.sql('UPDATE media_files SET attempts = 3 WHERE id = $1', [id]);
    await due(id);

    await house.app.get(FetchMedia).fetch(acme.id, id);

    expect((await row(id)).status).toBe('failed');
  });

  it('without a digest is believed, with a wrong one it must match what Meta answers', async () => {
    const number = await line();
    const bare = await incoming(number, PNG, 'image/png', { sha256: null });
    const wrong = await incoming(number, PDF, 'application/pdf', { sha256: Buffer.alloc(32).toString('base64') });

    for (const { id } of [bare, wrong]) await house.app.get(FetchMedia).fetch(acme.id, id);

    expect((await row(bare.id)).status).toBe('ready');
    expect((await row(wrong.id)).status).toBe('ready');
  });

  it('whose message was erased meanwhile is settled all the same', async () => {
    const number = await line();
    const { id, message_id } = await incoming(number, PNG, 'image/png');
    await house.sql('DELETE FROM messages WHERE id = $1', [message_id]);

    wake(id);
    await idle();

    expect(await row(id)).toMatchObject({ status: 'ready', attempts: 1 });
  });

  it('comes in through the webhook and goes out to the agent', async () => {
    const number = await line();
    meta.simulator.options.webhook_url = `${house.base_url}/api/v1/whatsapp/webhook`;
    const { delivered } = meta.simulator.write(
      meta.simulator.number(number.phone_number_id),
      meta.simulator.customers.know({ wa_id: '5511987650001', name: 'Ana' }),
      {
        type: 'document',
        document: { base64: PDF.toString('base64'), mime_type: 'application/pdf', filename: 'comprovante.pdf', caption: 'Pago!' },
      },
    );
    expect((await delivered).status_code).toBe(200);
    const found = async (): Promise<{ id: string; media: MessageMedia } | undefined> =>
      ((await acme.agent.get('/whatsapp/messages?message_type=document')).body as { items: { id: string; media: MessageMedia }[] })
        .items[0];
    while ((await found())?.media.status !== 'ready') await new Promise((soon) => setTimeout(soon, 20));

    const message = await found();
    const { body, headers } = await acme.agent.get(`/whatsapp/messages/${message?.id}/media`).buffer(true).expect(200);

    expect(body).toEqual(PDF);
    expect(headers['content-disposition']).toMatch(/^attachment; filename="?comprovante\.pdf"?$/);
  });

  it('of a number without a token fails in its turn and leaves nothing behind', async () => {
    const number = await line();
    const { id } = await incoming(number, PNG, 'image/png');
    await acme.admin.put(`/whatsapp/${number.id}`, { access_token: null }).expect(200);

    for (let n = 0; n < 3; n++) {
      await house.app.get(FetchMedia).fetch(acme.id, id);
      await due(id);
    }

    expect((await row(id)).status).toBe('failed');
    expect(await files()).toEqual([]);
  });
});

describe('a file to send', () => {
  it('is uploaded to Meta once per number, however many ask at once, and again when Meta’s copy is old', async () => {
    const [first, second] = [await line(), await line()];
    const { id } = await kept(PNG, 'foto.png');

    const ids = await Promise.all(Array.from({ length: 5 }, () => media.providerMediaId(system(), first.id, id)));
    const again = await media.providerMediaId(system(), first.id, id);

    expect(new Set([...ids, again]).size).toBe(1);
    expect(meta.simulator.media.get(again)).toMatchObject({ phone_number_id: first.phone_number_id, mime_type: 'image/png' });
    expect(atMeta(again)).toEqual(PNG);
    const other = await media.providerMediaId(system(), second.id, id);
    expect(meta.simulator.media.get(other)).toMatchObject({ phone_number_id: second.phone_number_id });
    await due(id);
    expect(await media.providerMediaId(system(), second.id, id)).not.toBe(other);
  });

  it('is never the customer’s own copy at Meta', async () => {
    const number = await line();
    const { id, provider_media_id } = await incoming(number, PNG, 'image/png');
    wake(id);
    await idle();

    const sent = await media.providerMediaId(system(), number.id, id);

    expect(sent).not.toBe(provider_media_id);
    expect(atMeta(sent)).toEqual(PNG);
  });

  it('of markup goes as plain text', async () => {
    const number = await line();
    const { id } = await kept(Buffer.from('<html><body>oi</body></html>'), 'pagina.html');

    expect(meta.simulator.media.get(await media.providerMediaId(system(), number.id, id))?.mime_type).toMatch(/^text\/plain/);
  });

  it('is this organization’s, here, and ready', async () => {
    const { id } = await kept(PDF, 'tabela.pdf');
    const waiting = await incoming(await line(), PNG, 'image/png');

    expect(await forSend(system(), id)).toMatchObject({
      id,
      mime_type: 'application/pdf',
      filename: 'tabela.pdf',
      status: 'ready',
      url: null,
    });
    await expect(forSend(system(globex), id)).rejects.toMatchObject({ status: 404 });
    await expect(forSend(system(), randomUUID())).rejects.toMatchObject({ status: 404 });
    await expect(forSend(system(), waiting.id)).rejects.toMatchObject({ status: 409, error_code: 'media_not_ready' });
  });

  it('whose bytes are lost cannot be sent, and says so', async () => {
    const number = await line();
    const { id } = await kept(PDF, 'tabela.pdf');
    await rm(join(house.env.DATA_DIR, 'media', (await row(id)).storage_key ?? 'none'));

    await expect(media.providerMediaId(system(), number.id, id)).rejects.toMatchObject({ name: 'UnsendableMessage' });
    await (await handOut(acme, id)).get('/').expect(410).expect(errorOf('media_gone'));
  });
});

describe('a file handed out', () => {
  it('is an attachment no browser runs', async () => {
    const html = Buffer.from('<!doctype html><script>alert(document.cookie)</script>');
    const { id, sha256 } = await kept(html, 'olá "mundo".html');
    const agent = await handOut(acme, id);

    const { headers, text } = await agent.get('/').buffer(true).expect(200);

    expect(text).toBe(html.toString());
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'content-security-policy': expect.stringContaining('sandbox'),
      'content-disposition': expect.stringMatching(/^attachment; .*filename\*=UTF-8''ol%C3%A1/),
      'accept-ranges': 'bytes',
      'content-length': String(html.length),
      etag: `"${sha256}"`,
    });
    await agent.get('/').set('If-None-Match', `"${sha256}"`).expect(304);
    await agent.head('/').expect(200).expect('Content-Length', String(html.length));
  });

  it('is handed out in parts', async () => {
    const bytes = Buffer.from(`%PDF-1.4\n${'0123456789'.repeat(50)}`);
    const { id } = await kept(bytes, 'a.pdf');
    const agent = await handOut(acme, id);
    const part = async (range: string) =>
      agent
        .get('/')
        .set('Range', range)
        .buffer(true)
        .parse((res, done) => {
          const chunks: Buffer[] = [];
          res.on('data', (chunk: Buffer) => chunks.push(chunk));
          res.on('end', () => done(null, Buffer.concat(chunks)));
        });

    const middle = await part('bytes=9-18');
    expect(middle.status).toBe(206);
    expect((middle.body as Buffer).toString()).toBe('0123456789');
    expect(middle.headers['content-range']).toBe(`bytes 9-18/${bytes.length}`);
    expect(((await part('bytes=-10')).body as Buffer).toString()).toBe('0123456789');
    expect(((await part('bytes=500-')).body as Buffer).length).toBe(bytes.length - 500);
    expect((await part('bytes=0-1,5-6')).status).toBe(200);
    expect((await part('bananas=1-2')).status).toBe(200);
    const beyond = await part(`bytes=${bytes.length}-`);
    expect(beyond.status).toBe(416);
    expect(beyond.headers['content-range']).toBe(`bytes */${bytes.length}`);
    const changed = await agent.get('/').set('Range', 'bytes=0-1').set('If-Range', '"another"');
    expect(changed.status).toBe(200);
  });

  it('is not there for others, not yet, or no longer', async () => {
    const { id } = await kept(PNG, 'a.png');
    const waiting = await incoming(await line(), PNG, 'image/png');
    await (await handOut(globex, id)).get('/').expect(404);
    await (await handOut(acme, waiting.id)).get('/').expect(409).expect(errorOf('media_not_ready'));
    await house.sql("UPDATE media_files SET status = 'expired' WHERE id = $1", [id]);
    await (await handOut(acme, id)).get('/').expect(410).expect(errorOf('media_gone'));
  });
});

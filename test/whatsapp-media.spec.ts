import { setTimeout as sleep } from 'node:timers/promises';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import express from 'express';
import sharp, { type Metadata, type Sharp } from 'sharp';
import request from 'supertest';
import { Actor } from '#common/actor';
import { EventBus } from '#common/events';
import { newId } from '#common/uuid';
import { Config } from '#config/config';
import { Database } from '#database/database';
import { DueRows } from '#database/due-rows';
import { Conversation } from '#modules/conversations/conversation.entity';
import { Message, type MessageMedia, MessageDirection, MessageType, SenderType } from '#modules/conversations/messages/message.entity';
import { newMessage } from '#modules/conversations/messages/new-message';
import { FetchMedia } from '#modules/whatsapp/media/fetch-media';
import { KEYS_OF_MEDIA } from '#modules/whatsapp/media/keys-of-media';
import type { Media, MediaOfMessage } from '#modules/whatsapp/media/media.dto';
import { MediaService } from '#modules/whatsapp/media/media.service';
import { MediaStorage } from '#modules/whatsapp/media/media-storage';
import { sendError, toAppError } from '#api/errors.filter';
import { type FakeMeta, META_SECRET, META_TOKEN, fakeMeta, tried } from './support/fake-meta';
import { type FakeS3, fakeS3 } from './support/fake-s3';
import { PNG, asBytes } from './support/files';
import { rowOf } from './support/rows';
import { type Company, type Person, type World, close, errorOf, world, wrongField } from './support/world';

let meta: FakeMeta;
let house: World;
let acme: Company;
let globex: Company;
let media: MediaService;
let s3: FakeS3 | undefined;

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
  thumbnail_bytes: number | null;
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
    thumbnail_url: null,
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

/** 800 by 600, and not of one colour. */
const picture = (): Sharp =>
  sharp({ create: { width: 800, height: 600, channels: 3, background: 'teal', noise: { type: 'gaussian', mean: 128, sigma: 20 } } });

/** From a file: the product has shut what opens an image otherwise, for the whole process. */
async function shownBy(bytes: Buffer): Promise<Metadata> {
  const path = join(house.env.DATA_DIR, 'thumbnail.webp');
  await writeFile(path, bytes);
  return sharp(path).metadata();
}

/** Three pictures in turn. */
async function animation(): Promise<Buffer> {
  const raw = { width: 40, height: 120, channels: 4 as const, pageHeight: 40 };
  return sharp(randomBytes(40 * 120 * 4), { raw })
    .webp({ loop: 0, delay: [50, 50, 50] })
    .toBuffer();
}

/** A PNG of a few bytes that says it is of 900 million pixels. */
function bomb(side = 30_000, before: (chunk: (type: string, data: Buffer) => Buffer) => Buffer[] = () => []): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  header[8] = 1;
  const chunk = (type: string, data: Buffer): Buffer => {
    const [length, check, named] = [Buffer.alloc(4), Buffer.alloc(4), Buffer.concat([Buffer.from(type), data])];
    length.writeUInt32BE(data.length);
    check.writeUInt32BE(crc32(named));
    return Buffer.concat([length, named, check]);
  };
  const pixels = deflateSync(Buffer.alloc(side * 10));
  return Buffer.concat([
    PNG.subarray(0, 8),
    chunk('IHDR', header),
    ...before(chunk),
    chunk('IDAT', pixels),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** Small, with a gigabyte of compressed text before it. */
function wordy(): Buffer {
  const text = Buffer.concat([Buffer.from('Comment\0\0'), deflateSync(Buffer.alloc(50_000_000))]);
  return bomb(10, (chunk) => Array.from({ length: 20 }, () => chunk('zTXt', text)));
}

/** Files of the media storage, thumbnails and those that are still arriving included. */
const files = async (company = acme): Promise<string[]> => {
  const all = await readdir(join(house.env.DATA_DIR, 'media'), { recursive: true, withFileTypes: true }).catch(() => []);
  const onDisk = all.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  return [...onDisk, ...(s3?.objects.keys() ?? [])].filter((path) => path.includes(company.id) || path.includes('.arriving'));
};

/** The bytes are lost, and nobody knows. */
async function lose(key: string): Promise<void> {
  if (s3) s3.objects.delete(key);
  else await rm(join(house.env.DATA_DIR, 'media', key));
}

/** The conversations' download route in small. */
async function handOut(company: Company, media_id: string): Promise<request.Agent> {
  const app = express().get('/', (req, res) => {
    media.respond(system(company), media_id, req, res).catch((error: unknown) => sendError(res, toAppError(error)));
  });
  return Promise.resolve(request(app));
}

describe.each(['a directory', 'a bucket'])('in %s', (place) => {
  beforeAll(async () => {
    meta = await fakeMeta();
    s3 = place === 'a bucket' ? await fakeS3() : undefined;
  });
  beforeEach(async () => {
    house = await world({ ...meta.env, ...s3?.env });
    ({ acme, globex } = house);
    media = house.app.get(MediaService);
    meta.simulator.faults.clear();
  });
  afterAll(async () => {
    await close();
    await Promise.all([meta.close(), s3?.close()]);
  });

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
        thumbnail_url: null,
        created_at: expect.any(String),
      });
      const { storage_key } = await row(body.id as string);
      expect((await files()).map((path) => path.slice(path.indexOf(acme.id))).sort()).toEqual([storage_key, `${storage_key}.thumbnail`]);
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
      expect(await files()).toHaveLength(sending.status === 'fulfilled' ? 2 : 0);
    });
  });

  if (place === 'a directory')
    describe('an upload, wherever it is kept', () => {
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

      it('has a name that deceives nobody', async () => {
        const { filename } = await kept(PDF, 'C:\\tmp\\nota\u202efdp.exe\u200b\u2066.pdf');

        expect(filename).toBe('notafdp.exe.pdf');
      });
    });

  describe('the room for files', () => {
    const allow = (max_media_bytes: number): Promise<unknown> =>
      house.sql('UPDATE organizations SET plan_limit_overrides = $2 WHERE id = $1', [acme.id, { max_media_bytes }]);

    it('is 5 GB, shown with the plan', async () => {
      await kept(PDF, 'a.pdf');

      const { body } = await acme.viewer.get('/organizations/me').expect(200);

      expect(body.plan_limits.max_media_bytes).toBe(5 * 1024 ** 3);
      expect(body.plan_usage.media_bytes).toBe(PDF.length);
      const { body: graph } = await acme.viewer.graphql(
        '{ my_organization { plan_usage { media_bytes } plan_limits { max_media_bytes } } }',
      );
      expect(graph.data.my_organization).toEqual({
        plan_usage: { media_bytes: PDF.length },
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
      const { id } = await incoming(await line(), PDF, 'application/pdf');

      wake(id);
      await idle();

      expect((await row(id)).status).toBe('ready');
      expect(await usedBytes()).toBe(PDF.length);
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
        thumbnail_url: `/api/v1/whatsapp/messages/${message_id}/media/thumbnail`,
      };
      expect(told).toEqual([ready]);
      expect((await acme.agent.get(`/whatsapp/messages/${message_id}`).expect(200)).body.media).toEqual(ready);
      await acme.viewer
        .get(`/whatsapp/messages/${message_id}/media`)
        .expect(200)
        .expect('Content-Type', 'image/png')
        .expect('Content-Disposition', /^attachment/);
      await globex.viewer.get(`/whatsapp/messages/${message_id}/media`).expect(404);
      expect(await files()).toHaveLength(2);
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
      await lose((await row(id)).storage_key ?? 'none');

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
      const part = async (range: string) => agent.get('/').set('Range', range).buffer(true).parse(asBytes);

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

  describe('a thumbnail', () => {
    /** A picture of a customer, and its message. */
    async function received(bytes: Buffer, mime_type: string): Promise<{ id: string; path: string; thumbnail_url: string | null }> {
      const { id, message_id } = await incoming(await line(), bytes, mime_type);
      wake(id);
      await idle();
      const path = `/whatsapp/messages/${message_id}`;
      const { body } = await acme.viewer.get(path).expect(200);
      expect(body.media.status).toBe('ready');
      return { id, path, thumbnail_url: body.media.thumbnail_url as string | null };
    }

    it.each(['jpeg', 'png', 'webp'] as const)('of a %s is small, upright and says nothing of where it was taken', async (format) => {
      const turned = { orientation: 6 };
      const { path, thumbnail_url } = await received(
        await picture()
          .withExif({ IFD0: { Make: 'Phone' } })
          .withMetadata(turned)
          .toFormat(format)
          .toBuffer(),
        `image/${format}`,
      );

      expect(thumbnail_url).toBe(`/api/v1${path}/media/thumbnail`);
      const { body, headers } = await acme.viewer.get(`${path}/media/thumbnail`).buffer(true).expect(200);
      expect(headers).toMatchObject({
        'content-type': 'image/webp',
        'content-disposition': expect.stringMatching(/^attachment/),
        'x-content-type-options': 'nosniff',
        'content-length': String((body as Buffer).length),
      });
      const shown = await shownBy(body as Buffer);
      expect(shown).toMatchObject({ format: 'webp', width: 240, height: 320 });
      expect([shown.exif, shown.orientation]).toEqual([undefined, undefined]);
      await acme.viewer.get(`${path}/media/thumbnail`).set('If-None-Match', String(headers.etag)).expect(304);
      await acme.viewer.get(`${path}/media/thumbnail`).set('Range', 'bytes=0-3').expect(206).expect('Content-Length', '4');
      await globex.viewer.get(`${path}/media/thumbnail`).expect(404);
      await house.guest.get(`${path}/media/thumbnail`).expect(401);
    });

    it('is shown over GraphQL and with what an agent sends', async () => {
      const number = await line();
      const ana = meta.simulator.customers.know({ wa_id: '5511987650002', name: 'Ana' });
      meta.simulator.options.webhook_url = `${house.base_url}/api/v1/whatsapp/webhook`;
      await meta.simulator.write(meta.simulator.number(number.phone_number_id), ana, { type: 'text', text: { body: 'Tem bolo?' } })
        .delivered;
      while (!(await acme.agent.get('/conversations').expect(200)).body.total) await sleep(20);
      const { id: media_id } = await kept(PNG, 'bolo.png');

      const { body } = await acme.agent.post('/whatsapp/send-media', { to: '+5511987650002', type: 'image', media_id }).expect(201);

      const { body: answer } = await acme.viewer.graphql(`{ message(id: "${body.message_id}") { media } }`);
      const url = `/api/v1/whatsapp/messages/${body.message_id}/media`;
      expect(answer.data.message.media).toMatchObject({ url, thumbnail_url: `${url}/thumbnail` });
      expect(answer.data.message.media).not.toHaveProperty('has_thumbnail');
      await acme.viewer.get(`/whatsapp/messages/${body.message_id}/media/thumbnail`).expect(200).expect('Content-Type', 'image/webp');
    });

    it.each([
      ['an animated sticker', () => animation(), 'image/webp'],
      ['a broken image', async () => (await picture().png().toBuffer()).subarray(0, 5000), 'image/png'],
      ['an image that unfolds to 30,000 by 30,000 pixels', () => Promise.resolve(bomb()), 'image/png'],
      ['an image with a gigabyte of text in it', () => Promise.resolve(wordy()), 'image/png'],
      ['a drawing', () => Promise.resolve(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')), 'image/svg+xml'],
      ['a document', () => Promise.resolve(PDF), 'application/pdf'],
    ])('is not there for %s, which is received all the same', async (_what, bytes, mime_type) => {
      const { path, thumbnail_url } = await received(await bytes(), mime_type);

      expect(thumbnail_url).toBeNull();
      await acme.viewer.get(`${path}/media/thumbnail`).expect(404).expect(errorOf('not_found'));
      await acme.viewer.get(`${path}/media`).expect(200);
    });

    it('is made when it is first asked for, of an image that was here before there were any', async () => {
      const { id, path } = await received(PNG, 'image/png');
      const { storage_key, thumbnail_bytes } = await row(id);
      const used = await usedBytes();
      await lose(`${storage_key}.thumbnail`);
      await house.sql('UPDATE media_files SET thumbnail_bytes = NULL WHERE id = $1', [id]);
      await house.sql('UPDATE media_usage SET size_bytes = size_bytes - $2 WHERE organization_id = $1', [acme.id, thumbnail_bytes]);
      await house.sql("UPDATE messages SET media = media - 'has_thumbnail' WHERE organization_id = $1", [acme.id]);

      const answers = await Promise.all(Array.from({ length: 3 }, () => acme.viewer.get(`${path}/media/thumbnail`)));

      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
      expect(await row(id)).toMatchObject({ thumbnail_bytes });
      expect(await usedBytes()).toBe(used);
      const { body } = await acme.viewer.get(path).expect(200);
      expect(body.media.thumbnail_url).toBe(`/api/v1${path}/media/thumbnail`);
      await globex.viewer.get(`${path}/media/thumbnail`).expect(404);
    });

    it('is not there for others: not yet, or no longer', async () => {
      const waiting = await incoming(await line(), PNG, 'image/png');
      await acme.viewer.get(`/whatsapp/messages/${waiting.message_id}/media/thumbnail`).expect(409).expect(errorOf('media_not_ready'));
      const { id, path } = await received(PNG, 'image/png');
      await lose(`${(await row(id)).storage_key}.thumbnail`);

      await acme.viewer.get(`${path}/media/thumbnail`).expect(410).expect(errorOf('media_gone'));
    });

    it('counts with its file and goes with it, once', async () => {
      const { id } = await received(PNG, 'image/png');
      await kept(PDF, 'a.pdf');
      const { thumbnail_bytes } = await row(id);
      const named = await house.sql<{ key: string }>(`SELECT key FROM (${KEYS_OF_MEDIA}) AS m (key) WHERE key LIKE $1`, [`${acme.id}/%`]);
      expect(named.map(({ key }) => key).sort()).toEqual((await files()).map((path) => path.slice(path.indexOf(acme.id))).sort());
      expect(await usedBytes()).toBe(PNG.length + (thumbnail_bytes ?? 0) + PDF.length);
      await house.sql("UPDATE media_files SET created_at = now() - interval '40 days' WHERE id = $1 RETURNING message_id", [id]);

      const { message_ids } = await house.app.get(Database).tx((tx) => media.expire(tx, acme.id, 30, 100));

      expect(await row(id)).toMatchObject({ status: 'expired', storage_key: null, thumbnail_bytes: null });
      expect(await files()).toHaveLength(1);
      expect(await usedBytes()).toBe(PDF.length);
      await house.app.get(Database).tx((tx) => media.removeOf(tx, acme.id, message_ids));
      expect(await usedBytes()).toBe(PDF.length);
    });

    it('is nobody’s trouble when many come at once', async () => {
      const answers = await Promise.all(Array.from({ length: 30 }, (_, n) => upload(PNG, `${n}.png`)));

      expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 30 }, () => 201));
      const [{ with_one }] = await house.sql<{ with_one: number }>(
        'SELECT count(thumbnail_bytes)::int AS with_one FROM media_files WHERE organization_id = $1',
        [acme.id],
      );
      expect(with_one).toBeGreaterThan(0);
      expect(await files()).toHaveLength(30 + with_one);
    });
  });

  if (place === 'a bucket')
    describe('the storage', () => {
      const bucket = (): FakeS3 => s3 as FakeS3;
      const storageOf = (env: Record<string, string>): MediaStorage => new MediaStorage(new Config({ ...house.env, ...env }));
      afterEach(() => bucket().faults.splice(0));

      it('that loses a connection is asked again', async () => {
        bucket().faults.push(null);

        const { id } = await kept(PDF, 'a.pdf');

        expect([...bucket().objects]).toContainEqual([(await row(id)).storage_key, PDF]);
      });

      it('is seen by health, which asks it now and then', async () => {
        const clock = jest.spyOn(performance, 'now');
        const later = (): unknown => clock.mockReturnValue(performance.now() + 60_000);
        const health = async (): Promise<unknown> => (await fetch(`${house.base_url}/observability/health`)).json();

        later();
        expect(await health()).toMatchObject({ checks: { storage: { status: 'healthy' } } });
        bucket().faults.push(...Array.from({ length: 50 }, () => 503));
        expect(await health()).toMatchObject({ checks: { storage: { status: 'healthy' } } });
        expect(bucket().faults).toHaveLength(50);
        later();
        expect(await health()).toMatchObject({
          status: 'degraded',
          checks: { storage: { status: 'unhealthy' }, postgresql: { status: 'healthy' } },
        });
        clock.mockRestore();
      });

      it('that is away is said, and leaves nothing behind', async () => {
        const { id } = await kept(PDF, 'a.pdf');
        const agent = await handOut(acme, id);
        bucket().faults.push(...Array.from({ length: 50 }, () => 503));

        await upload(PDF, 'b.pdf').expect(503).expect(errorOf('service_unavailable'));
        await agent.get('/').expect(503).expect(errorOf('service_unavailable'));

        expect(await usedBytes()).toBe(PDF.length);
        expect(await files()).toHaveLength(1);
        bucket().faults.splice(0);
        await agent.get('/').expect(200);
      });

      it('that is away costs a customer’s file no try', async () => {
        const { id } = await incoming(await line(), PDF, 'application/pdf');
        bucket().faults.push(...Array.from({ length: 50 }, () => 503));

        for (let n = 0; n < 5; n++) {
          await house.app.get(FetchMedia).fetch(acme.id, id);
          await due(id);
        }

        expect(await row(id)).toMatchObject({ status: 'pending', attempts: 0 });
        bucket().faults.splice(0);
        await house.app.get(FetchMedia).fetch(acme.id, id);
        expect((await row(id)).status).toBe('ready');
      });

      it('that would never take a file ends the start; one that is away does not', async () => {
        await expect(storageOf({ S3_SECRET_ACCESS_KEY: 'another' }).onModuleInit()).rejects.toThrow(/S3_BUCKET .* these keys may not/);
        await expect(storageOf({ S3_BUCKET: 'another' }).onModuleInit()).rejects.toThrow(/S3_BUCKET another cannot be used: there is none/);
        await storageOf({ S3_ENDPOINT: 'http://127.0.0.1:1' }).onModuleInit();
      });

      it('keeps exports of personal data too', async () => {
        const { user } = acme.viewer;
        const asked = acme.viewer.post(`/privacy/data/${user.id}/export?subject_type=user`, { format: 'csv' });
        const { request_id } = (await asked.expect(202)).body as { request_id: string };
        await idle();

        const { body } = await acme.viewer.get(`/privacy/requests/${request_id}/download`).buffer(true).expect(200);

        expect((body as Buffer).subarray(0, 2).toString()).toBe('PK');
        expect(await files()).toEqual([`${acme.id}/exports/${request_id}`]);
      });

      it('forgets an organization that is erased, and no other', async () => {
        for (let n = 0; n < 5; n++) await kept(PDF, 'a.pdf');
        await kept(PDF, 'b.pdf', globex.agent);

        await house.app.get(MediaStorage).removeAll(acme.id);

        expect(await files()).toEqual([]);
        expect(await files(globex)).toHaveLength(1);
      });
    });
});

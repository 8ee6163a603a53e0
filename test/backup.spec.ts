import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import type { Client } from 'pg';
import { newId } from '#common/uuid';
import type { BackupEnd, BackupHead } from '#database/backup-file';
import { TAR_END, tarFile } from '#database/tar';
import { embeddedSql, passwordOf, runCommand } from './support/commands';
import { PNG } from './support/files';
import { Product } from './support/product';

jest.setTimeout(300_000);

const EMAIL = 'admin@demo.pytake';

interface Row {
  id: string;
  status: string;
  content: string | null;
  error_code: string | null;
}

/** A backup of no rows, whole and with the right checksum. */
async function archive(tables: BackupHead['tables'], secrets: object): Promise<Buffer> {
  const file = async (name: string, content: object): Promise<Buffer> => {
    const text = Buffer.from(JSON.stringify(content));
    const bytes: Buffer[] = [];
    for await (const part of tarFile(name, text.length, [text])) bytes.push(part);
    return Buffer.concat(bytes);
  };
  const head: BackupHead = { format: 1, made_at: new Date().toISOString(), migrations: [], tables, sequences: {} };
  const before = Buffer.concat([await file('backup.json', head), await file('secrets.json', secrets)]);
  const end: BackupEnd = { sha256: createHash('sha256').update(before).digest('hex'), rows: {}, files: 0, files_missing: 0 };
  return gzipSync(Buffer.concat([before, await file('end.json', end), TAR_END]));
}

/** Processes of their own throughout: the embedded profile, its backup while it works, and another machine's DATA_DIR. */
describe('npm run backup and restore', () => {
  let folder: string;
  let file: string;
  let product: Product;
  let restored: Product | undefined;
  let sql: Client;
  let password: string;
  let token: string;
  let conversation_id: string;
  let sentBefore: string;
  let waiting: string;
  let media_id: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pytake-backup-'));
    file = join(folder, 'backup.tar.gz');
    product = await Product.start();
    sql = await embeddedSql(product.data_dir);
    ({ password } = product);
    token = await login(product, password);
    const { items } = await call<{ items: { id: string; status: string }[] }>(product, 'GET', '/conversations');
    conversation_id = items.find(({ status }) => status === 'open')?.id ?? '';
  });
  afterAll(async () => {
    await sql?.end().catch(() => undefined);
    await Promise.all([product?.end(), restored?.end()]);
    await rm(folder, { recursive: true, force: true });
  });

  const call = <T>(to: Product, method: string, path: string, body?: object): Promise<T> => to.call<T>(method, path, body, token);

  async function login(to: Product, secret: string): Promise<string> {
    return (await to.call<{ access_token: string }>('POST', '/auth/login', { email: EMAIL, password: secret })).access_token;
  }

  const message = (of: Product, id: string): Promise<Row> => call(of, 'GET', `/whatsapp/messages/${id}`);

  async function settled(of: Product, id: string): Promise<Row> {
    for (;;) {
      const row = await message(of, id);
      if (row.status !== 'pending') return row;
      await sleep(100);
    }
  }

  const reply = (to: Product, content: string): Promise<Row> => call(to, 'POST', `/conversations/${conversation_id}/messages`, { content });

  const upload = async (to: Product): Promise<string> => {
    const form = new FormData();
    form.append('file', new Blob([PNG], { type: 'image/png' }), 'bolo.png');
    return (await call<{ id: string }>(to, 'POST', '/whatsapp/media', form)).id;
  };

  it('saves a PyTake that is at work, into one file for its owner alone', async () => {
    sentBefore = (await reply(product, 'antes do backup')).id;
    await settled(product, sentBefore);
    media_id = await upload(product);
    // One that still waits to be sent when the snapshot is taken.
    waiting = newId();
    await sql.query(`INSERT INTO messages SELECT (jsonb_populate_record(m, $2)).* FROM messages m WHERE id = $1`, [
      sentBefore,
      { id: waiting, status: 'pending', whatsapp_message_id: null, sent_at: null, delivered_at: null, read_at: null },
    ]);
    await sql.query(
      `INSERT INTO outbound_sends (message_id, organization_id, conversation_id, whatsapp_number_id, due_at)
       SELECT id, organization_id, conversation_id, whatsapp_number_id, now() + interval '1 hour' FROM messages WHERE id = $1`,
      [waiting],
    );
    // A mail that waits as well.
    await sql.query(
      `INSERT INTO outbound_mails (id, organization_id, recipient, mail, values_encrypted, due_at)
       SELECT $1, organization_id, 'ana@padaria.example', 'users.password_changed', 'sealed', now() + interval '1 hour' FROM messages WHERE id = $1`,
      [waiting],
    );
    let busy = true;
    const work = (async () => {
      while (busy) await Promise.all([upload(product), reply(product, 'durante o backup')]);
    })();

    const said = await runCommand('backup', ['backup', file], { DATA_DIR: product.data_dir });
    busy = false;
    await work;

    expect(said).toEqual({ code: 0, out: expect.stringMatching(/Wrote .*mode 0600.*ENCRYPTION_KEY is in it/s) as string });
    expect(said.out).not.toContain('were not there');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(['backup.tar.gz']);
    expect(await runCommand('backup', ['backup', file], { DATA_DIR: product.data_dir })).toMatchObject({ code: 1 });
  });

  it('leaves files that stand in a bucket to it, and says so', async () => {
    const other = join(folder, 'without-files.tar.gz');
    const bucket = { MEDIA_STORAGE: 's3', S3_BUCKET: 'files', S3_REGION: 'sa-east-1', S3_ACCESS_KEY_ID: 'id', S3_SECRET_ACCESS_KEY: 'key' };

    const said = await runCommand('backup', ['backup', other], { DATA_DIR: product.data_dir, ...bucket });

    expect(said).toEqual({ code: 0, out: expect.stringMatching(/ 0 media files.*the bucket files and is NOT in it/s) as string });
    await rm(other);
  });

  it('puts nothing anywhere when the file, the place or the moment is wrong', async () => {
    const broken = join(folder, 'broken.tar.gz');
    const bytes = await readFile(file);
    const empty = join(folder, 'empty');
    const refused = async (from: string, DATA_DIR: string, ...options: string[]): Promise<string> => {
      const { code, out } = await runCommand('backup', ['restore', from, ...options], { DATA_DIR });
      expect({ code, lines: out.trim().split('\n').length }).toEqual({ code: 1, lines: 1 });
      return out;
    };

    const half = Math.floor(bytes.length / 2);
    await writeFile(broken, Buffer.concat([bytes.subarray(0, half), Buffer.from([bytes[half] ^ 255]), bytes.subarray(half + 1)]));
    expect(await refused(broken, empty)).toContain('cannot be restored');
    await truncate(broken, half);
    expect(await refused(broken, empty)).toContain('cannot be restored');
    await writeFile(broken, 'no backup at all');
    expect(await refused(broken, empty)).toContain('cannot be restored');
    expect(await refused(join(folder, 'none'), empty)).toContain('cannot be restored');
    expect((await readdir(empty)).filter((name) => !name.startsWith('pytake.lock.'))).toEqual([]);

    expect(await refused(file, product.data_dir)).toContain('is in use by another PyTake');
    expect(await refused(file, product.data_dir, '--force')).toContain('is in use by another PyTake');
    expect(await refused(file, folder)).toContain('is not empty');
    const full = await runCommand('backup', ['backup', file], { DATABASE_URL: 'postgresql://nobody@127.0.0.1:9/none' });
    expect(full).toEqual({ code: 1, out: expect.stringContaining('pg_dump') as string });
    const blank = await runCommand('backup', ['backup', file], { DATABASE_URL: ' ' });
    expect(blank).toEqual({ code: 1, out: expect.stringContaining('is there already') as string });
  });

  it('is restored elsewhere with everything but what would be sent twice', async () => {
    const DATA_DIR = join(folder, 'elsewhere');

    const said = await runCommand('backup', ['restore', file], { DATA_DIR });
    expect(said).toEqual({ code: 0, out: expect.stringMatching(/Restored .*waited to be sent/s) as string });
    expect(said.out).toContain(`DATA_DIR="${DATA_DIR}" npm start`);
    expect((await readdir(DATA_DIR)).filter((name) => !name.startsWith('pytake.lock.'))).toEqual(['media', 'postgres', 'secrets.json']);
    restored = await Product.start({ DATA_DIR });

    expect(restored.output).not.toContain('printed only now');
    token = await login(restored, password);
    expect(await message(restored, sentBefore)).toMatchObject({ content: 'antes do backup' });
    const { items } = await call<{ items: { name: string }[] }>(restored, 'GET', '/contacts?search=joao');
    expect(items).toMatchObject([{ name: 'João Pereira' }]);
    expect(await settled(restored, waiting)).toMatchObject({ status: 'failed', error_code: 'provider_timeout' });
    const there = await embeddedSql(DATA_DIR);
    try {
      const { rows: mails } = await there.query('SELECT status, values_encrypted FROM outbound_mails WHERE id = $1', [waiting]);
      expect(mails).toEqual([{ status: 'failed', values_encrypted: null }]);
      const { rows: files } = await there.query<{ storage_key: string; sha256: string }>('SELECT storage_key, sha256 FROM media_files');
      expect(files.length).toBeGreaterThanOrEqual(1);
      for (const { storage_key, sha256 } of files)
        expect(
          createHash('sha256')
            .update(await readFile(join(DATA_DIR, 'media', storage_key)))
            .digest('hex'),
        ).toBe(sha256);
      const { rows: kept } = await there.query('SELECT 1 FROM media_files WHERE id = $1', [media_id]);
      expect(kept).toHaveLength(1);
    } finally {
      await there.end();
    }
    // The number's token still opens with the key that came along: a new message leaves.
    expect(['sent', 'delivered', 'read']).toContain((await settled(restored, (await reply(restored, 'depois')).id)).status);
  });

  it('is put over what is there when told so, which is kept aside', async () => {
    await restored?.stop();
    const DATA_DIR = restored?.data_dir ?? '';

    expect((await runCommand('backup', ['restore', file, '--force'], { DATA_DIR })).code).toBe(0);
    expect((await readdir(DATA_DIR)).filter((name) => name.startsWith('before-restore-'))).toHaveLength(1);

    // The operator's command starts the database by itself where no PyTake runs.
    const reset = await runCommand('admin', ['reset-password', EMAIL], { DATA_DIR });
    expect(reset.code).toBe(0);
    await restored?.boot();
    if (restored) await login(restored, passwordOf(reset.out));
  });

  it('is not restored by an older version than the one that made it', async () => {
    const newer = join(folder, 'newer.tar.gz');
    const DATA_DIR = join(folder, 'older');
    await sql.query("INSERT INTO migrations (timestamp, name) VALUES (1999000000000, 'Future1999000000000')");
    await runCommand('backup', ['backup', newer], { DATA_DIR: product.data_dir });

    const said = await runCommand('backup', ['restore', newer], { DATA_DIR });

    expect(said).toEqual({ code: 1, out: expect.stringContaining('made by a newer PyTake') as string });
    expect((await readdir(DATA_DIR)).filter((name) => !name.startsWith('pytake.lock.'))).toEqual([]);
  });

  it('runs nothing that a crafted file says', async () => {
    const crafted = join(folder, 'crafted.tar.gz');
    const ran = join(tmpdir(), `pytake-ran-${newId()}`);
    const type = `text; COPY (SELECT 1) TO PROGRAM 'touch ${ran}'; SELECT 1`;
    const secrets = JSON.parse(await readFile(join(product.data_dir, 'secrets.json'), 'utf8')) as object;
    await writeFile(crafted, await archive({ users: [{ name: 'more', type }] }, secrets));

    const said = await runCommand('backup', ['restore', crafted], { DATA_DIR: join(folder, 'crafted') });

    expect(said).toEqual({ code: 1, out: expect.stringContaining('is no type of a column') as string });
    expect(existsSync(ran)).toBe(false);
  });

  it('reads a file of any size to where it wants', async () => {
    const crafted = join(folder, 'middling.tar.gz');
    const secrets = JSON.parse(await readFile(join(product.data_dir, 'secrets.json'), 'utf8')) as object;
    // More than one piece of the file, and all of it unpacked before the first entry is read: what stops early hears of no end.
    const padded = { ...secrets, padding: randomBytes(75_000).toString('base64') };
    await writeFile(crafted, await archive({ users: [{ name: 'more', type: 'none; such' }] }, padded));

    const said = await runCommand('backup', ['restore', crafted], { DATA_DIR: join(folder, 'middling') });

    expect(said).toEqual({ code: 1, out: expect.stringContaining('is no type of a column') as string });
  });

  it('leaves the admin command its way beside a running PyTake', async () => {
    await sql.query("DELETE FROM migrations WHERE name = 'Future1999000000000'");
    const { code, out } = await runCommand('admin', ['reset-password', EMAIL], { DATA_DIR: product.data_dir });

    expect(code).toBe(0);
    await login(product, passwordOf(out));
  });
});

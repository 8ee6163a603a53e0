import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { Config } from '#config/config';
import { type FakeS3, fakeS3 } from '../../../../test/support/fake-s3';
import type { ReceivedFile } from './file-store';
import { S3Files } from './s3-files';

const MB = 1024 * 1024;
const PART_BYTES = 5 * MB;
const KEY = '019aa000-0000-7000-8000-000000000001/exports/019aa000-0000-7000-8000-000000000002';
const BYTES = randomBytes(11 * MB);

describe('a file larger than a part', () => {
  let bucket: FakeS3;
  let files: S3Files;
  let directory: string;
  let file: ReceivedFile;

  beforeEach(async () => {
    bucket = await fakeS3();
    bucket.put_max_bytes = PART_BYTES;
    const secrets = { JWT_SECRET: randomBytes(48).toString('base64'), ENCRYPTION_KEY: randomBytes(32).toString('base64') };
    const { s3 } = new Config({ DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none', ...secrets, ...bucket.env });
    if (!s3) throw new Error('MEDIA_STORAGE is s3');
    files = new S3Files(s3, PART_BYTES);
    directory = await mkdtemp(join(tmpdir(), 'pytake-s3-'));
    file = { path: join(directory, 'export'), size_bytes: BYTES.length, sha256: createHash('sha256').update(BYTES).digest('hex') };
    await writeFile(file.path, BYTES);
  });
  afterEach(async () => {
    await bucket.close();
    await rm(directory, { recursive: true });
  });

  it('is put in parts, and read as one', async () => {
    await files.put(KEY, file);

    expect((await buffer(files.read(KEY))).equals(BYTES)).toBe(true);
    expect(bucket.uploads.size).toBe(0);
  });

  it('goes on where the storage failed', async () => {
    // The second part, twice.
    bucket.faults.push(200, 200, 500, null);

    await files.put(KEY, file);

    expect(bucket.objects.get(KEY)?.equals(BYTES)).toBe(true);
  });

  it('leaves nothing behind where the storage goes on failing', async () => {
    bucket.put_max_bytes = PART_BYTES - 1;

    await expect(files.put(KEY, file)).rejects.toMatchObject({ status: 503 });

    expect([bucket.objects.size, bucket.uploads.size]).toEqual([0, 0]);
  });
});

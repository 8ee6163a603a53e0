import { createHash } from 'node:crypto';
import { type ReadStream, createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { Logger } from '@nestjs/common';
import type { CompletedPart, PutObjectCommand, S3Client, UploadPartCommand } from '@aws-sdk/client-s3';
import type { ByteRange } from '#api/answer-file';
import { Unavailable } from '#common/errors';
import type { S3Settings } from '#config/config';
import { ConfigError } from '#config/config-error';
import { type FileStore, type ReceivedFile, ourKey } from './file-store';

type Sdk = typeof import('@aws-sdk/client-s3');
type Opened = { sdk: Sdk; client: S3Client };

/** The SDK asks again by itself, but for what it sent from a stream. */
const TRIES = 3;
const CONNECT_MS = 5_000;
/** Without a byte, in either direction. */
const IDLE_MS = 30_000;
/** Rows wait for what is deleted with them: less than their transaction may stand still. */
const REMOVE_MS = 20_000;
/** Files deleted at the same time. One by one, for not every storage takes a list of them. */
const REMOVE_AT_ONCE = 32;
/** A larger file goes in parts: a PUT takes 5 GB at most, and begins anew where it breaks. Amazon, "Multipart upload limits". */
const PART_BYTES = 100 * 1024 * 1024;
const PARTS_MAX = 10_000;

/** Files in a bucket of an S3-compatible storage. */
export class S3Files implements FileStore {
  private readonly logger = new Logger('media-storage');
  private opened: Promise<Opened> | undefined;

  constructor(
    private readonly settings: S3Settings,
    private readonly part_bytes = PART_BYTES,
  ) {}

  /** Its digest is part of the signature: the storage refuses other bytes. */
  async put(key: string, file: ReceivedFile): Promise<void> {
    await this.call((opened) => (file.size_bytes > this.part_bytes ? this.putParts(key, file, opened) : this.putWhole(key, file, opened)));
  }

  async size(key: string): Promise<number | null> {
    const found = await this.call(({ sdk, client }) => unlessGone(client.send(new sdk.HeadObjectCommand(this.place(key)))));
    return found && (found.ContentLength ?? 0);
  }

  read(key: string, range?: ByteRange): Readable {
    return Readable.from(this.bytes(key, range), { objectMode: false });
  }

  async open(key: string): Promise<Readable | null> {
    const found = await this.call(({ sdk, client }) => unlessGone(client.send(new sdk.GetObjectCommand(this.place(key)))));
    return found && (found.Body as Readable);
  }

  async remove(keys: readonly string[]): Promise<void> {
    const options = { abortSignal: AbortSignal.timeout(REMOVE_MS) };
    await this.call(async ({ sdk, client }) => {
      for (let at = 0; at < keys.length; at += REMOVE_AT_ONCE)
        await Promise.all(
          keys.slice(at, at + REMOVE_AT_ONCE).map((key) => client.send(new sdk.DeleteObjectCommand(this.place(key)), options)),
        );
    });
  }

  async removeAll(organization_id: string): Promise<void> {
    const within = { Bucket: this.settings.bucket, Prefix: `${organization_id}/` };
    let ContinuationToken: string | undefined;
    do {
      const input = { ...within, ContinuationToken };
      const page = await this.call(({ sdk, client }) => client.send(new sdk.ListObjectsV2Command(input)));
      await this.remove((page.Contents ?? []).flatMap(({ Key }) => Key ?? []));
      ContinuationToken = page.NextContinuationToken;
    } while (ContinuationToken);
  }

  /** A storage that is away does not keep PyTake from starting; one that refuses us will go on doing so. */
  async check(): Promise<void> {
    const { bucket: Bucket } = this.settings;
    try {
      await this.ask();
    } catch (error) {
      const status = statusOf(error);
      if (status === undefined || status >= 500) this.logger.warn({ msg: 'the media storage does not answer', reason: reasonOf(error) });
      else throw new ConfigError([`S3_BUCKET ${Bucket} cannot be used: ${WHY[status] ?? reasonOf(error)}`]);
    }
  }

  /** @throws It does not answer, or refuses us. */
  async ask(): Promise<void> {
    const { sdk, client } = await this.connect();
    await client.send(new sdk.HeadBucketCommand({ Bucket: this.settings.bucket }));
  }

  private async putWhole(key: string, { path, size_bytes, sha256 }: ReceivedFile, { sdk, client }: Opened): Promise<void> {
    await sendBytes(path, {}, (Body, abortSignal) => {
      const command = new sdk.PutObjectCommand({ ...this.place(key), Body, ContentLength: size_bytes });
      signBody(command, sha256);
      return client.send(command, { abortSignal });
    });
  }

  /** The file is there once all of it is. */
  private async putParts(key: string, { path, size_bytes }: ReceivedFile, { sdk, client }: Opened): Promise<void> {
    const place = this.place(key);
    const { UploadId } = await client.send(new sdk.CreateMultipartUploadCommand(place));
    const step = Math.max(this.part_bytes, Math.ceil(size_bytes / PARTS_MAX));
    const Parts: CompletedPart[] = [];
    try {
      for (let start = 0; start < size_bytes; start += step) {
        const part = { start, end: Math.min(start + step, size_bytes) - 1 };
        const PartNumber = Parts.length + 1;
        const sha256 = await digestOf(path, part);
        const { ETag } = await sendBytes(path, part, (Body, abortSignal) => {
          const ContentLength = part.end - part.start + 1;
          const command = new sdk.UploadPartCommand({ ...place, UploadId, PartNumber, Body, ContentLength });
          signBody(command, sha256);
          return client.send(command, { abortSignal });
        });
        Parts.push({ PartNumber, ETag });
      }
      await client.send(new sdk.CompleteMultipartUploadCommand({ ...place, UploadId, MultipartUpload: { Parts } }));
    } catch (error) {
      // Parts of what is never completed stay, and are paid for.
      await client.send(new sdk.AbortMultipartUploadCommand({ ...place, UploadId })).catch(ignore);
      throw error;
    }
  }

  private async *bytes(key: string, range?: ByteRange): AsyncGenerator<Buffer> {
    const { Body } = await this.call(({ sdk, client }) =>
      client.send(new sdk.GetObjectCommand({ ...this.place(key), ...(range && { Range: `bytes=${range.start}-${range.end}` }) })),
    );
    if (Body instanceof Readable) yield* Body as AsyncIterable<Buffer>;
  }

  /** @throws {Unavailable} The storage does not answer, or refuses; the log has its reason. */
  private async call<T>(work: (opened: Opened) => Promise<T>): Promise<T> {
    try {
      return await work(await this.connect());
    } catch (error) {
      this.logger.warn({ msg: 'the media storage failed', reason: reasonOf(error), status: statusOf(error) });
      throw new Unavailable('Files are not available at the moment. Try again in a moment.', 'service_unavailable', { cause: error });
    }
  }

  private place(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.settings.bucket, Key: ourKey(key) };
  }

  /** Loaded when it is first needed: it takes 30 MB. */
  private connect(): Promise<Opened> {
    return (this.opened ??= openClient(this.settings));
  }
}

const WHY: Readonly<Record<number, string>> = {
  // Whose headers alone say which.
  400: 'it stands in another region, see S3_REGION and S3_ENDPOINT',
  301: 'it stands in another region, see S3_REGION and S3_ENDPOINT',
  403: 'these keys may not list it (S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY)',
  404: 'there is none of this name',
};

/** What becomes of a call is logged once, by us. */
const SILENT = { debug: ignore, info: ignore, warn: ignore, error: ignore };

async function openClient(settings: S3Settings): Promise<Opened> {
  const sdk = await import('@aws-sdk/client-s3');
  const { endpoint, region, access_key_id: accessKeyId, secret_access_key: secretAccessKey, force_path_style: forcePathStyle } = settings;
  const client = new sdk.S3Client({
    ...(endpoint !== null && { endpoint }),
    region,
    // Settings are ours alone, not the SDK's own variables.
    ignoreConfiguredEndpointUrls: true,
    forcePathStyle,
    credentials: { accessKeyId, secretAccessKey },
    maxAttempts: TRIES,
    logger: SILENT,
    // Other storages than Amazon's do not know its newer checksums.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      socketTimeout: IDLE_MS,
      // No line for connections: somebody who reads slowly would keep everybody waiting.
      httpAgent: { keepAlive: true, maxSockets: Infinity },
      httpsAgent: { keepAlive: true, maxSockets: Infinity },
    },
  });
  return { sdk, client };
}

/** Sends bytes of a file, again where the storage failed. */
async function sendBytes<T>(
  path: string,
  range: Partial<ByteRange>,
  send: (body: ReadStream, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const unreadable = new AbortController();
    const body = createReadStream(path, range).on('error', (error) => unreadable.abort(error));
    try {
      return await send(body, unreadable.signal);
    } catch (error) {
      if (attempt === TRIES || (statusOf(error) ?? 500) < 500) throw error;
    } finally {
      body.destroy();
    }
  }
}

async function digestOf(path: string, range: ByteRange): Promise<string> {
  const digest = createHash('sha256');
  for await (const chunk of createReadStream(path, range)) digest.update(chunk as Buffer);
  return digest.digest('hex');
}

/** The SDK signs a stream without looking at it, unless it is told the digest. */
function signBody(command: PutObjectCommand | UploadPartCommand, sha256: string): void {
  const { middlewareStack } = command as PutObjectCommand;
  middlewareStack.add(
    (next) => (args) => {
      (args.request as { headers: Record<string, string> }).headers['x-amz-content-sha256'] = sha256;
      return next(args);
    },
    { step: 'build' },
  );
}

async function unlessGone<T>(found: Promise<T>): Promise<T | null> {
  try {
    return await found;
  } catch (error) {
    if (statusOf(error) === 404) return null;
    throw error;
  }
}

/** Of the answer; undefined: there was none. */
const statusOf = (error: unknown): number | undefined => (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;

const reasonOf = (error: unknown): string => {
  const { name, message } = error as Error;
  return message && message !== name ? `${name}: ${message}` : name;
};

function ignore(): void {}

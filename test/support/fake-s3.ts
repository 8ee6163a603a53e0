import { createHash, createHmac, randomUUID, timingSafeEqual } from 'node:crypto';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

const BUCKET = 'pytake-files';
const REGION = 'sa-east-1';
const KEY_ID = 'AKIDEXAMPLE';
const SECRET = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';
/** As many as a listing names at once; the real one's are 1,000. */
const PAGE = 2;
/** Amazon, "Multipart upload limits": of any part but the last, and the number of the last. */
const PART_MIN_BYTES = 5 * 1024 * 1024;
const PARTS_MAX = 10_000;
const KEY_MAX_BYTES = 1024;

export interface FakeS3 {
  env: Record<string, string>;
  /** What the bucket holds. */
  objects: Map<string, Buffer>;
  /** Answers of the next requests instead of the real ones; null: the connection breaks; 200: the real one. */
  faults: (number | null)[];
  /** Begun, and neither completed nor aborted: parts by number. */
  uploads: Map<string, Upload>;
  /** What one PUT takes; the real one's 5 GB. */
  put_max_bytes: number;
  close(): Promise<void>;
}

interface Upload {
  key: string;
  parts: Map<number, Buffer>;
}

/** A bucket, in memory: what Amazon's S3 API says of the calls we make, and its refusals (Signature Version 4, digests, ranges, listings in pages, uploads in parts). */
export async function fakeS3(): Promise<FakeS3> {
  const objects = new Map<string, Buffer>();
  const faults: (number | null)[] = [];
  const uploads = new Map<string, Upload>();
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request);
    const fault = faults.length ? faults.shift() : 200;
    if (fault !== 200) return void (fault ? refuse(response, fault, 'InternalError') : request.socket.destroy());
    const flaw = flawOf(request, body);
    if (flaw) return refuse(response, flaw === 'BadDigest' ? 400 : 403, flaw);
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://s3');
    const [, name, ...rest] = decodeURIComponent(pathname).split('/');
    if (name !== BUCKET) return refuse(response, 404, 'NoSuchBucket');
    const key = rest.join('/');
    if (!key) return request.method === 'HEAD' ? void response.end() : list(response, searchParams);
    if (Buffer.byteLength(key) > KEY_MAX_BYTES) return refuse(response, 400, 'KeyTooLongError');
    if (request.method === 'PUT' && request.headers['content-length'] === undefined) return refuse(response, 411, 'MissingContentLength');
    if (request.method === 'PUT' && body.length > bucket.put_max_bytes) return refuse(response, 400, 'EntityTooLarge');
    if (searchParams.has('uploads') || searchParams.has('uploadId')) return upload(request, response, key, searchParams, body);
    if (request.method === 'PUT') objects.set(key, body);
    else if (request.method === 'DELETE') objects.delete(key);
    else return read(request, response, objects.get(key));
    response.writeHead(request.method === 'PUT' ? 200 : 204).end();
  }

  function upload(request: IncomingMessage, response: ServerResponse, key: string, query: URLSearchParams, body: Buffer): void {
    const xml = (text: string): void => void response.writeHead(200, { 'content-type': 'application/xml' }).end(text);
    if (request.method === 'POST' && query.has('uploads')) {
      const id = randomUUID();
      uploads.set(id, { key, parts: new Map() });
      return xml(`<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`);
    }
    const id = query.get('uploadId') ?? '';
    const begun = uploads.get(id);
    if (begun?.key !== key) return refuse(response, 404, 'NoSuchUpload');
    if (request.method === 'DELETE') {
      uploads.delete(id);
      return void response.writeHead(204).end();
    }
    if (request.method === 'PUT') {
      const number = Number(query.get('partNumber'));
      if (!Number.isInteger(number) || number < 1 || number > PARTS_MAX) return refuse(response, 400, 'InvalidArgument');
      begun.parts.set(number, body);
      return void response.writeHead(200, { etag: etagOf(body) }).end();
    }
    const named = [...body.toString().matchAll(/<Part>(.*?)<\/Part>/gs)].map(([, part]) => ({
      number: Number(/<PartNumber>(\d+)</.exec(part)?.[1]),
      etag: /<ETag>(.+?)<\/ETag>/.exec(part)?.[1].replaceAll('&quot;', '"'),
    }));
    if (!named.length) return refuse(response, 400, 'MalformedXML');
    if (named.some(({ number }, n) => n > 0 && number <= named[n - 1].number)) return refuse(response, 400, 'InvalidPartOrder');
    const parts = named.map(({ number, etag }) => {
      const part = begun.parts.get(number);
      return part && etagOf(part) === etag ? part : null;
    });
    if (parts.includes(null)) return refuse(response, 400, 'InvalidPart');
    if (parts.slice(0, -1).some((part) => part && part.length < PART_MIN_BYTES)) return refuse(response, 400, 'EntityTooSmall');
    objects.set(key, Buffer.concat(parts.filter((part) => part !== null)));
    uploads.delete(id);
    xml(`<CompleteMultipartUploadResult><Key>${key}</Key><ETag>&quot;whole&quot;</ETag></CompleteMultipartUploadResult>`);
  }

  function list(response: ServerResponse, query: URLSearchParams): void {
    const after = query.get('continuation-token') ?? '';
    const found = [...objects.keys()].filter((key) => key.startsWith(query.get('prefix') ?? '') && key > after).sort();
    const page = found.slice(0, PAGE);
    const more = found.length > PAGE;
    const contents = page.map((key) => `<Contents><Key>${key}</Key><Size>${objects.get(key)?.length}</Size></Contents>`).join('');
    const next = more ? `<NextContinuationToken>${page.at(-1)}</NextContinuationToken>` : '';
    response
      .writeHead(200, { 'content-type': 'application/xml' })
      .end(`<?xml version="1.0"?><ListBucketResult><IsTruncated>${more}</IsTruncated>${contents}${next}</ListBucketResult>`);
  }

  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  const bucket: FakeS3 = {
    env: {
      MEDIA_STORAGE: 's3',
      S3_ENDPOINT: `http://127.0.0.1:${port}`,
      S3_REGION: REGION,
      S3_BUCKET: BUCKET,
      S3_ACCESS_KEY_ID: KEY_ID,
      S3_SECRET_ACCESS_KEY: SECRET,
    },
    objects,
    faults,
    uploads,
    put_max_bytes: 5 * 1024 ** 3,
    close: async () => {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
  return bucket;
}

const etagOf = (part: Buffer): string => `"${createHash('md5').update(part).digest('hex')}"`;

function read(request: IncomingMessage, response: ServerResponse, found: Buffer | undefined): void {
  if (!found) return refuse(response, 404, request.method === 'HEAD' ? '' : 'NoSuchKey');
  const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
  const [start, end] = range ? [Number(range[1]), Math.min(Number(range[2]), found.length - 1)] : [0, found.length - 1];
  if (range && start >= found.length) return refuse(response, 416, 'InvalidRange');
  const part = found.subarray(start, end + 1);
  response.writeHead(range ? 206 : 200, {
    'content-length': part.length,
    ...(range && { 'content-range': `bytes ${start}-${end}/${found.length}` }),
  });
  response.end(request.method === 'HEAD' ? undefined : part);
}

function refuse(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { 'content-type': 'application/xml' }).end(code && `<?xml version="1.0"?><Error><Code>${code}</Code></Error>`);
}

/** AWS General Reference, "Signature Version 4": what is wrong with a request; null: nothing. */
function flawOf(request: IncomingMessage, body: Buffer): string | null {
  const { headers } = request;
  const given =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
      headers.authorization ?? '',
    );
  if (!given) return 'AccessDenied';
  const [, key_id, day, region, signed, signature] = given;
  if (key_id !== KEY_ID) return 'InvalidAccessKeyId';
  if (region !== REGION) return 'AuthorizationHeaderMalformed';
  const time = String(headers['x-amz-date']);
  const at = Date.parse(time.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
  if (!(Math.abs(Date.now() - at) < 15 * 60_000)) return 'RequestTimeTooSkewed';
  const digest = String(headers['x-amz-content-sha256']);
  // The real one lets bytes go unsigned; ours are not to.
  if (digest !== sha256(body)) return 'BadDigest';

  const url = new URL(request.url ?? '', 'http://s3');
  const query = [...url.searchParams].map((pair) => pair.map(encode).join('=')).sort();
  const names = signed.split(';');
  if (!['host', 'x-amz-date', 'x-amz-content-sha256'].every((name) => names.includes(name))) return 'AccessDenied';
  const canonical = [
    request.method,
    url.pathname,
    query.join('&'),
    ...names.map((name) => `${name}:${String(headers[name]).trim()}`),
    '',
    signed,
    digest,
  ];
  const scope = `${day}/${region}/s3/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', time, scope, sha256(canonical.join('\n'))].join('\n');
  const key = [day, region, 's3', 'aws4_request'].reduce<Buffer>((secret, part) => hmac(secret, part), Buffer.from(`AWS4${SECRET}`));
  return timingSafeEqual(hmac(key, text), Buffer.from(signature, 'hex')) ? null : 'SignatureDoesNotMatch';
}

const sha256 = (data: Buffer | string): string => createHash('sha256').update(data).digest('hex');
const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`);

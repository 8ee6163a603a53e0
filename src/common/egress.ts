import { Resolver, lookup as dnsLookup } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import { Readable, Transform, pipeline } from 'node:stream';
import { constants, createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import ipaddr from 'ipaddr.js';
import { Agent, type Dispatcher } from 'undici';
import { AppError, Invalid, ProviderError } from './errors';
import { type Trace, traced } from './traced';

export interface EgressOptions {
  /** Exempt from the address check: `host`, `host:port`, `*.suffix`, `*.suffix:port`, an IP or a CIDR (`EGRESS_ALLOWED_HOSTS`). */
  allowed_hosts?: string[];
  /** For the whole call, name resolution and the last byte of the body included. */
  timeout_ms?: number;
  /** The answer's body is cut here, counted after decompression. */
  max_response_bytes?: number;
  /** All addresses of a name; tests bring their own. */
  resolve?: (hostname: string) => Promise<string[]>;
}

export interface EgressRequest {
  method?: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS';
  headers?: Record<string, string>;
  body?: string | Buffer | Readable;
  timeout_ms?: number;
  max_bytes?: number;
  /** The operator's own address, from the environment: not judged. */
  trusted?: boolean;
  /** Told whether the request began to leave. */
  trace?: Trace;
}

export interface EgressResponse {
  status: number;
  /** Names in lower case; a repeated header's values are joined with `, `. */
  headers: Record<string, string>;
  body: Buffer;
  /** The body was longer than `max_bytes` and was cut there. */
  truncated: boolean;
}

const BLOCKED = 'This URL may not be called: it leads to a private or reserved address.';
const MAX_URL_LENGTH = 2048;

/** What the connection, not the tenant, decides. A tenant's Host header would name another site than the one checked. */
const OUR_HEADERS = new Set([
  'accept-encoding',
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/**
 * The one HTTP client for every URL a tenant can influence: webhooks, flow HTTP nodes, media links, ERP hosts, AI base URLs.
 *
 * The address check sits in the socket's own name lookup, so what is checked is what is connected to: no second resolution, nothing for a
 * rebinding name server to change in between. Redirects are answers, not followed.
 */
export class EgressClient {
  private readonly allowed: AllowList;
  private readonly timeout_ms: number;
  private readonly max_response_bytes: number;
  private readonly resolve: (hostname: string) => Promise<string[]>;
  private readonly resolvePublic: (hostname: string) => Promise<string[]>;
  private readonly guarded: Dispatcher;
  private readonly exempt: Dispatcher;

  constructor(options: EgressOptions = {}) {
    this.allowed = new AllowList(options.allowed_hosts ?? []);
    this.timeout_ms = options.timeout_ms ?? 10_000;
    this.max_response_bytes = options.max_response_bytes ?? 64 * 1024;
    this.resolve = options.resolve ?? systemResolve;
    this.resolvePublic = options.resolve ?? publicResolve(this.allowed.hasRanges);
    this.guarded = this.agent(this.resolvePublic, (address) => this.allowed.address(address) || isPublicAddress(address));
    this.exempt = this.agent(this.resolve, () => true);
  }

  /**
   * Calls a URL. Any status is an answer; only what prevents one is thrown.
   * @throws {ProviderError} `egress_blocked` when the URL or any address of its host is refused, `provider_unavailable` when nobody answers.
   * @throws {AppError} 504 `provider_timeout`.
   */
  async fetch(url: string, request: EgressRequest = {}): Promise<EgressResponse> {
    const max_bytes = request.max_bytes ?? this.max_response_bytes;
    const signal = AbortSignal.timeout(request.timeout_ms ?? this.timeout_ms);
    try {
      const answer = await this.open(url, request, signal);
      const headers = flatten(answer.headers);
      const { body, truncated } = await readAtMost(answer.body, headers['content-encoding'], max_bytes, signal);
      return { status: answer.statusCode, headers, body, truncated };
    } catch (error) {
      throw explain(error, signal);
    }
  }

  /** As `fetch`, with the body as it comes: the caller reads it to its end or destroys it, within the same time. */
  async stream(url: string, request: Omit<EgressRequest, 'max_bytes'> = {}): Promise<{ status: number; body: Readable }> {
    const signal = AbortSignal.timeout(request.timeout_ms ?? this.timeout_ms);
    try {
      const answer = await this.open(url, request, signal);
      // undici takes a body that is destroyed unread for an error: one that nobody hears ends the process.
      answer.body.on('error', () => undefined);
      const transform = decoder(flatten(answer.headers)['content-encoding']);
      return { status: answer.statusCode, body: transform ? pipeline(answer.body, transform, () => undefined) : answer.body };
    } catch (error) {
      throw explain(error, signal);
    }
  }

  /**
   * For the moment a tenant saves a URL. A name that does not resolve now is let through: it is checked again at each call. `https_only`: what goes there crosses no
   * network in the clear.
   * @throws {Invalid} 422 `url_not_allowed`.
   */
  async checkUrl(url: string, field = 'url', https_only = false): Promise<void> {
    const refuse = (msg: string): never => {
      throw Invalid.field(field, msg, 'url_not_allowed', 'url_not_allowed');
    };
    const target = parseUrl(url);
    if (!target) return refuse('Use an http or https URL without user name or password.');
    if (https_only && target.protocol !== 'https:') return refuse('Use an https URL.');
    if (this.allowed.host(target)) return;
    if (this.refusesLiteral(target)) return refuse(BLOCKED);

    const addresses = await this.resolvePublic(bareHost(target)).catch(() => []);
    if (addresses.some((address) => !this.allowed.address(address) && !isPublicAddress(address))) refuse(BLOCKED);
  }

  /**
   * Where to connect to a tenant's server that speaks no HTTP (a database): the address that was judged, so that no second look-up leads elsewhere. null: the
   * name has none. `exempt` lets every address pass.
   * @throws {Invalid} 422 `url_not_allowed` on `field`.
   */
  async addressOf(host: string, port: number, field: string, exempt = false): Promise<string | null> {
    const bare = host.replace(/^\[(.*)\]$/, '$1');
    const refuse = (): never => {
      throw Invalid.field(
        field,
        'This host may not be called: it leads to a private or reserved address.',
        'url_not_allowed',
        'url_not_allowed',
      );
    };
    const text = `http://${isIP(bare) === 6 ? `[${bare}]` : bare}:${port}`;
    // WHATWG URL reads `2130706433` and `0x7f.1` as sockets do.
    const target = /[\s/?#@\\%]/.test(bare) ? null : parseUrl(text);
    if (!target) return refuse();
    const known = bareHost(target);
    const addresses = isIP(known) ? [known] : await this.resolve(known).catch(() => []);
    const may = (address: string): boolean =>
      exempt || this.allowed.host(target) || this.allowed.address(address) || isPublicAddress(address);
    if (!addresses.every(may)) refuse();
    return addresses[0] ?? null;
  }

  /** Nest calls this at the end; open connections are cut. */
  async onModuleDestroy(): Promise<void> {
    await Promise.all([this.guarded.destroy(), this.exempt.destroy()]);
  }

  private open(url: string, request: EgressRequest, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const { method = 'GET', body = null, trusted = false, trace } = request;
    const target = parseUrl(url);
    if (!target || (!trusted && this.refusesLiteral(target))) throw new EgressBlocked();
    const options: Dispatcher.RequestOptions & { trace?: Trace } = {
      origin: target.origin,
      path: `${target.pathname}${target.search}`,
      method,
      headers: ourHeaders(request.headers),
      body,
      headersTimeout: 0,
      bodyTimeout: 0,
      signal,
      trace,
    };
    return before(signal, (trusted || this.allowed.host(target) ? this.exempt : this.guarded).request(options));
  }

  /** Sockets do not look literal addresses up, so these are judged here. WHATWG URL has already normalised `2130706433`, `0x7f.1`, `0177.0.0.1`. */
  private refusesLiteral(target: URL): boolean {
    const host = bareHost(target);
    const address = LOCALHOST.test(host) ? '127.0.0.1' : host;
    return isIP(address) !== 0 && !this.allowed.host(target) && !this.allowed.address(address) && !isPublicAddress(address);
  }

  private agent(resolve: (hostname: string) => Promise<string[]>, accepts: (address: string) => boolean): Dispatcher {
    const lookup: LookupFunction = (hostname, options, callback) => {
      resolve(hostname).then(
        (addresses) => {
          const first = addresses[0];
          if (first === undefined) return callback(new Error('The name has no address'), '');
          if (!addresses.every(accepts)) return callback(new EgressBlocked(), '');
          if (options.all)
            callback(
              null,
              addresses.map((address) => ({ address, family: isIP(address) })),
            );
          else callback(null, first, isIP(first));
        },
        (error: NodeJS.ErrnoException) => callback(error, ''),
      );
    };
    // A kept connection outlives its name's answer; it still leads only where that answer was allowed to lead.
    const connect = { lookup, timeout: this.timeout_ms };
    return new Agent({ connect, allowH2: false, keepAliveMaxTimeout: 30_000, maxOrigins: Infinity }).compose(traced);
  }
}

class EgressBlocked extends ProviderError {
  constructor() {
    super(BLOCKED, 'egress_blocked');
  }
}

/** Only what the internet routes: IPv4 unicast outside every special range, IPv6 inside 2000::/3 and outside the ranges that embed an IPv4 address. */
export function isPublicAddress(address: string): boolean {
  // ipaddr.js alone would read `1.2.3` as an address.
  if (isIP(address) === 0) return false;
  const parsed = ipaddr.parse(address);
  if (parsed.range() !== 'unicast') return false;
  if (parsed instanceof ipaddr.IPv6) return parsed.match(GLOBAL_UNICAST, 3);
  return parsed.toString() !== AZURE_WIRE_SERVER;
}

const GLOBAL_UNICAST = ipaddr.IPv6.parse('2000::');
/** RFC 6761, 6.3: this machine, whatever a name server says of it. */
const LOCALHOST = /(?:^|\.)localhost\.?$/;
/** Azure's host agent answers on this public address from inside every virtual machine (Microsoft, "What is IP address 168.63.129.16?"). */
const AZURE_WIRE_SERVER = '168.63.129.16';

class AllowList {
  private readonly hosts = new Set<string>();
  private readonly suffixes: { suffix: string; port: string | null }[] = [];
  private readonly ranges: [ipaddr.IPv4 | ipaddr.IPv6, number][] = [];

  constructor(entries: string[]) {
    for (const entry of entries.map((e) => e.trim().toLowerCase()).filter(Boolean)) {
      const bare = entry.replace(/^\[(.*)\]$/, '$1');
      if (ipaddr.isValidCIDR(bare)) this.ranges.push(ipaddr.parseCIDR(bare));
      else if (isIP(bare)) this.ranges.push([ipaddr.parse(bare), isIP(bare) === 4 ? 32 : 128]);
      else if (entry.startsWith('*.')) {
        const [suffix = '', port = null] = entry.slice(1).split(':');
        this.suffixes.push({ suffix, port });
      } else if (URL.canParse(`http://${entry}`) && !/[/?#@]/.test(entry)) this.hosts.add(entry);
      else throw new Error(`EGRESS_ALLOWED_HOSTS contains "${entry}", use host, host:port, *.suffix, an IP or a CIDR`);
    }
  }

  host(target: URL): boolean {
    const host = target.hostname.replace(/\.$/, '');
    const port = target.port || (target.protocol === 'https:' ? '443' : '80');
    if (this.hosts.has(host) || this.hosts.has(`${host}:${port}`)) return true;
    return this.suffixes.some((allowed) => host.endsWith(allowed.suffix) && (allowed.port === null || allowed.port === port));
  }

  get hasRanges(): boolean {
    return this.ranges.length > 0;
  }

  address(address: string): boolean {
    if (!this.ranges.length || isIP(address) === 0) return false;
    const parsed = ipaddr.parse(address);
    return this.ranges.some(([range, bits]) => parsed.kind() === range.kind() && parsed.match(range, bits));
  }
}

/** null: not a URL we call at all, whatever its address. */
function parseUrl(url: string): URL | null {
  if (url.length > MAX_URL_LENGTH || !URL.canParse(url)) return null;
  const parsed = new URL(url);
  if (!['http:', 'https:'].includes(parsed.protocol) || parsed.username || parsed.password || parsed.port === '0') return null;
  return parsed;
}

/** `[::1]` is `::1` to sockets. */
const bareHost = (target: URL): string => target.hostname.replace(/^\[(.*)\]$/, '$1');

/**
 * DNS alone, for names the operator does not know. getaddrinfo takes one of the process's few threads for as long as a name server takes: a tenant whose
 * own never answers would hold up files, passwords and everybody else's names. `or_system`: what DNS says it does not know may stand in /etc/hosts.
 */
function publicResolve(or_system: boolean): (hostname: string) => Promise<string[]> {
  const resolver = new Resolver({ timeout: 2500, tries: 2 });
  return async (hostname) => {
    const [v4, v6] = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)]);
    const addresses = [v4, v6].flatMap((found) => (found.status === 'fulfilled' ? found.value : []));
    if (addresses.length || v4.status === 'fulfilled') return addresses;
    const reason = v4.reason as NodeJS.ErrnoException;
    if (or_system && reason.code === 'ENOTFOUND') return systemResolve(hostname);
    throw reason;
  };
}

/** getaddrinfo, as the socket itself would: /etc/hosts and search domains count, so they are checked too. */
async function systemResolve(hostname: string): Promise<string[]> {
  return (await dnsLookup(hostname, { all: true, verbatim: true })).map(({ address }) => address);
}

function ourHeaders(headers: Record<string, string> = {}): Record<string, string> {
  const kept = Object.entries(headers).filter(([name]) => !OUR_HEADERS.has(name.toLowerCase()));
  return { 'user-agent': 'PyTake', ...Object.fromEntries(kept), 'accept-encoding': 'identity' };
}

const flatten = (headers: Record<string, string | string[] | undefined>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, Array.isArray(value) ? value.join(', ') : value]],
    ),
  );

/** Some servers compress although we ask them not to. Decompressed here, so that `max_bytes` bounds what a small bomb becomes. */
function decoder(encoding: string | undefined): Transform | null {
  const options = { finishFlush: constants.Z_SYNC_FLUSH };
  switch (encoding?.trim().toLowerCase()) {
    case 'gzip':
    case 'x-gzip':
      return createGunzip(options);
    case 'deflate':
      return createInflate(options);
    case 'br':
      return createBrotliDecompress();
    default:
      return null;
  }
}

/** undici looks at the signal once a request has a connection; until then, while a name or a handshake hangs, we do. */
async function before<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  let stop = (): void => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => reject(signal.reason as Error);
    signal.addEventListener('abort', stop);
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

async function readAtMost(
  source: Readable,
  encoding: string | undefined,
  max_bytes: number,
  signal: AbortSignal,
): Promise<{ body: Buffer; truncated: boolean }> {
  const transform = decoder(encoding);
  // The pipeline hands the source's error to the decoder, which the loop below reads and throws.
  const stream = transform ? pipeline(source, transform, () => undefined) : source;
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      signal.throwIfAborted();
      chunks.push(chunk);
      size += chunk.length;
      if (size > max_bytes) return { body: Buffer.concat(chunks).subarray(0, max_bytes), truncated: true };
    }
    return { body: Buffer.concat(chunks), truncated: false };
  } finally {
    // Half read is a connection nobody can use again.
    source.destroy();
  }
}

function explain(error: unknown, signal: AbortSignal): Error {
  if (error instanceof AppError) return error;
  if (signal.aborted || (error as { code?: string }).code === 'UND_ERR_CONNECT_TIMEOUT')
    return new AppError(504, 'provider_timeout', 'The server did not answer in time.', { cause: error });
  if ((error as { code?: string }).code === 'UND_ERR_INVALID_ARG')
    return new Invalid([{ msg: 'The request has a header or a body that HTTP does not allow.', type: 'value_error' }]);
  return new ProviderError('The server could not be reached.', 'provider_unavailable', { cause: error });
}

import { Readable } from 'node:stream';
import { Agent, type Dispatcher, type FormData } from 'undici';
import { type Trace, traced } from '#common/traced';
import { inSpan } from '#observability/tracing';
import { type FailureDecision, ProviderFailure } from '../provider-failure';
import { type Json, asList, asNumber, asObject, asWords, isObject } from '../wire';
import { classifyGraphFailure } from './meta-errors';

export interface GraphOptions {
  /** META_GRAPH_BASE_URL. */
  base_url: string;
  version: string;
  /** Contract 20, 7.6: 30 s. */
  timeout_ms: number;
}

/** One sender and the server that speaks for it: a number of the simulator has its own. */
export interface GraphTarget {
  base_url?: string | null;
  phone_number_id: string;
  access_token: string;
}

/** For calls on a whole account, where no number is involved. */
export type GraphAccount = Omit<GraphTarget, 'phone_number_id'>;

/** A Graph call that did not succeed. */
export class GraphError extends ProviderFailure {
  constructor(
    decision: FailureDecision,
    readonly http_status: number | null,
    /** Meta's `error_subcode`; null: none. */
    readonly subcode: number | null = null,
  ) {
    super(decision);
  }
}

interface Call {
  target: GraphAccount;
  method: 'GET' | 'POST' | 'DELETE';
  path: (string | null)[];
  query?: Record<string, string | undefined>;
  json?: Json;
  form?: FormData;
  /** The bytes of an upload session, which is an address and no id. */
  upload?: { session: string; blob: Blob };
  timeout_ms?: number;
}

const MAX_ANSWER_BYTES = 8 * 1024 * 1024;
const MAX_PAGES = 200;
/** Where media URLs point: the only hosts, beside the configured one, that are shown the token. */
const META_HOST = /(?:^|\.)(?:facebook\.com|fbcdn\.net|fbsbx\.com|whatsapp\.net|whatsapp\.com)$/;

/** Calls to the Graph API: what every one of them has in common. */
export class GraphHttp {
  private readonly dispatcher: Dispatcher;
  private readonly underWay = new Set<Promise<unknown>>();

  constructor(private readonly options: GraphOptions) {
    this.dispatcher = new Agent({
      connections: 64,
      pipelining: 1,
      // One request per connection at a time, so that a lost connection makes one message unknown and not a hundred.
      allowH2: false,
      keepAliveTimeout: 10_000,
      connect: { timeout: Math.min(10_000, options.timeout_ms) },
    }).compose(traced);
  }

  /** Waits for the answers under way (each is bounded in time), not for downloads nobody reads: the agent's own close would. */
  async close(): Promise<void> {
    while (this.underWay.size > 0) await Promise.allSettled(this.underWay);
    await this.dispatcher.destroy();
  }

  /** Follows the cursor, never `paging.next`: that address comes from outside and repeats the token. */
  async *pages(target: GraphAccount, path: string[], query: Record<string, string>): AsyncGenerator<Json> {
    let after: string | null = null;
    for (let n = 0; n < MAX_PAGES; n++) {
      const page: { items: Json[]; after: string | null } = await this.page(target, path, after === null ? query : { ...query, after });
      yield* page.items;
      if (page.after === null || page.after === after) return;
      after = page.after;
    }
  }

  async page(
    target: GraphAccount,
    path: string[],
    query: Record<string, string | undefined>,
  ): Promise<{ items: Json[]; after: string | null }> {
    const { answer } = await this.call({ target, method: 'GET', path, query });
    const paging = asObject(answer?.paging);
    const after = asWords(asObject(paging?.cursors)?.after, 4_096);
    return { items: asList(answer?.data).filter(isObject), after: paging?.next === undefined ? null : after };
  }

  async call(call: Call): Promise<{ http_status: number; answer: Json | null }> {
    const answered = inSpan(
      'meta',
      () => ({ 'http.request.method': call.method }),
      () => this.ask(call),
    );
    this.underWay.add(answered);
    try {
      return await answered;
    } finally {
      this.underWay.delete(answered);
    }
  }

  /** The answer that carries a file: its body must be consumed or destroyed. */
  async download(target: GraphAccount, url: string): Promise<Dispatcher.ResponseData> {
    const address = this.mediaAddress(target, url);
    if (address === null) throw refused('The media address is not one of Meta.', null);
    const response = await this.request(target, address, { method: 'GET', stream: true });
    if (response.statusCode !== 200) throw await this.failed(target, response);
    return response;
  }

  private async ask(call: Call): Promise<{ http_status: number; answer: Json | null }> {
    const { target } = call;
    const path = call.path.map((part) => {
      // Ids are typed by people into a form; one with a slash or dots would ask another address.
      if (part === null || !/^[\w-]{1,128}$/.test(part)) throw refused('A provider id in this call is not one.', null);
      return part;
    });
    const url = new URL(`${this.base(target)}/${this.options.version}/${call.upload?.session ?? path.join('/')}`);
    for (const [key, value] of Object.entries(call.query ?? {})) if (value !== undefined) url.searchParams.set(key, value);
    const response = await this.request(target, url, call);
    if (response.statusCode < 200 || response.statusCode >= 300) throw await this.failed(target, response);
    const answer = parseObject(await this.text(target, response));
    return { http_status: response.statusCode, answer };
  }

  private async request(
    target: GraphAccount,
    url: URL,
    {
      method,
      json,
      form,
      upload,
      timeout_ms = this.options.timeout_ms,
      stream = false,
    }: Pick<Call, 'method' | 'json' | 'form' | 'upload' | 'timeout_ms'> & { stream?: boolean },
  ): Promise<Dispatcher.ResponseData> {
    // A token no header can carry is an invalid token.
    if (!/^[\x21-\x7e]{1,4096}$/.test(target.access_token))
      throw new GraphError(
        classifyGraphFailure({
          http_status: 401,
          body: { error: { code: 190, message: 'The access token is not valid.' } },
          request_written: false,
        }),
        null,
      );
    // A download is bounded by its silence (bodyTimeout), not by its length.
    const trace: Trace = { written: false, signal: stream ? null : AbortSignal.timeout(timeout_ms) };
    const options: Dispatcher.RequestOptions & { trace: Trace } = {
      origin: url.origin,
      path: url.pathname + url.search,
      method,
      headers: {
        // Meta, "Resumable Upload API": the bytes want the older word.
        authorization: `${upload ? 'OAuth' : 'Bearer'} ${target.access_token}`,
        ...(json && { 'content-type': 'application/json' }),
        ...(upload && { file_offset: '0', 'content-length': String(upload.blob.size) }),
      },
      body: upload ? Readable.fromWeb(upload.blob.stream()) : json ? JSON.stringify(json) : (form ?? null),
      headersTimeout: timeout_ms,
      bodyTimeout: timeout_ms,
      signal: trace.signal,
      trace,
    };
    try {
      return await this.dispatcher.request(options);
    } catch (error) {
      throw new GraphError(classifyGraphFailure({ network_error: error, request_written: trace.written }), null);
    }
  }

  /** The failure a refusing answer stands for. */
  private async failed(target: GraphAccount, response: Dispatcher.ResponseData): Promise<GraphError> {
    const http_status = response.statusCode;
    const body = parseObject(await this.text(target, response).catch(() => ''));
    const header = response.headers['retry-after'];
    const decision = classifyGraphFailure({
      http_status,
      body,
      request_written: true,
      retry_after: Array.isArray(header) ? header[0] : header,
    });
    const subcode = asNumber(asObject(body?.error)?.error_subcode);
    return new GraphError({ ...decision, error_message: redact(decision.error_message, target.access_token) }, http_status, subcode);
  }

  private async text(target: GraphAccount, response: Dispatcher.ResponseData): Promise<string> {
    const chunks: Buffer[] = [];
    let size = 0;
    try {
      for await (const chunk of response.body as AsyncIterable<Buffer>) {
        size += chunk.length;
        if (size > MAX_ANSWER_BYTES) throw new Error('answer too large');
        chunks.push(chunk);
      }
    } catch (error) {
      throw new GraphError(classifyGraphFailure({ network_error: error, request_written: true }), response.statusCode);
    }
    return redact(Buffer.concat(chunks).toString('utf8'), target.access_token);
  }

  private base(target: GraphAccount): string {
    return (target.base_url || this.options.base_url).replace(/\/+$/, '');
  }

  private mediaAddress(target: GraphAccount, url: string): URL | null {
    if (!URL.canParse(url)) return null;
    const address = new URL(url);
    if (address.username !== '' || address.password !== '') return null;
    if (address.origin === new URL(this.base(target)).origin) return address;
    return address.protocol === 'https:' && address.port === '' && META_HOST.test(address.hostname) ? address : null;
  }
}

/** Meta quotes a malformed token in its error text. */
const redact = (text: string, token: string): string => (token.length >= 8 ? text.replaceAll(token, '[token]') : text);

export function refused(message: string, http_status: number | null): GraphError {
  return new GraphError(classifyGraphFailure({ http_status: 400, body: { error: { message } }, request_written: false }), http_status);
}

function parseObject(text: string): Json | null {
  try {
    return asObject(JSON.parse(text));
  } catch {
    return null;
  }
}

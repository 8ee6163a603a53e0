import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { Readable } from 'node:stream';
import { Agent, type Dispatcher, FormData } from 'undici';
import { type Trace, traced } from '#common/traced';
import type { NumberFields, SampleFile, SendAnswer } from '../provider';
import { type FailureDecision, ProviderFailure } from '../provider-failure';
import { type Json, asId, asList, asName, asNumber, asObject, asText, asTime, asWords, isObject } from '../wire';
import { buildReadReceipt } from './build-message';
import { classifyGraphFailure } from './meta-errors';
import { inSpan } from '#observability/tracing';

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

export interface SentMessage extends SendAnswer {
  user_id: string | null;
  /** accepted, held_for_quality_assessment, paused; null: not told. */
  message_status: string | null;
}

export interface GraphNumber extends NumberFields {
  id: string | null;
  display_phone_number: string | null;
  code_verification_status: string | null;
}

export interface MediaUrl {
  url: string;
  mime_type: string | null;
  /** Hex here, base64 in webhooks. */
  sha256: string | null;
  size_bytes: number | null;
}

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
const UPLOAD_TIMEOUT_MS = 120_000;
const MAX_PAGES = 200;
/** As Meta names an upload session: `upload:…`, signed. */
const UPLOAD_SESSION = /^upload:[\w.~+=:-]{1,2048}(?:\?sig=[\w.~+=-]{1,1024})?$/;
const NUMBER_FIELDS =
  'display_phone_number,verified_name,quality_rating,code_verification_status,whatsapp_business_manager_messaging_limit,throughput';
const TEMPLATE_FIELDS = 'id,name,language,status,category,components,parameter_format,rejected_reason,quality_score,previous_category';
/** Where media URLs point: the only hosts, beside the configured one, that are shown the token. */
const META_HOST = /(?:^|\.)(?:facebook\.com|fbcdn\.net|fbsbx\.com|whatsapp\.net|whatsapp\.com)$/;

/** The Cloud API. Answers what was asked or throws a GraphError; it never repeats a call by itself. */
@Injectable()
export class GraphClient implements OnModuleDestroy {
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
  async onModuleDestroy(): Promise<void> {
    while (this.underWay.size > 0) await Promise.allSettled(this.underWay);
    await this.dispatcher.destroy();
  }

  /** Sends a body of `buildMessage`. A success means accepted by Meta, not delivered. */
  async send(target: GraphTarget, body: Json): Promise<SentMessage> {
    const { http_status, answer } = await this.call({ target, method: 'POST', path: [target.phone_number_id, 'messages'], json: body });
    const message = asObject(asList(answer?.messages)[0]);
    const provider_id = asId(message?.id);
    if (provider_id === null) throw new GraphError(classifyGraphFailure({ http_status, request_written: true }), http_status);
    const contact = asObject(asList(answer?.contacts)[0]);
    return {
      provider_id,
      wa_id: asId(contact?.wa_id),
      user_id: asId(contact?.user_id),
      message_status: asWords(message?.message_status, 64),
    };
  }

  async markRead(target: GraphTarget, provider_id: string, typing = false): Promise<void> {
    await this.call({ target, method: 'POST', path: [target.phone_number_id, 'messages'], json: buildReadReceipt(provider_id, typing) });
  }

  /** The address of a file, good for five minutes. */
  async getMediaUrl(target: GraphTarget, media_id: string): Promise<MediaUrl> {
    const query = { phone_number_id: target.phone_number_id };
    const { http_status, answer } = await this.call({ target, method: 'GET', path: [media_id], query });
    const url = asText(answer?.url, 8_192);
    if (url === null) throw refused(`The provider named no address for media ${media_id}.`, http_status);
    return {
      url,
      mime_type: asWords(answer?.mime_type, 255),
      sha256: asWords(answer?.sha256, 255),
      size_bytes: asNumber(answer?.file_size),
    };
  }

  /** The file itself, as a stream the caller must consume or destroy. Only Meta's hosts and our own base are asked at all. */
  async downloadMedia(
    target: GraphAccount,
    url: string,
  ): Promise<{ stream: Readable; mime_type: string | null; size_bytes: number | null }> {
    const address = this.mediaAddress(target, url);
    if (address === null) throw refused('The media address is not one of Meta.', null);
    const response = await this.request(target, address, { method: 'GET', stream: true });
    if (response.statusCode !== 200) throw await this.failed(target, response);
    return {
      stream: response.body,
      mime_type: asWords(response.headers['content-type'], 255),
      size_bytes: asNumber(response.headers['content-length']),
    };
  }

  /** Stores a file at Meta for 30 days; the answer's id can be sent any number of times, by this number only. */
  async uploadMedia(target: GraphTarget, file: { blob: Blob; filename: string; mime_type: string }): Promise<string> {
    const form = new FormData();
    form.set('messaging_product', 'whatsapp');
    form.set('type', file.mime_type);
    const blob = file.blob.type === file.mime_type ? file.blob : file.blob.slice(0, file.blob.size, file.mime_type);
    form.set('file', blob, file.filename);
    const path = [target.phone_number_id, 'media'];
    const { http_status, answer } = await this.call({ target, method: 'POST', path, form, timeout_ms: UPLOAD_TIMEOUT_MS });
    const id = asId(answer?.id);
    if (id === null) throw refused('The provider gave no media id.', http_status);
    return id;
  }

  async getNumber(target: GraphTarget): Promise<GraphNumber> {
    const { answer } = await this.call({ target, method: 'GET', path: [target.phone_number_id], query: { fields: NUMBER_FIELDS } });
    return {
      id: asId(answer?.id),
      display_phone_number: asWords(answer?.display_phone_number, 64),
      verified_name: asName(answer?.verified_name, 255),
      quality_rating: asWords(answer?.quality_rating, 64),
      code_verification_status: asWords(answer?.code_verification_status, 64),
      messaging_limit: asWords(answer?.whatsapp_business_manager_messaging_limit, 64),
      throughput: asWords(asObject(answer?.throughput)?.level, 64),
    };
  }

  /**
   * What the token may do, and on which WABAs. Meta takes the token to inspect as a parameter and nowhere else; it goes
   * into the query of this one call, which is why no error of ours names an address.
   */
  async debugToken(
    target: GraphAccount,
  ): Promise<{ is_valid: boolean; app_id: string | null; expires_at: Date | null; scopes: string[]; waba_ids: string[] }> {
    const { answer } = await this.call({ target, method: 'GET', path: ['debug_token'], query: { input_token: target.access_token } });
    const data = asObject(answer?.data);
    const waba_ids = asList(data?.granular_scopes)
      .filter(isObject)
      .filter((grant) => grant.scope === 'whatsapp_business_management' || grant.scope === 'whatsapp_business_messaging')
      .flatMap((grant) => asList(grant.target_ids).flatMap((id) => asId(id) ?? []));
    return {
      is_valid: data?.is_valid === true,
      app_id: asId(data?.app_id),
      expires_at: asTime(data?.expires_at),
      scopes: asList(data?.scopes).flatMap((scope) => asWords(scope, 128) ?? []),
      waba_ids: [...new Set(waba_ids)],
    };
  }

  /** All numbers of a WABA. */
  async phoneNumbers(
    target: GraphAccount,
    waba_id: string,
  ): Promise<{ id: string; display_phone_number: string | null; verified_name: string | null }[]> {
    const numbers: { id: string; display_phone_number: string | null; verified_name: string | null }[] = [];
    const query = { fields: 'id,display_phone_number,verified_name', limit: '100' };
    for await (const item of this.pages(target, [waba_id, 'phone_numbers'], query)) {
      const id = asId(item.id);
      if (id !== null)
        numbers.push({ id, display_phone_number: asWords(item.display_phone_number, 64), verified_name: asName(item.verified_name, 255) });
    }
    return numbers;
  }

  /** Without this a new WABA sends no webhooks at all. */
  async subscribeApp(target: GraphAccount, waba_id: string): Promise<void> {
    await this.call({ target, method: 'POST', path: [waba_id, 'subscribed_apps'] });
  }

  /** A WABA's templates, as Meta has them. */
  allTemplates(target: GraphAccount, waba_id: string): AsyncGenerator<Json> {
    return this.pages(target, [waba_id, 'message_templates'], { fields: TEMPLATE_FIELDS, limit: '100' });
  }

  /** One page of them; `query`: Meta's own filters, `limit` and `after`. */
  templates(
    target: GraphAccount,
    waba_id: string,
    query: Record<string, string | undefined>,
  ): Promise<{ items: Json[]; after: string | null }> {
    return this.page(target, [waba_id, 'message_templates'], { fields: TEMPLATE_FIELDS, ...query });
  }

  async getTemplate(target: GraphAccount, template_id: string): Promise<Json> {
    return (await this.call({ target, method: 'GET', path: [template_id], query: { fields: TEMPLATE_FIELDS } })).answer ?? {};
  }

  async createTemplate(
    target: GraphAccount,
    waba_id: string,
    json: Json,
  ): Promise<{ id: string | null; status: string | null; category: string | null }> {
    const { answer } = await this.call({ target, method: 'POST', path: [waba_id, 'message_templates'], json });
    return { id: asId(answer?.id), status: asWords(answer?.status, 30), category: asWords(answer?.category, 30) };
  }

  async editTemplate(target: GraphAccount, template_id: string, json: Json): Promise<void> {
    await this.call({ target, method: 'POST', path: [template_id], json });
  }

  /** `hsm_id`: of this language alone; by the name alone Meta deletes them all. */
  async deleteTemplate(target: GraphAccount, waba_id: string, { name, hsm_id }: { name: string; hsm_id: string }): Promise<void> {
    await this.call({ target, method: 'DELETE', path: [waba_id, 'message_templates'], query: { name, hsm_id } });
  }

  /** Hands over a file that is not to be sent but to be looked at. Meta, "Resumable Upload API": a session of the app, then the bytes. */
  async uploadSample(target: GraphAccount, app_id: string, { blob, filename, mime_type }: SampleFile): Promise<string> {
    const query = { file_name: filename, file_length: String(blob.size), file_type: mime_type };
    const { http_status, answer } = await this.call({ target, method: 'POST', path: [app_id, 'uploads'], query });
    const session = asText(answer?.id, 4_096);
    if (session === null || !UPLOAD_SESSION.test(session)) throw refused('The provider opened no upload.', http_status);
    const uploaded = await this.call({ target, method: 'POST', path: [], upload: { session, blob }, timeout_ms: UPLOAD_TIMEOUT_MS });
    const handle = asWords(uploaded.answer?.h, 8_192);
    if (handle === null) throw refused('The provider gave no handle for the file.', uploaded.http_status);
    return handle;
  }

  async updateBusinessProfile(target: GraphTarget, profile: Json): Promise<void> {
    const path = [target.phone_number_id, 'whatsapp_business_profile'];
    await this.call({ target, method: 'POST', path, json: { ...profile, messaging_product: 'whatsapp' } });
  }

  /** Follows the cursor, never `paging.next`: that address comes from outside and repeats the token. */
  private async *pages(target: GraphAccount, path: string[], query: Record<string, string>): AsyncGenerator<Json> {
    let after: string | null = null;
    for (let n = 0; n < MAX_PAGES; n++) {
      const page: { items: Json[]; after: string | null } = await this.page(target, path, after === null ? query : { ...query, after });
      yield* page.items;
      if (page.after === null || page.after === after) return;
      after = page.after;
    }
  }

  private async page(
    target: GraphAccount,
    path: string[],
    query: Record<string, string | undefined>,
  ): Promise<{ items: Json[]; after: string | null }> {
    const { answer } = await this.call({ target, method: 'GET', path, query });
    const paging = asObject(answer?.paging);
    const after = asWords(asObject(paging?.cursors)?.after, 4_096);
    return { items: asList(answer?.data).filter(isObject), after: paging?.next === undefined ? null : after };
  }

  private async call(call: Call): Promise<{ http_status: number; answer: Json | null }> {
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

function refused(message: string, http_status: number | null): GraphError {
  return new GraphError(classifyGraphFailure({ http_status: 400, body: { error: { message } }, request_written: false }), http_status);
}

function parseObject(text: string): Json | null {
  try {
    return asObject(JSON.parse(text));
  } catch {
    return null;
  }
}

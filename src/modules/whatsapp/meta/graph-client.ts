import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { Readable } from 'node:stream';
import { FormData } from 'undici';
import type { NumberFields, SampleFile, SendAnswer } from '../provider';
import { type Json, asId, asList, asName, asNumber, asObject, asText, asTime, asWords, isObject } from '../wire';
import { buildReadReceipt } from './build-message';
import { type GraphAccount, GraphError, GraphHttp, type GraphOptions, type GraphTarget, refused } from './graph-http';
import { classifyGraphFailure } from './meta-errors';

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

const UPLOAD_TIMEOUT_MS = 120_000;
/** As Meta names an upload session: `upload:…`, signed. */
const UPLOAD_SESSION = /^upload:[\w.~+=:-]{1,2048}(?:\?sig=[\w.~+=-]{1,1024})?$/;
const NUMBER_FIELDS =
  'display_phone_number,verified_name,quality_rating,code_verification_status,whatsapp_business_manager_messaging_limit,throughput';
const TEMPLATE_FIELDS = 'id,name,language,status,category,components,parameter_format,rejected_reason,quality_score,previous_category';

/** The Cloud API. Answers what was asked or throws a GraphError; it never repeats a call by itself. */
@Injectable()
export class GraphClient implements OnModuleDestroy {
  private readonly http: GraphHttp;

  constructor(options: GraphOptions) {
    this.http = new GraphHttp(options);
  }

  async onModuleDestroy(): Promise<void> {
    await this.http.close();
  }

  /** Sends a body of `buildMessage`. A success means accepted by Meta, not delivered. */
  async send(target: GraphTarget, body: Json): Promise<SentMessage> {
    const { http_status, answer } = await this.http.call({
      target,
      method: 'POST',
      path: [target.phone_number_id, 'messages'],
      json: body,
    });
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
    await this.http.call({
      target,
      method: 'POST',
      path: [target.phone_number_id, 'messages'],
      json: buildReadReceipt(provider_id, typing),
    });
  }

  /** The address of a file, good for five minutes. */
  async getMediaUrl(target: GraphTarget, media_id: string): Promise<MediaUrl> {
    const query = { phone_number_id: target.phone_number_id };
    const { http_status, answer } = await this.http.call({ target, method: 'GET', path: [media_id], query });
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
    const { body, headers } = await this.http.download(target, url);
    return { stream: body, mime_type: asWords(headers['content-type'], 255), size_bytes: asNumber(headers['content-length']) };
  }

  /** Stores a file at Meta for 30 days; the answer's id can be sent any number of times, by this number only. */
  async uploadMedia(target: GraphTarget, file: { blob: Blob; filename: string; mime_type: string }): Promise<string> {
    const form = new FormData();
    form.set('messaging_product', 'whatsapp');
    form.set('type', file.mime_type);
    const blob = file.blob.type === file.mime_type ? file.blob : file.blob.slice(0, file.blob.size, file.mime_type);
    form.set('file', blob, file.filename);
    const path = [target.phone_number_id, 'media'];
    const { http_status, answer } = await this.http.call({ target, method: 'POST', path, form, timeout_ms: UPLOAD_TIMEOUT_MS });
    const id = asId(answer?.id);
    if (id === null) throw refused('The provider gave no media id.', http_status);
    return id;
  }

  async getNumber(target: GraphTarget): Promise<GraphNumber> {
    const { answer } = await this.http.call({ target, method: 'GET', path: [target.phone_number_id], query: { fields: NUMBER_FIELDS } });
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
    const { answer } = await this.http.call({ target, method: 'GET', path: ['debug_token'], query: { input_token: target.access_token } });
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
    for await (const item of this.http.pages(target, [waba_id, 'phone_numbers'], query)) {
      const id = asId(item.id);
      if (id !== null)
        numbers.push({ id, display_phone_number: asWords(item.display_phone_number, 64), verified_name: asName(item.verified_name, 255) });
    }
    return numbers;
  }

  /** Without this a new WABA sends no webhooks at all. */
  async subscribeApp(target: GraphAccount, waba_id: string): Promise<void> {
    await this.http.call({ target, method: 'POST', path: [waba_id, 'subscribed_apps'] });
  }

  /** A WABA's templates, as Meta has them. */
  allTemplates(target: GraphAccount, waba_id: string): AsyncGenerator<Json> {
    return this.http.pages(target, [waba_id, 'message_templates'], { fields: TEMPLATE_FIELDS, limit: '100' });
  }

  /** One page of them; `query`: Meta's own filters, `limit` and `after`. */
  templates(
    target: GraphAccount,
    waba_id: string,
    query: Record<string, string | undefined>,
  ): Promise<{ items: Json[]; after: string | null }> {
    return this.http.page(target, [waba_id, 'message_templates'], { fields: TEMPLATE_FIELDS, ...query });
  }

  async getTemplate(target: GraphAccount, template_id: string): Promise<Json> {
    return (await this.http.call({ target, method: 'GET', path: [template_id], query: { fields: TEMPLATE_FIELDS } })).answer ?? {};
  }

  async createTemplate(
    target: GraphAccount,
    waba_id: string,
    json: Json,
  ): Promise<{ id: string | null; status: string | null; category: string | null }> {
    const { answer } = await this.http.call({ target, method: 'POST', path: [waba_id, 'message_templates'], json });
    return { id: asId(answer?.id), status: asWords(answer?.status, 30), category: asWords(answer?.category, 30) };
  }

  async editTemplate(target: GraphAccount, template_id: string, json: Json): Promise<void> {
    await this.http.call({ target, method: 'POST', path: [template_id], json });
  }

  /** `hsm_id`: of this language alone; by the name alone Meta deletes them all. */
  async deleteTemplate(target: GraphAccount, waba_id: string, { name, hsm_id }: { name: string; hsm_id: string }): Promise<void> {
    await this.http.call({ target, method: 'DELETE', path: [waba_id, 'message_templates'], query: { name, hsm_id } });
  }

  /** Hands over a file that is not to be sent but to be looked at. Meta, "Resumable Upload API": a session of the app, then the bytes. */
  async uploadSample(target: GraphAccount, app_id: string, { blob, filename, mime_type }: SampleFile): Promise<string> {
    const query = { file_name: filename, file_length: String(blob.size), file_type: mime_type };
    const { http_status, answer } = await this.http.call({ target, method: 'POST', path: [app_id, 'uploads'], query });
    const session = asText(answer?.id, 4_096);
    if (session === null || !UPLOAD_SESSION.test(session)) throw refused('The provider opened no upload.', http_status);
    const uploaded = await this.http.call({ target, method: 'POST', path: [], upload: { session, blob }, timeout_ms: UPLOAD_TIMEOUT_MS });
    const handle = asWords(uploaded.answer?.h, 8_192);
    if (handle === null) throw refused('The provider gave no handle for the file.', uploaded.http_status);
    return handle;
  }

  async updateBusinessProfile(target: GraphTarget, profile: Json): Promise<void> {
    const path = [target.phone_number_id, 'whatsapp_business_profile'];
    await this.http.call({ target, method: 'POST', path, json: { ...profile, messaging_product: 'whatsapp' } });
  }
}

import { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import { EgressClient, type EgressRequest } from '#common/egress';
import { AppError } from '#common/errors';
import type { Trace } from '#common/traced';
import { inSpan } from '#observability/tracing';
import { type FailureDecision, ProviderFailure, final } from '../provider-failure';
import { type Json, asObject, asWords } from '../wire';
import { Base64Field } from './base64-field';
import { classifyEvolutionFailure } from './evolution-errors';

/** An instance, the server that holds it, and what opens it. */
export interface EvolutionTarget {
  base_url: string;
  api_key: string;
  instance: string;
  /** The operator's server, not one a tenant names. */
  trusted: boolean;
}

/** A call to Evolution that did not succeed. */
export class EvolutionError extends ProviderFailure {
  constructor(
    decision: FailureDecision,
    readonly http_status: number | null,
  ) {
    super(decision);
  }
}

/** A file that goes into a field of a body. */
export interface FileField {
  field: string;
  blob: Blob;
}

const TIMEOUT_MS = 30_000;
/** A file of 100 MB on a slow line. */
const FILE_TIMEOUT_MS = 120_000;
const MAX_ANSWER_BYTES = 1024 * 1024;
/** Read, encoded and written in one turn of the event loop; of three bytes are made four letters. */
const PIECE_BYTES = 3 * 64 * 1024;

/** Evolution API v2.3. Answers what was asked or throws an EvolutionError; it never repeats a call by itself. */
@Injectable()
export class EvolutionClient {
  constructor(private readonly egress: EgressClient) {}

  /** `path` without the instance, which ends it unless `of_server`. */
  async call(
    target: EvolutionTarget,
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    body?: Json,
    { file, of_server = false }: { file?: FileField; of_server?: boolean } = {},
  ): Promise<unknown> {
    const trace: Trace = { written: false };
    const request: EgressRequest = { ...this.request(target, trace), method, timeout_ms: file ? FILE_TIMEOUT_MS : TIMEOUT_MS };
    if (file) Object.assign(request, { body: withFile(body ?? {}, file) });
    else if (body) request.body = JSON.stringify(body);
    const url = urlOf(target, of_server ? path : `${path}/${encodeURIComponent(target.instance)}`);
    return inSpan(
      'evolution',
      () => ({ 'http.request.method': method }),
      async () => {
        try {
          const { status, body: raw } = await this.egress.fetch(url, { ...request, max_bytes: MAX_ANSWER_BYTES });
          const answer = parsed(raw);
          // Some refusals come as 200.
          if (status < 200 || status >= 300 || asObject(answer)?.error === true)
            throw failed({ http_status: status, body: asObject(answer), request_written: true }, target);
          return answer;
        } catch (error) {
          throw explained(error, trace, target);
        }
      },
    );
  }

  /** The bytes of a message's file, decoded as they come; the caller reads them to their end or destroys them. */
  async download(target: EvolutionTarget, message_id: string): Promise<Readable> {
    const trace: Trace = { written: false };
    const url = urlOf(target, `chat/getBase64FromMediaMessage/${encodeURIComponent(target.instance)}`);
    const body = JSON.stringify({ message: { key: { id: message_id } }, convertToMp4: false });
    try {
      const request = { ...this.request(target, trace), method: 'POST' as const, body, timeout_ms: FILE_TIMEOUT_MS };
      const answer = await this.egress.stream(url, request);
      if (answer.status < 200 || answer.status >= 300) {
        answer.body.destroy();
        throw failed({ http_status: answer.status, request_written: true }, target);
      }
      return Base64Field.of(answer.body);
    } catch (error) {
      throw explained(error, trace, target);
    }
  }

  private request({ api_key, trusted }: EvolutionTarget, trace: Trace): EgressRequest {
    // A key no header can carry is an invalid key.
    if (!/^[\x21-\x7e]{1,1024}$/.test(api_key))
      throw new EvolutionError({ ...final('401', 'The Evolution key is not valid.'), class: 'number', effect: 'number_error' }, null);
    return { headers: { apikey: api_key, 'content-type': 'application/json' }, trusted, trace };
  }
}

const urlOf = ({ base_url }: EvolutionTarget, path: string): string => `${base_url.replace(/\/+$/, '')}/${path}`;

function explained(error: unknown, trace: Trace, target: EvolutionTarget): Error {
  if (error instanceof ProviderFailure) return error;
  if (!(error instanceof AppError)) return error as Error;
  // A DOMException's code is a number nobody knows.
  const code = asWords(asObject(error.cause)?.code, 64) ?? error.error_code;
  const reason = error.error_code === 'egress_blocked' ? 'its address may not be called' : code;
  return failed({ http_status: null, reason, request_written: trace.written }, target);
}

function failed(failure: Parameters<typeof classifyEvolutionFailure>[0], { api_key }: EvolutionTarget): EvolutionError {
  const decision = classifyEvolutionFailure(failure);
  const error_message = api_key.length >= 8 ? decision.error_message.replaceAll(api_key, '[key]') : decision.error_message;
  return new EvolutionError({ ...decision, error_message }, failure.http_status);
}

/** A sent file comes back whole, cut where it is too long: its message's key stands before it. */
function parsed(raw: Buffer): unknown {
  const text = raw.toString('utf8');
  try {
    return JSON.parse(text);
  } catch {
    const [, key] = /^\{"key":(\{[^{}]{1,1000}\})/.exec(text) ?? [];
    return key === undefined ? null : { key: JSON.parse(key) as unknown };
  }
}

/** JSON with the file in it, in base64, made as it is sent: never whole in memory. */
function withFile(body: Json, { field, blob }: FileField): Readable {
  const text = JSON.stringify({ ...body, [field]: '' });
  return Readable.from(
    (async function* (): AsyncGenerator<Buffer> {
      yield Buffer.from(text.slice(0, -2));
      for (let at = 0; at < blob.size; at += PIECE_BYTES)
        yield Buffer.from(Buffer.from(await blob.slice(at, at + PIECE_BYTES).arrayBuffer()).toString('base64'));
      yield Buffer.from('"}');
    })(),
    { objectMode: false },
  );
}

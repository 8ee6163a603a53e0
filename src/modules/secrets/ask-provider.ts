import { Injectable } from '@nestjs/common';
import { EgressClient } from '#common/egress';
import { AppError, Invalid } from '#common/errors';
import { Config } from '#config/config';
import type { Secret } from './secret.entity';

const TIMEOUT_MS = 10_000;

/** A request that changes nothing and is refused without a good key. */
interface Question {
  url: string;
  headers: Record<string, string>;
}

type Ask = (value: string, config: Config, secret: Secret) => Question;

const bearer = (value: string): Record<string, string> => ({ authorization: `Bearer ${value}` });

const PROVIDERS: Record<string, Ask> = {
  // OpenAI, API reference: "List models". Its own clients are told of another server (a gateway, one that speaks as OpenAI does) with `/v1`.
  openai: (value, { openai_base_url }, { metadata }) => ({
    url: `${baseUrlOf(metadata) ?? openai_base_url}/models`,
    headers: bearer(value),
  }),
  // Anthropic, API reference: "List Models". Its own clients are told of another server without `/v1`.
  anthropic: (value, { anthropic_base_url }, { metadata }) => ({
    url: `${baseUrlOf(metadata) ?? anthropic_base_url}/v1/models`,
    headers: { 'x-api-key': value, 'anthropic-version': '2023-06-01' },
  }),
  // AnythingLLM, developer API: "Verify the attached Authentication header contains a valid API token". Contract 30, 8.1:
  // people say where it is with or without `/api/v1`.
  anythingllm: (value, _config, { metadata }) => ({
    url: `${baseUrlOf(metadata)?.replace(/(?:\/api)?(?:\/v1)?$/, '')}/api/v1/auth`,
    headers: bearer(value),
  }),
  // Meta, Graph API: whose token it is.
  meta: (value, { meta_graph_base_url, meta_graph_version }) => ({
    url: `${meta_graph_base_url}/${meta_graph_version}/me?fields=id`,
    headers: bearer(value),
  }),
};

/** What a provider says of a secret. */
export interface Said {
  valid: boolean;
  /** Why not, in our words: a provider's may repeat the key. */
  message: string | null;
  latency_ms: number;
}

/** Asks the provider of a secret's service whether it takes it. */
@Injectable()
export class AskProvider {
  constructor(
    private readonly config: Config,
    private readonly egress: EgressClient,
  ) {}

  /** @throws {Invalid} unsupported_test: nobody is known to ask. */
  assertKnown({ service, metadata }: Secret): void {
    const known = service !== null && Object.hasOwn(PROVIDERS, service);
    if (!known) throw unsupported(`Only secrets of ${Object.keys(PROVIDERS).join(', ')} can be tested by a connection.`);
    if (service === 'anythingllm' && !baseUrlOf(metadata)) throw unsupported('Say in metadata.base_url where AnythingLLM answers.');
  }

  async ask(secret: Secret, value: string): Promise<Said> {
    const start = performance.now();
    const said = await this.answerOf(secret, value);
    return { ...said, latency_ms: Math.round(performance.now() - start) };
  }

  private async answerOf(secret: Secret, value: string): Promise<Omit<Said, 'latency_ms'>> {
    const { url, headers } = PROVIDERS[secret.service ?? ''](value, this.config, secret);
    try {
      const { status } = await this.egress.fetch(url, { headers, timeout_ms: TIMEOUT_MS });
      if (status >= 200 && status < 300) return { valid: true, message: null };
      // Meta says 400 of a token that is none (error 190).
      const refused = [400, 401, 403].includes(status);
      return { valid: false, message: refused ? `The provider refuses it (${status}).` : `The provider answered ${status}.` };
    } catch (error) {
      if (error instanceof AppError) return { valid: false, message: error.message };
      throw error;
    }
  }
}

const baseUrlOf = ({ base_url }: Secret['metadata']): string | null =>
  typeof base_url === 'string' && base_url ? base_url.replace(/\/+$/, '') : null;

const unsupported = (msg: string): Invalid => Invalid.field('test_type', msg, 'unsupported_test');

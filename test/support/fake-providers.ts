import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** The key each of them takes. */
export const GOOD_KEY = 'sk-good-0123456789';

/** OpenAI, Anthropic, AnythingLLM and Meta on a free port: its `env` goes to `world()`. */
export interface FakeProviders {
  env: Record<string, string>;
  /** Where AnythingLLM answers. */
  anythingllm_url: string;
  /** Before OpenAI and Anthropic, at `/openai/v1` and `/anthropic`. */
  gateway_url: string;
  /** `GET /openai/models` as they came. */
  calls: string[];
  /** Answers of every provider from now on; null: as they are. */
  fail: number | null;
  close(): Promise<void>;
}

type Answer = [status: number, body: object];

const bearer = ({ headers }: IncomingMessage): string => headers.authorization?.replace(/^Bearer /, '') ?? '';

// As the real ones refuse; some say again what they were given.

const openai = (request: IncomingMessage): Answer =>
  bearer(request) === GOOD_KEY
    ? [200, { object: 'list', data: [] }]
    : [401, { error: { message: `Incorrect API key provided: ${bearer(request)}.`, code: 'invalid_api_key' } }];

const anthropic = ({ headers }: IncomingMessage): Answer => {
  if (headers['anthropic-version'] !== '2023-06-01') return [400, { type: 'error', error: { type: 'invalid_request_error' } }];
  if (headers['x-api-key'] !== GOOD_KEY)
    return [401, { type: 'error', error: { type: 'authentication_error', message: 'invalid x-api-key' } }];
  return [200, { data: [] }];
};

const ROUTES: Record<string, (request: IncomingMessage) => Answer> = {
  '/openai/models': openai,
  '/anthropic/v1/models': anthropic,
  '/gateway/openai/v1/models': openai,
  '/gateway/anthropic/v1/models': anthropic,
  '/llm/api/v1/auth': (request) =>
    bearer(request) === GOOD_KEY ? [200, { authenticated: true }] : [403, { error: 'No valid api key found.' }],
  '/graph/v25.0/me': (request) =>
    bearer(request) === GOOD_KEY
      ? [200, { id: '1' }]
      : [400, { error: { message: 'Invalid OAuth access token - Cannot parse access token', type: 'OAuthException', code: 190 } }],
};

export async function fakeProviders(): Promise<FakeProviders> {
  const server = createServer((request, response) => {
    const path = request.url?.split('?')[0] ?? '';
    providers.calls.push(`${request.method} ${path}`);
    const [status, body]: Answer = providers.fail ? [providers.fail, {}] : (ROUTES[path]?.(request) ?? [404, {}]);
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const providers: FakeProviders = {
    env: {
      EGRESS_ALLOWED_HOSTS: host,
      OPENAI_BASE_URL: `http://${host}/openai`,
      ANTHROPIC_BASE_URL: `http://${host}/anthropic`,
      META_GRAPH_BASE_URL: `http://${host}/graph`,
    },
    anythingllm_url: `http://${host}/llm`,
    gateway_url: `http://${host}/gateway`,
    calls: [],
    fail: null,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return providers;
}

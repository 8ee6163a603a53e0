import type { INestApplication, Type } from '@nestjs/common';
import { DEMO } from '#common/demo';
import { eventCatalogue } from '#common/events';
import type { Config } from '#config/config';
import { VERSION } from '#config/version';
import { GENERAL_CHANNELS, socketCatalogue } from '#realtime/realtime.events';
import { LIMITS } from '#realtime/realtime.limits';
import { COMMANDS, NOTICES, RAW_COMMANDS, RAW_NOTICES } from '#realtime/realtime.protocol';
import { buildOpenApi } from './openapi';
import type { Schema, Schemas } from './openapi-types';

type Json = Record<string, unknown>;

/** One message of the document: what a client or the server says. */
interface AsyncMessage {
  name: string;
  summary: string;
  payload: Json;
  examples: { payload: unknown }[];
  /** The events by which it is said. */
  'x-events'?: string[];
}
interface AsyncChannel {
  address: string;
  title: string;
  description: string;
  messages: Record<string, { $ref: string }>;
  bindings: Json;
}
export interface AsyncApi {
  asyncapi: '3.0.0';
  info: Json;
  servers: Json;
  defaultContentType: string;
  channels: Record<string, AsyncChannel>;
  operations: Record<string, Json>;
  components: { messages: Record<string, AsyncMessage>; schemas: Record<string, Json>; securitySchemes: Json };
}

/** The messages of the document, and by key who says which. */
interface Messages {
  all: Record<string, AsyncMessage>;
  schemas: Record<string, Json>;
  /** A client on Socket.IO. */
  commands: { command: string; ack: string }[];
  /** The server on Socket.IO. */
  said: string[];
  /** A client on a raw socket. */
  rawCommands: string[];
  /** The server on a raw socket. */
  rawSaid: string[];
}

/** The AsyncAPI 3 document of the sockets, made of what the gateways are typed by. */
export function buildAsyncApi(app: INestApplication, config: Config): AsyncApi {
  const messages = messagesOf(app, config);
  const url = new URL(config.public_base_url);
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'PyTake realtime',
      version: VERSION,
      description:
        'What happens in your organization, at once. Sign in at `POST /api/v1/auth/login` and connect with the access token, or with an API key, which hears ' +
        'what its scopes let it read and does not count in the address. Socket.IO clients hear ' +
        'everything of their organization; raw WebSockets hear the channels they subscribe to. Nothing is repeated: after a break, read what you missed over REST. ' +
        'An agent is online while a socket of theirs is open, and for a minute after; who also is `available` (`PUT /api/v1/users/me`) is given work by queues.',
      license: { name: 'MIT', url: 'https://opensource.org/license/mit' },
    },
    servers: {
      here: {
        host: url.host,
        protocol: url.protocol === 'https:' ? 'wss' : 'ws',
        security: [{ $ref: '#/components/securitySchemes/bearer' }, { $ref: '#/components/securitySchemes/token' }],
      },
    },
    defaultContentType: 'application/json',
    channels: channelsWith(messages),
    operations: operationsOn(messages),
    components: {
      messages: messages.all,
      schemas: messages.schemas,
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
        token: { type: 'httpApiKey', name: 'token', in: 'query', description: 'For browsers, whose WebSockets send no header.' },
      },
    },
  };
}

function messagesOf(app: INestApplication, config: Config): Messages {
  const events = socketCatalogue();
  const tables = [COMMANDS, NOTICES, RAW_COMMANDS, RAW_NOTICES].flatMap((table) => Object.values<{ payload: Type<object> }>(table));
  const answers = Object.values(COMMANDS).map(({ answer }) => answer);
  const models = [...new Set([...tables.map(({ payload }) => payload), ...answers, ...events.map(([, { payload }]) => payload)])];
  const known = (buildOpenApi(app, config, models).components?.schemas ?? {}) as Schemas;
  const used = new Set<string>();
  const schemaOf = (model: Type<object>): Json => {
    const name = nameIn(known, model);
    collect(name, known, used);
    return ref(name);
  };

  const all: Record<string, AsyncMessage> = {};
  const say = (key: string, name: string, text: string, payload: Json, sample: unknown): string => {
    all[key] = { name, summary: text, payload, examples: [{ payload: sample }] };
    return key;
  };
  const commands = Object.entries(COMMANDS).map(([name, { text, payload, sample, answer }]) => ({
    command: say(`socketio_${keyOf(name)}`, name, text, schemaOf(payload), sample),
    ack: say(
      `socketio_${keyOf(name)}_ack`,
      `ack of ${name}`,
      'The answer to the ack: `ok`, and what was done or why not.',
      { oneOf: [acknowledged(true, schemaOf(answer)), acknowledged(false, schemaOf(NOTICES.error.payload))] },
      { ok: false, error_code: 'not_found', message: 'Conversation not found' },
    ),
  }));
  const notices = Object.entries(NOTICES).map(([name, { text, payload, sample }]) =>
    say(`socketio_${keyOf(name)}`, name, text, schemaOf(payload), sample),
  );
  const rawCommands = Object.entries(RAW_COMMANDS).map(([type, { text, payload, sample }]) =>
    say(`ws_${type}_frame`, type, text, framed(type, schemaOf(payload)), { type, ...sample }),
  );
  const rawNotices = Object.entries(RAW_NOTICES).map(([type, { text, payload, sample }]) =>
    say(`ws_${type}`, type, text, framed(type, schemaOf(payload)), { type, ...sample }),
  );
  const told = events.map(([event, { text, channel, payload, sample }]) => {
    const schema = schemaOf(payload);
    const data = sample ?? known[nameIn(known, payload)]?.example;
    const frame = { type: 'event', channel, event, data, timestamp: DEMO.time };
    const keys = {
      socketio: say(eventKey(event), event, text, schema, data),
      ws: say(`ws_event_${keyOf(event)}`, event, text, pushed(event, schema), frame),
    };
    const by = eventCatalogue().flatMap(([name, { sockets }]) => (sockets?.includes(event) ? [name] : []));
    for (const key of Object.values(keys)) all[key]['x-events'] = by;
    return keys;
  });
  return {
    all,
    schemas: Object.fromEntries([...used].sort().map((name) => [name, toJsonSchema(known[name]) as Json])),
    commands,
    said: [...notices, ...told.map(({ socketio }) => socketio)],
    rawCommands,
    rawSaid: [...rawNotices, ...told.map(({ ws }) => ws)],
  };
}

function channelsWith({ commands, said, rawCommands, rawSaid }: Messages): AsyncApi['channels'] {
  const raw = messageRefs([...rawCommands, ...rawSaid]);
  return {
    socketio: {
      address: '/socket.io',
      title: 'Socket.IO',
      description:
        'For Socket.IO clients (protocol 5): each message is an event of that name. The token goes into `auth: {token}` of the handshake, the ' +
        `\`Authorization\` header or the query. At most ${LIMITS.socketio_frames} commands in ten seconds, on all connections of a user ${LIMITS.acts} of those that ` +
        `others are told of (typing, their state); who sends ${LIMITS.socketio_flood} packets is cut. ${LIMITS.socketio_per_user} connections per user or API key.`,
      messages: messageRefs([...commands.map(({ command }) => command), ...commands.map(({ ack }) => ack), ...said]),
      bindings: { ws: { method: 'GET' } },
    },
    ws: {
      address: '/ws',
      title: 'Raw WebSocket',
      description:
        `One JSON object in each text frame. Hears the channels it subscribes to: ${[...GENERAL_CHANNELS].join(', ')}, and \`conversation:{id}\`. The token ` +
        `goes into the \`Authorization\` header or the query. At most ${LIMITS.frames} frames in ten seconds, ${LIMITS.connections_per_user} connections per user; ` +
        'closed with 1008 and a word why, with 1001 when the server restarts.',
      messages: raw,
      bindings: { ws: { method: 'GET', query: QUERY } },
    },
    wsConversations: {
      address: '/ws/conversations',
      title: 'Raw WebSocket of the inbox',
      description: 'As `/ws`, subscribed already: to conversations and messages, or to the one conversation of `conversation_id`.',
      messages: raw,
      bindings: {
        ws: {
          method: 'GET',
          query: { type: 'object', properties: { ...QUERY.properties, conversation_id: { type: 'string', format: 'uuid' } } },
        },
      },
    },
  };
}

function operationsOn({ all, commands, said, rawCommands, rawSaid }: Messages): AsyncApi['operations'] {
  const asked = commands.map(({ command, ack }): [string, Json] => [
    command,
    {
      action: 'receive',
      channel: { $ref: '#/channels/socketio' },
      summary: all[command].summary,
      messages: [at('socketio', command)],
      reply: { channel: { $ref: '#/channels/socketio' }, messages: [at('socketio', ack)] },
    },
  ]);
  return {
    ...Object.fromEntries(asked),
    socketio_say: says('socketio', said, all),
    ws_hear: hears('ws', rawCommands),
    ws_say: says('ws', rawSaid, all),
    wsConversations_hear: hears('wsConversations', rawCommands),
    wsConversations_say: says('wsConversations', rawSaid, all),
  };
}

/** The key of an event's message on Socket.IO. */
export const eventKey = (event: string): string => `socketio_event_${keyOf(event)}`;
const keyOf = (name: string): string => name.replaceAll(':', '_');

const acknowledged = (ok: boolean, answer: Json): Json => ({
  allOf: [{ type: 'object', required: ['ok'], properties: { ok: { const: ok } } }, answer],
});
const framed = (type: string, payload: Json): Json => ({
  allOf: [{ type: 'object', required: ['type'], properties: { type: { const: type } } }, payload],
});
/** An event as raw sockets hear it. */
const pushed = (event: string, data: Json): Json => ({
  type: 'object',
  required: ['type', 'channel', 'event', 'data', 'timestamp'],
  properties: {
    type: { const: 'event' },
    channel: { type: 'string' },
    event: { const: event },
    data,
    timestamp: { type: 'string', format: 'date-time' },
  },
});

const QUERY = { type: 'object', properties: { token: { type: 'string', description: 'The access token, where no header can be sent.' } } };

const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });
const at = (channel: string, message: string): Json => ({ $ref: `#/channels/${channel}/messages/${message}` });
const messageRefs = (keys: string[]): AsyncChannel['messages'] =>
  Object.fromEntries(keys.map((key) => [key, { $ref: `#/components/messages/${key}` }]));

const says = (channel: string, keys: string[], messages: Record<string, AsyncMessage>): Json => ({
  action: 'send',
  channel: { $ref: `#/channels/${channel}` },
  summary: `What the server says: ${keys.map((key) => messages[key].name).join(', ')}.`,
  messages: keys.map((key) => at(channel, key)),
});
const hears = (channel: string, keys: string[]): Json => ({
  action: 'receive',
  channel: { $ref: `#/channels/${channel}` },
  summary: 'What a client says.',
  messages: keys.map((key) => at(channel, key)),
});

/** A class' name in the document: its own, or that of `@ApiSchema`. */
function nameIn(all: Schemas, model: Type<object>): string {
  const [named] = (Reflect.getMetadata(SCHEMA_METADATA, model) ?? []) as { name?: string }[];
  const name = named?.name ?? model.name;
  if (!(name in all)) throw new Error(`${model.name} is in no document`);
  return name;
}

const SCHEMA_METADATA = 'swagger/apiSchema';

/** The schema and all it refers to. */
function collect(name: string, all: Schemas, found: Set<string>): void {
  if (found.has(name)) return;
  found.add(name);
  for (const [, other] of JSON.stringify(all[name]).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)) collect(other, all, found);
}

/** OpenAPI 3.0 says `nullable` and `example`; JSON Schema says it otherwise. */
function toJsonSchema(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toJsonSchema);
  if (typeof value !== 'object' || value === null) return value;
  const { nullable, example, ...rest } = value as Schema;
  const schema: Json = {
    ...Object.fromEntries(
      Object.entries(rest).map(([key, part]) => [key, key === 'properties' ? mapValues(part as Json, toJsonSchema) : toJsonSchema(part)]),
    ),
    ...(example !== undefined && { examples: [example] }),
  };
  return nullable ? { anyOf: [schema, { type: 'null' }] } : schema;
}

const mapValues = (object: Json, change: (value: unknown) => unknown): Json =>
  Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value)]));

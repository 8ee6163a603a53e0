import type { IncomingMessage, Server as HttpServer } from 'node:http';
import type { Writable } from 'node:stream';
import { type INestApplicationContext, Logger } from '@nestjs/common';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { type OnGatewayConnection, type OnGatewayInit, WebSocketGateway } from '@nestjs/websockets';
import { Server, type ServerOptions, type Socket } from 'socket.io';
import { Decoder, Encoder, type Packet } from 'socket.io-parser';
import { lineOf } from '#access/client-address';
import { type Session, actorOf, assertPermitted } from '#access/sessions';
import { Role } from '#common/actor';
import { Bounded } from '#common/bounded';
import { AppError, Forbidden, Invalid, NotFound, TooMany } from '#common/errors';
import { EventBus } from '#common/events';
import { assertFit } from '#common/fit';
import type { Config } from '#config/config';
import { knownError } from '#database/database-errors';
import { Connection, FrameCount, tokenOf } from './connection';
import { AGENT_STATES, type AgentStatusChoice, type ChannelList, type ConversationRef, type SocketError } from './realtime.dto';
import { type Publication, type RealtimeEvents, roomsOf } from './realtime.events';
import { type Door, RealtimeHub } from './realtime.hub';
import { LIMITS } from './realtime.limits';
import { type Answers, type CommandName, type Notices, UNKNOWN_CHANNEL } from './realtime.protocol';
import { RealtimeRooms } from './realtime.rooms';

/** What we say is JSON through and through: no event is searched for binary parts before it is written. */
class JsonEncoder extends Encoder {
  override encode({ type, nsp, id, data }: Packet): string[] {
    return [`${type}${nsp === '/' ? '' : `${nsp},`}${id ?? ''}${data === undefined ? '' : JSON.stringify(data)}`];
  }
}

/** Socket.IO on the application's own HTTP server, with its CORS rules. */
export class RealtimeAdapter extends IoAdapter {
  constructor(
    app: INestApplicationContext,
    private readonly config: Config,
  ) {
    super(app);
  }

  /** Of our own socket.io: Nest's package carries another copy, pinned to its exact version. */
  override createIOServer(_port: number, options?: Parameters<IoAdapter['createIOServer']>[1]): ReturnType<IoAdapter['createIOServer']> {
    const { cors_origins } = this.config;
    const server = new Server(this.httpServer as HttpServer, {
      ...(options as Partial<ServerOptions> | undefined),
      path: '/socket.io',
      // `/socket.io` and `/socket.io/` are the same route.
      addTrailingSlash: false,
      cors: { origin: cors_origins.includes('*') ? true : cors_origins.length ? cors_origins : false, credentials: true },
      maxHttpBufferSize: LIMITS.frame_bytes,
      connectTimeout: LIMITS.stranger_ms,
      parser: { Encoder: JsonEncoder, Decoder },
    });
    gatherFrames(server);
    return server as unknown as ReturnType<IoAdapter['createIOServer']>;
  }
}

/** What Engine.IO has gathered for a socket it writes frame by frame, each a call of the system: they leave in one. */
function gatherFrames({ engine }: Server): void {
  const lineOf = ({ transport }: { transport: { socket?: { _socket?: Writable | null } } }): Writable | null | undefined =>
    transport.socket?._socket;
  engine.on('flush', (socket: Parameters<typeof lineOf>[0]) => lineOf(socket)?.cork());
  engine.on('drain', (socket: Parameters<typeof lineOf>[0]) => lineOf(socket)?.uncork());
}

interface SocketData {
  ip: string | null;
  session: Session;
  token: string;
}

/** Nothing is said that the catalogues do not know. */
type Sayings = { [K in keyof (Notices & RealtimeEvents)]: (data: (Notices & RealtimeEvents)[K]) => void };

type ClientSocket = Socket<Record<string, (...args: unknown[]) => void>, Sayings, object, SocketData>;

class SocketIoConnection extends Connection {
  readonly transport = 'socketio';
  readonly frames = new FrameCount(LIMITS.socketio_frames);
  /** Conversations this agent writes in → the timer that says they stopped. */
  readonly typing = new Map<string, NodeJS.Timeout>();

  constructor(readonly socket: ClientSocket) {
    const { session, token, ip } = socket.data;
    super(session, token, ip, socket.handshake.headers['user-agent']?.slice(0, 512) ?? null);
  }

  rooms(): string[] {
    // Everybody is in a room of their own.
    return [...new Set([...this.socket.rooms, ...this.channels])].filter((room) => room !== this.socket.id);
  }

  end(error_code: string, message = 'The session has ended. Sign in again.'): void {
    this.socket.emit('error', { error_code, message });
    this.socket.disconnect(true);
  }

  restart(): void {
    // The transport only: a client whose socket the server disconnects does not come back by itself.
    this.socket.conn.close();
  }

  cut(): void {
    this.socket.conn.close(true);
  }

  bufferedBytes(): number {
    // Engine.IO keeps what its transport cannot take yet; the WebSocket below it what the network cannot.
    const { writeBuffer, transport } = this.socket.conn as unknown as {
      writeBuffer: { data?: string | Buffer }[];
      transport: { socket?: { bufferedAmount?: number } };
    };
    return writeBuffer.reduce((sum, { data }) => sum + (data?.length ?? 0), transport.socket?.bufferedAmount ?? 0);
  }

  protected sayExpired(): void {
    this.socket.emit('auth:expired', { grace_seconds: LIMITS.expiry_grace_ms / 1000 });
  }
}

type Data = Record<string, unknown>;
/** Not all of it could be done: said beside what was. */
type Partly = { ok: false; unknown: string[] } & SocketError;
/** Nothing to tell is void. */
type Answer<A> = (keyof A extends never ? void : A) | (A & Partly);
type Command<A> = (connection: SocketIoConnection, data: Data) => Answer<A> | Promise<Answer<A>>;

/** Socket.IO, contract 20 §10.1. */
@WebSocketGateway()
export class RealtimeGateway implements OnGatewayInit<Server>, OnGatewayConnection<ClientSocket>, Door {
  private readonly logger = new Logger('realtime');
  private server: Server;
  /** Those who may not read everything, by organization. */
  private readonly narrowed = new Map<string, Set<SocketIoConnection>>();
  /** Connections that have asked to be let in. */
  private readonly asked = new WeakSet<object>();
  /** By address, of IPv6 by line, how many connections nobody is let in by yet. */
  private readonly strangers = new Map<string, number>();
  /** What says that a connection is none of those any more. */
  private readonly leaving = new WeakMap<object, () => void>();
  /** By user. */
  private readonly acts = new Bounded<string, FrameCount>({ count: 10_000 });

  /** One listener per socket looks its command up here: Nest's own binding makes an RxJS chain per socket and command, and they are thousands. */
  private readonly commands: { [K in CommandName]: Command<Answers[K]> } = {
    join_conversation: (connection, data) => this.joinConversation(connection, data),
    leave_conversation: (connection, data) => this.leaveConversation(connection, data),
    subscribe: (connection, data) => this.subscribe(connection, data),
    unsubscribe: (connection, data) => this.unsubscribe(connection, data),
    typing_start: (connection, data) => this.startTyping(connection, data),
    typing_stop: (connection, data) => this.stopTyping(connection, data),
    'agent:set_status': (connection, data) => this.setStatus(connection, data),
    'auth:refresh': (connection, data) => this.hub.refresh(connection, text(data, 'token')),
    ping: (connection, data) => this.pong(connection, data),
  };

  constructor(
    private readonly hub: RealtimeHub,
    private readonly rooms: RealtimeRooms,
    private readonly events: EventBus,
  ) {}

  afterInit(server: Server): void {
    this.server = server;
    this.hub.attach(server);
    this.hub.open('socketio', this);
    // Before anybody has said who they are.
    server.engine.opts.allowRequest = (request: IncomingMessage, answer: (error: string | null, allowed: boolean) => void): void =>
      answer(null, (this.strangers.get(lineOf(this.hub.addressOf(request))) ?? 0) < LIMITS.strangers_per_address);
    server.engine.on('connection', (conn: ClientSocket['conn']) => this.watch(conn));
    server.use((socket, next) => {
      // One connection, one socket: each more would hear everything once more.
      if (this.asked.has(socket.conn)) {
        socket.conn.close(true);
        return next(new Error('unauthorized'));
      }
      this.asked.add(socket.conn);
      const { auth, headers, query } = socket.handshake;
      const token = tokenOf(headers, query.token, (auth as { token?: unknown } | undefined)?.token);
      const ip = this.hub.addressOf(socket.request);
      this.hub.enter(token, ip).then(
        (session) => {
          Object.assign(socket.data, { session, token, ip } satisfies SocketData);
          next();
        },
        (error: unknown) => {
          const { status, error_code } = this.explain(error);
          next(Object.assign(new Error(status < 500 ? 'unauthorized' : 'unavailable'), { data: { error_code } }));
        },
      );
    });
  }

  handleConnection(socket: ClientSocket): void {
    const connection = new SocketIoConnection(socket);
    const { user_id, organization_id, role } = connection.session;
    this.letIn(socket.conn);
    const own = this.hub.ofHolder(connection.holder).filter(({ transport }) => transport === 'socketio');
    for (const oldest of own.slice(0, Math.max(0, own.length + 1 - LIMITS.socketio_per_user)))
      oldest.end('too_many_connections', 'You have too many open sockets.');
    void socket.join([`organization:${organization_id}`, `user:${connection.holder}`, `role:${organization_id}:${role}`]);
    // A client may give its event a number for a name.
    socket.onAny((event: unknown, ...args: unknown[]) => void this.dispatch(connection, String(event), args));
    const narrowed = this.narrowed.get(organization_id) ?? new Set();
    if (connection.session.custom_permissions) this.narrowed.set(organization_id, narrowed.add(connection));
    socket.conn.on('heartbeat', () => (connection.last_seen_at = Date.now()));
    socket.once('disconnect', (reason) => {
      // Nobody comes again by it: it would stay open for nothing.
      if (reason === 'client namespace disconnect') socket.conn.close(true);
      narrowed.delete(connection);
      if (!narrowed.size && this.narrowed.get(organization_id) === narrowed) this.narrowed.delete(organization_id);
      for (const conversation_id of [...connection.typing.keys()]) this.typed(connection, conversation_id, false);
      this.hub.remove(connection);
    });
    socket.emit('connected', { user_id, organization_id, role, socket_id: socket.id });
    this.hub.add(connection);
  }

  deliver(publication: Publication): void {
    const rooms = roomsOf(publication).filter((room) => this.server.sockets.adapter.rooms.has(room));
    if (!rooms.length) return;
    const { organization_id, event, data, exclude_connection } = publication;
    const deaf = [...(this.narrowed.get(organization_id) ?? [])]
      .filter((connection) => !connection.mayRead(event))
      .map(({ socket }) => socket.id);
    if (exclude_connection) deaf.push(exclude_connection);
    const receivers = this.server.local.to(rooms);
    (deaf.length ? receivers.except(deaf) : receivers).emit(event, data);
  }

  /** The organization's room hears every general channel already; one conversation's is a room of its own. */
  join(connection: SocketIoConnection, channel: string): void {
    if (channel.startsWith('conversation:')) void connection.socket.join(channel);
  }

  leave(connection: SocketIoConnection, channel: string): void {
    if (channel.startsWith('conversation:')) void connection.socket.leave(channel);
  }

  private async dispatch(connection: SocketIoConnection, event: string, args: unknown[]): Promise<void> {
    const last = args.at(-1);
    const ack = typeof last === 'function' ? (last as (answer: object) => void) : null;
    connection.last_seen_at = Date.now();
    try {
      if (connection.frames.over()) throw new TooMany('rate_limited', 'Too many messages. Slow down.', 10);
      const command = Object.hasOwn(this.commands, event) ? this.commands[event as CommandName] : undefined;
      if (!command)
        throw new Invalid([{ loc: [event.slice(0, 100)], msg: 'There is no such event.', type: 'value_error' }], 'unknown_type');
      assertFit(args.slice(0, ack ? -1 : undefined), event);
      const data = typeof args[0] === 'object' && args[0] !== null ? (args[0] as Data) : {};
      const answer = await command(connection, data);
      ack?.({ ok: true, ...answer });
    } catch (error) {
      const { error_code, message } = this.explain(error);
      if (ack) ack({ ok: false, error_code, message });
      else connection.socket.emit('error', { error_code, message });
    }
  }

  private explain(error: unknown): Pick<AppError, 'status' | 'error_code' | 'message'> {
    const known = knownError(error);
    if (known) return known;
    this.logger.error({ msg: 'unexpected error', err: error });
    return { status: 500, error_code: 'internal_error', message: 'Something went wrong on our side.' };
  }

  // --- commands

  private async joinConversation(connection: SocketIoConnection, data: Data): Promise<ConversationRef> {
    const conversation_id = text(data, 'conversation_id').toLowerCase();
    await this.assertMayHear(connection, conversation_id);
    if (!connection.channels.has(`conversation:${conversation_id}`) && connection.channels.size >= LIMITS.channels)
      throw new AppError(409, 'limit_reached', `A connection may have ${LIMITS.channels} channels.`);
    if (connection.socket.connected) this.hub.join(connection, `conversation:${conversation_id}`);
    connection.socket.emit('joined_conversation', { conversation_id });
    return { conversation_id };
  }

  private leaveConversation(connection: SocketIoConnection, data: Data): ConversationRef {
    const conversation_id = text(data, 'conversation_id').toLowerCase();
    this.typed(connection, conversation_id, false);
    this.hub.leave(connection, `conversation:${conversation_id}`);
    connection.socket.emit('left_conversation', { conversation_id });
    return { conversation_id };
  }

  private async subscribe(connection: SocketIoConnection, data: Data): Promise<Answer<ChannelList>> {
    const unknown = await this.hub.subscribe(connection, list(data, 'channels'));
    const channels = [...connection.channels];
    connection.socket.emit('subscribed', { channels });
    return unknown.length ? { ok: false, ...UNKNOWN_CHANNEL, channels, unknown } : { channels };
  }

  private unsubscribe(connection: SocketIoConnection, data: Data): ChannelList {
    this.hub.unsubscribe(connection, list(data, 'channels'));
    const channels = [...connection.channels];
    connection.socket.emit('unsubscribed', { channels });
    return { channels };
  }

  private async startTyping(connection: SocketIoConnection, data: Data): Promise<void> {
    if (!connection.actor.may(Role.agent)) throw new Forbidden();
    assertPermitted(connection.asPerson(), 'write', 'messages');
    const conversation_id = text(data, 'conversation_id').toLowerCase();
    this.assertFewActs(connection);
    await this.assertMayHear(connection, conversation_id);
    if (connection.socket.connected) this.typed(connection, conversation_id, true);
  }

  private stopTyping(connection: SocketIoConnection, data: Data): void {
    if (!connection.actor.may(Role.agent)) throw new Forbidden();
    this.typed(connection, text(data, 'conversation_id').toLowerCase(), false);
  }

  private async setStatus(connection: SocketIoConnection, data: Data): Promise<AgentStatusChoice> {
    const given = text(data, 'status');
    const status = AGENT_STATES.find((state) => state === given);
    if (!status) throw wrong('status', `must be one of ${AGENT_STATES.join(', ')}`);
    const person = connection.asPerson();
    this.assertFewActs(connection);
    await this.rooms.agentStatus(actorOf(person), status);
    return { status };
  }

  private pong(connection: SocketIoConnection, data: Data): void {
    connection.socket.emit('pong', { timestamp: data.timestamp ?? new Date().toISOString() });
  }

  /** Told when it changes; typing that is not renewed stops by itself. */
  private typed(connection: SocketIoConnection, conversation_id: string, typing: boolean): void {
    const timer = connection.typing.get(conversation_id);
    clearTimeout(timer);
    if (typing)
      connection.typing.set(conversation_id, setTimeout(() => this.typed(connection, conversation_id, false), LIMITS.typing_ms).unref());
    else connection.typing.delete(conversation_id);
    if (typing === (timer !== undefined)) return;
    const { organization_id, user_id, full_name } = connection.asPerson();
    this.hub.publish({
      organization_id,
      event: 'typing',
      data: { conversation_id, actor: 'agent', user_id, user_name: full_name, typing },
      conversation_id,
      conversation_only: true,
      exclude_connection: connection.socket.id,
    });
    this.events.emit('agent.typing', { organization_id, conversation_id, user_id, typing });
  }

  /** As long as nobody is let in by it a connection is a stranger's; and whoever floods it is cut, with what they still send. */
  private watch(conn: ClientSocket['conn']): void {
    const line = lineOf(this.hub.addressOf(conn.request));
    this.strangers.set(line, (this.strangers.get(line) ?? 0) + 1);
    const leave = (): void => {
      const left = (this.strangers.get(line) ?? 0) - 1;
      if (left > 0) this.strangers.set(line, left);
      else this.strangers.delete(line);
    };
    conn.once('close', leave);
    this.leaving.set(conn, leave);
    const frames = new FrameCount(LIMITS.socketio_flood);
    conn.on('data', () => void (frames.over() && conn.close(true)));
  }

  private letIn(conn: ClientSocket['conn']): void {
    const leave = this.leaving.get(conn);
    if (!leave) return;
    this.leaving.delete(conn);
    conn.off('close', leave);
    leave();
  }

  private assertFewActs({ holder }: SocketIoConnection): void {
    const acts = this.acts.get(holder) ?? new FrameCount(LIMITS.acts);
    this.acts.set(holder, acts);
    if (acts.over()) throw new TooMany('rate_limited', 'Too many messages. Slow down.', 10);
  }

  private async assertMayHear(connection: SocketIoConnection, conversation_id: string): Promise<void> {
    if (connection.channels.has(`conversation:${conversation_id}`)) return;
    if (!(await this.rooms.mayHear(connection.actor, 'conversation', conversation_id))) throw new NotFound('Conversation');
  }
}

const wrong = (field: string, msg: string): Invalid => new Invalid([{ loc: [field], msg, type: 'value_error' }], 'validation_error');

function text(data: Data, field: string): string {
  const value = data[field];
  if (typeof value !== 'string' || !value) throw wrong(field, value === undefined ? 'is missing' : 'must be a text');
  return value;
}

function list(data: Data, field: string): unknown[] {
  const value = data[field];
  if (!Array.isArray(value)) throw wrong(field, 'must be a list');
  return value as unknown[];
}

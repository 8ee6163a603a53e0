import type { IncomingMessage, Server as HttpServer } from 'node:http';
import type { Duplex } from 'node:stream';
import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { type RawData, WebSocket, WebSocketServer } from 'ws';
import type { Session } from '#access/sessions';
import { Role } from '#common/actor';
import { assertFit } from '#common/fit';
import { isObject } from '#common/is-object';
import { knownError } from '#database/database-errors';
import { Connection, FrameCount, tokenOf } from './connection';
import { type Publication, channelsOf } from './realtime.events';
import { type Door, RealtimeHub } from './realtime.hub';
import { LIMITS } from './realtime.limits';
import { RAW_COMMANDS, type RawCommand, type RawFrame, UNKNOWN_CHANNEL } from './realtime.protocol';
import { RealtimeRooms } from './realtime.rooms';

/** RFC 6455: a policy is broken; the server goes away; try again later. */
const POLICY = 1008;
const GOING_AWAY = 1001;
const TRY_LATER = 1013;

class RawConnection extends Connection {
  readonly transport = 'ws';
  missed_pongs = 0;

  constructor(
    readonly ws: WebSocket,
    request: IncomingMessage,
    session: Session,
    token: string,
    ip: string | null,
  ) {
    super(session, token, ip, request.headers['user-agent']?.slice(0, 512) ?? null);
  }

  send(frame: string | Buffer): void {
    if (this.ws.readyState !== WebSocket.OPEN) return;
    if (this.ws.bufferedAmount > LIMITS.buffered_bytes) this.cut();
    else this.ws.send(frame, { binary: false });
  }

  rooms(): string[] {
    return [...this.channels];
  }

  say(frame: RawFrame): void {
    this.send(JSON.stringify(frame));
  }

  end(error_code: string): void {
    this.ws.close(POLICY, error_code);
  }

  restart(): void {
    this.ws.close(GOING_AWAY, 'server restarts');
    // A client that does not answer must not hold the server back.
    setTimeout(() => this.cut(), 2000).unref();
  }

  cut(): void {
    this.ws.terminate();
  }

  bufferedBytes(): number {
    return this.ws.bufferedAmount;
  }

  protected sayExpired(): void {
    this.say({ type: 'auth_expired' });
  }
}

/** Raw WebSockets `/ws` and `/ws/conversations`, contract 20 §10.2. */
@Injectable()
export class RawGateway implements Door, OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger('realtime');
  private readonly server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: LIMITS.frame_bytes,
    perMessageDeflate: false,
  });
  /** Who listens to a channel of an organization. */
  private readonly listeners = new Map<string, Set<RawConnection>>();
  private readonly open = new Set<RawConnection>();
  private http: HttpServer | null = null;
  private timer?: NodeJS.Timeout;

  constructor(
    private readonly host: HttpAdapterHost,
    private readonly hub: RealtimeHub,
    private readonly rooms: RealtimeRooms,
  ) {}

  onApplicationBootstrap(): void {
    const http = this.host.httpAdapter?.getHttpServer() as HttpServer | undefined;
    // A worker has no doors.
    if (!http) return;
    this.http = http.on('upgrade', this.upgrade);
    this.hub.open('ws', this);
    this.timer = setInterval(() => this.ping(), LIMITS.ping_ms).unref();
  }

  onModuleDestroy(): void {
    this.http?.off('upgrade', this.upgrade);
    clearInterval(this.timer);
    this.hub.stop();
  }

  deliver(publication: Publication, timestamp: string): void {
    let data: string | undefined;
    let told: Set<RawConnection> | undefined;
    for (const channel of channelsOf(publication)) {
      const listeners = this.listeners.get(`${publication.organization_id}/${channel}`);
      if (!listeners) continue;
      let frame: Buffer | undefined;
      for (const connection of listeners) {
        if (told?.has(connection) || !concerns(publication, connection)) continue;
        // Serialised once, whatever the number of channels and listeners.
        data ??= JSON.stringify(publication.data);
        const { event } = publication;
        frame ??= Buffer.from(`{"type":"event","channel":"${channel}","event":"${event}","data":${data},"timestamp":"${timestamp}"}`);
        connection.send(frame);
        (told ??= new Set()).add(connection);
      }
    }
  }

  join(connection: RawConnection, channel: string): void {
    const key = `${connection.session.organization_id}/${channel}`;
    const listeners = this.listeners.get(key) ?? new Set();
    this.listeners.set(key, listeners.add(connection));
  }

  leave(connection: RawConnection, channel: string): void {
    const key = `${connection.session.organization_id}/${channel}`;
    const listeners = this.listeners.get(key);
    if (listeners?.delete(connection) && !listeners.size) this.listeners.delete(key);
  }

  /** Only our two paths; /socket.io and others have their own listeners. */
  private readonly upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const target = request.url ?? '';
    const end = target.indexOf('?');
    const path = (end < 0 ? target : target.slice(0, end)).replace(/\/$/, '');
    if (path !== '/ws' && path !== '/ws/conversations') return;
    const query = new URLSearchParams(end < 0 ? '' : target.slice(end));
    // Accepted even without a token: a browser cannot read why an upgrade was refused, but it can read a close.
    this.server.handleUpgrade(request, socket, head, (ws) => this.accept(ws, request, path === '/ws/conversations', query));
  };

  private accept(ws: WebSocket, request: IncomingMessage, conversations: boolean, query: URLSearchParams): void {
    const frames = new FrameCount(LIMITS.frames);
    let connection: RawConnection | null = null;
    // Frames wait for the session, then for each other: answers come in order.
    let work = this.enter(ws, request, conversations, query).then((entered) => {
      connection = entered;
    });
    // A frame that is too long or malformed: ws closes with its code by itself.
    ws.on('error', () => undefined);
    ws.on('message', (data, binary) => {
      if (ws.readyState !== WebSocket.OPEN) return;
      if (frames.over()) return ws.close(POLICY, 'rate_limited');
      work = work.then(() => (connection ? this.handle(connection, data, binary) : undefined));
    });
    // Each is answered, as a frame is.
    ws.on('ping', () => {
      if (frames.over()) ws.close(POLICY, 'rate_limited');
    });
    ws.on('pong', () => {
      if (!connection) return;
      connection.missed_pongs = 0;
      connection.last_seen_at = Date.now();
    });
    ws.on('close', () => {
      if (connection) this.forget(connection);
    });
  }

  private async enter(
    ws: WebSocket,
    request: IncomingMessage,
    conversations: boolean,
    query: URLSearchParams,
  ): Promise<RawConnection | null> {
    try {
      const token = tokenOf(request.headers, query.get('token'));
      const ip = this.hub.addressOf(request);
      const connection = new RawConnection(ws, request, await this.hub.enter(token, ip), token, ip);
      const { user_id, organization_id } = connection.session;
      const conversation_id = conversations ? query.get('conversation_id')?.toLowerCase() : undefined;
      if (conversation_id && !(await this.rooms.mayHear(connection.actor, 'conversation', conversation_id))) {
        ws.close(POLICY, 'not_found');
        return null;
      }
      if (ws.readyState !== WebSocket.OPEN) return null;
      const own = this.hub.ofHolder(connection.holder).filter(({ transport }) => transport === 'ws');
      for (const oldest of own.slice(0, Math.max(0, own.length + 1 - LIMITS.connections_per_user))) {
        oldest.end('too_many_connections');
        this.forget(oldest as RawConnection);
      }
      this.open.add(connection);
      this.hub.add(connection);
      connection.say({ type: 'connected', user_id, organization_id });
      if (conversations)
        for (const channel of conversation_id ? [`conversation:${conversation_id}`] : ['conversations', 'messages'])
          this.hub.join(connection, channel);
      return connection;
    } catch (error) {
      const known = knownError(error);
      if (!known) this.logger.error({ msg: 'a WebSocket could not be admitted', err: error });
      if (known && known.status < 500) ws.close(POLICY, 'unauthorized');
      else ws.close(TRY_LATER, 'unavailable');
      return null;
    }
  }

  private async handle(connection: RawConnection, raw: RawData, binary: boolean): Promise<void> {
    connection.last_seen_at = Date.now();
    const frame = binary ? null : parse(raw);
    const error = (error_code: string, message: string): void => connection.say({ type: 'error', error_code, message });
    if (!frame) return error('invalid_message', 'A frame is one JSON object in text.');
    if (typeof frame.type !== 'string' || !Object.hasOwn(RAW_COMMANDS, frame.type))
      return error('unknown_type', `Types are ${Object.keys(RAW_COMMANDS).join(', ')}.`);
    const { channels } = frame;
    const type = frame.type as RawCommand;
    if (type === 'ping') return connection.say({ type: 'pong', timestamp: new Date().toISOString() });
    if (!Array.isArray(channels)) return error('invalid_message', 'channels must be a list.');
    try {
      assertFit(channels, 'channels');
      let unknown: string[] = [];
      if (type === 'subscribe') unknown = await this.hub.subscribe(connection, channels as unknown[]);
      else this.hub.unsubscribe(connection, channels as unknown[]);
      connection.say({ type: `${type}d`, channels: [...connection.channels] });
      if (unknown.length) connection.say({ type: 'error', ...UNKNOWN_CHANNEL, channels: unknown });
    } catch (thrown) {
      const known = knownError(thrown);
      if (known) return error(known.error_code, known.message);
      this.logger.error({ msg: 'a frame could not be handled', err: thrown });
      error('internal_error', 'Something went wrong on our side.');
    }
  }

  private ping(): void {
    for (const connection of this.open) {
      if (connection.missed_pongs >= LIMITS.missed_pongs) connection.cut();
      else {
        connection.missed_pongs++;
        connection.ws.ping();
      }
    }
  }

  private forget(connection: RawConnection): void {
    this.open.delete(connection);
    for (const channel of [...connection.channels]) this.hub.leave(connection, channel);
    this.hub.remove(connection);
  }
}

/** Among those who listen to its channel, whom a publication is for. */
function concerns({ event, user_id, role, org_admins_only }: Publication, connection: RawConnection): boolean {
  if (user_id && connection.session.user_id !== user_id) return false;
  if (role && connection.session.role !== role) return false;
  if (org_admins_only && !connection.actor.may(Role.org_admin)) return false;
  return connection.mayRead(event);
}

function parse(raw: RawData): Record<string, unknown> | null {
  try {
    const frame: unknown = JSON.parse((raw as Buffer).toString('utf8'));
    return isObject(frame) ? frame : null;
  } catch {
    return null;
  }
}

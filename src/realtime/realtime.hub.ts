import type { IncomingMessage } from 'node:http';
import { Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { ExpressAdapter } from '@nestjs/platform-express';
import { createAdapter } from '@socket.io/redis-adapter';
import type { Application } from 'express';
import { Server } from 'socket.io';
import { type Trust, clientAddress } from '#access/client-address';
import { LastUses } from '#access/last-uses';
import { type Session, Sessions, assertAddressAllowed, assertOrganizationActive, assertTwoFactor, holderOf } from '#access/sessions';
import { AppError, Invalid, Unavailable } from '#common/errors';
import { EventBus } from '#common/events';
import { Signals } from '#database/signals';
import { Metrics, type MetricsOf, declareMetrics } from '#observability/metrics';
import type { Connection } from './connection';
import { Presence } from './presence';
import type { Publication, RealtimeEvent, Target } from './realtime.events';
import { LIMITS } from './realtime.limits';
import { RealtimeRedis } from './realtime.redis';
import { RealtimeRooms } from './realtime.rooms';
import { Roster } from './roster';

/** One transport: delivers to its own sockets in this process, each once. */
export interface Door {
  deliver(publication: Publication, timestamp: string): void;
  join(connection: Connection, channel: string): void;
  leave(connection: Connection, channel: string): void;
}

/** A publication between nodes. */
type Relayed = [publication: Publication, timestamp: string];

/** Whose rules changed, told from process to process, with Redis or without it. */
const CHANNEL = 'pytake_organizations';

/** Each asks the database once. */
const RECHECKS_AT_ONCE = 4;

export const REALTIME_METRICS = declareMetrics({
  websocket_connections_active: { kind: 'gauge', help: 'Open sockets of this process', labels: [] },
});

declare module '#observability/metrics' {
  interface DeclaredMetrics extends MetricsOf<typeof REALTIME_METRICS> {}
}

/** Where the rooms publish. One call reaches every socket concerned, on every node and transport, once. */
@Injectable()
export class RealtimeHub implements OnModuleInit, OnModuleDestroy {
  private readonly logger = new Logger('realtime');
  private readonly doors = new Map<Connection['transport'], Door>();
  private readonly connections = new Map<string, Connection>();
  /** By user or API key. */
  private readonly holders = new Map<string, Set<Connection>>();
  private server: Server | null = null;
  private sweeping = false;
  private stopping = false;
  private timer?: NodeJS.Timeout;

  constructor(
    private readonly redis: RealtimeRedis,
    private readonly sessions: Sessions,
    private readonly last_uses: LastUses,
    private readonly presence: Presence,
    private readonly roster: Roster,
    private readonly rooms: RealtimeRooms,
    private readonly events: EventBus,
    private readonly signals: Signals,
    private readonly host: HttpAdapterHost<ExpressAdapter>,
    metrics: Metrics,
  ) {
    metrics.gauge('websocket_connections_active').collectFrom(() => this.connections.size);
  }

  onModuleInit(): void {
    this.events.on('session.ended', (target) => this.disconnect(target));
    // Every process hears of it by itself.
    this.events.on('session.changed', ({ user_id }) => this.recheckSoon(this.ofHolder(user_id)));
    this.events.on('api_key.changed', ({ api_key_id }) => this.recheckSoon(this.ofHolder(api_key_id)));
    this.events.on('organization.updated', ({ organization_id }) => this.reconsider(organization_id));
    this.signals.listen(CHANNEL, (organization_id) => this.reconsiderHere(organization_id));
    this.timer = setInterval(() => void this.sweep(), LIMITS.sweep_ms).unref();
    if (this.server || !this.redis.configured) return;
    // A process without doors (a worker): it speaks to the nodes that have some, and listens to nothing.
    const server = new Server();
    this.attach(server);
    void server.of('/').adapter.close();
  }

  onModuleDestroy(): void {
    this.stop();
  }

  /** The server whose adapter ties the nodes together. */
  attach(server: Server): void {
    this.server = server;
    const { speaker, listener } = this.redis;
    if (!speaker || !listener) return;
    server.adapter(createAdapter(speaker, listener, { key: 'pytake' }));
    server.on('relay', (...[publication, timestamp]: Relayed) => this.deliver(publication, timestamp));
    server.on('end', (target: Target, error_code: string) => this.endHere(target, error_code));
    server.on('drop', (organization_id: string, id: string) => this.dropHere(organization_id, id));
  }

  open(transport: Connection['transport'], door: Door): void {
    this.doors.set(transport, door);
  }

  /**
   * Tells everybody concerned. Call it after the commit. Costs next to nothing where nobody can listen; never throws, never waits.
   * Redis away: this process' sockets hear it, the other nodes' do not.
   */
  publish<E extends RealtimeEvent>(publication: Publication<E>): void {
    const relayed = this.redis.configured && this.redis.ready;
    if (!relayed && !this.connections.size) return;
    const timestamp = new Date().toISOString();
    // A message between servers, not a broadcast: one message in Redis serves both transports of every node.
    if (relayed) this.server?.serverSideEmit('relay', ...([publication, timestamp] satisfies Relayed));
    this.deliver(publication, timestamp);
  }

  /** False where nobody of the organization can be listening: then even reading what would be told is in vain. */
  mayBeHeard(organization_id: string): boolean {
    if (this.redis.configured && this.redis.ready) return true;
    return this.roster.of(organization_id).size > 0;
  }

  /** Ends the sockets of a user, of one of their sessions, or of an organization, on every node. */
  disconnect(target: Target, error_code = 'token_revoked'): void {
    if (this.redis.configured && this.redis.ready) this.server?.serverSideEmit('end', target, error_code);
    this.endHere(target, error_code);
  }

  /** Open sockets of this process. */
  get connectionCount(): number {
    return this.connections.size;
  }

  /** The sockets of an organization in this process. */
  list(organization_id: string): Connection[] {
    return [...this.roster.of(organization_id).values()];
  }

  /** Closes one socket of an organization, on whatever node it is. Of many who ask at once one is answered true; false: it is gone. */
  async drop(organization_id: string, id: string): Promise<boolean> {
    if (!(await this.roster.claim(id))) return false;
    if (this.dropHere(organization_id, id)) return true;
    if (!(await this.roster.strike(organization_id, id))) return false;
    this.server?.serverSideEmit('drop', organization_id, id);
    return true;
  }

  /** For health: @throws when events cannot leave this process though they should. */
  check(): Promise<void> {
    return this.redis.check();
  }

  // --- for the doors

  /** Who opens a socket. @throws as `admit`; 503 where the organization has too many of them. */
  async enter(token: string, ip: string | null): Promise<Session> {
    const session = await this.admit(token, ip);
    if (this.roster.of(session.organization_id).size >= LIMITS.connections_per_organization)
      throw new Unavailable('Your organization has too many open sockets.');
    return session;
  }

  /** A token's live session. @throws as REST does: 401 or 403; 503 while the process stops. */
  async admit(token: string, ip: string | null): Promise<Session> {
    if (this.stopping) throw new Unavailable();
    const session = await this.sessions.verify(token);
    assertAddressAllowed(session.allowed_ip_ranges, ip ?? undefined);
    assertOrganizationActive(session);
    assertTwoFactor(session);
    this.last_uses.note(session, ip);
    return session;
  }

  addressOf(request: IncomingMessage): string | null {
    return clientAddress(request, this.host.httpAdapter.getInstance<Application>().get('trust proxy fn') as Trust);
  }

  add(connection: Connection): void {
    const { user_id, organization_id } = connection.session;
    this.connections.set(connection.id, connection);
    this.roster.add(connection);
    const own = this.holders.get(connection.holder) ?? new Set();
    this.holders.set(connection.holder, own.add(connection));
    connection.watchExpiry();
    if (user_id !== null) this.presence.arrived(organization_id, user_id);
    // Admitted before the stop, here after it.
    if (this.stopping) connection.restart();
  }

  remove(connection: Connection): void {
    if (!this.connections.delete(connection.id)) return;
    this.roster.remove(connection);
    const { user_id, organization_id } = connection.session;
    const own = this.holders.get(connection.holder);
    own?.delete(connection);
    if (!own?.size) this.holders.delete(connection.holder);
    connection.release();
    if (user_id !== null) this.presence.left(organization_id, user_id);
  }

  /** The sockets of a user or API key in this process, oldest first. */
  ofHolder(holder: string): Connection[] {
    return [...(this.holders.get(holder) ?? [])];
  }

  /** A new token of the same user (or value of the same API key), for a connection whose token ends. @throws when it is not one. */
  async refresh(connection: Connection, token: string): Promise<void> {
    const session = await this.admit(token, connection.ip);
    if (holderOf(session) !== connection.holder || session.organization_id !== connection.session.organization_id)
      throw new Invalid([{ loc: ['token'], msg: 'This token is of another user.', type: 'value_error' }]);
    if (!this.connections.has(connection.id) || !goesOn(connection, session)) return;
    connection.session = session;
    connection.token = token;
    connection.watchExpiry();
  }

  /** Answers the channels that are unknown, or another organization's. */
  async subscribe(connection: Connection, channels: unknown[]): Promise<string[]> {
    assertTexts(channels);
    assertRoom(connection, channels.length);
    const { known, unknown } = await this.rooms.resolve(connection.actor, channels);
    // Others of its frames were asked about meanwhile.
    assertRoom(connection, [...new Set(known)].filter((channel) => !connection.channels.has(channel)).length);
    if (this.connections.has(connection.id)) for (const channel of known) this.join(connection, channel);
    return unknown;
  }

  unsubscribe(connection: Connection, channels: unknown[]): void {
    assertTexts(channels);
    for (const channel of channels) this.leave(connection, channel);
  }

  join(connection: Connection, channel: string): void {
    connection.channels.add(channel);
    this.doors.get(connection.transport)?.join(connection, channel);
    this.roster.changed(connection);
  }

  leave(connection: Connection, channel: string): void {
    if (!connection.channels.delete(channel)) return;
    this.doors.get(connection.transport)?.leave(connection, channel);
    this.roster.changed(connection);
  }

  /** This process stops: nobody enters any more, and who is here connects again, elsewhere. */
  stop(): void {
    this.stopping = true;
    clearInterval(this.timer);
    for (const connection of [...this.connections.values()]) connection.restart();
  }

  // --- inside

  private deliver(publication: Publication, timestamp: string): void {
    if (!this.connections.size) return;
    for (const door of this.doors.values()) {
      try {
        door.deliver(publication, timestamp);
      } catch (error) {
        this.logger.error({ msg: 'could not deliver', event: publication.event, err: error });
      }
    }
  }

  private endHere(target: Target, error_code: string): void {
    if ('organization_id' in target) {
      for (const connection of this.list(target.organization_id)) connection.end(error_code);
      return;
    }
    // Before anything: a cached session must not let the same token in again.
    this.sessions.forget(target.user_id);
    for (const connection of this.ofHolder(target.user_id))
      if (!target.session_id || connection.session.session_id === target.session_id) connection.end(error_code);
  }

  private dropHere(organization_id: string, id: string): boolean {
    const connection = this.roster.of(organization_id).get(id);
    if (!connection) return false;
    connection.end('connection_dropped', 'An administrator closed this connection.');
    // At once, whether or not the client answers the close.
    for (const channel of [...connection.channels]) this.leave(connection, channel);
    this.remove(connection);
    return true;
  }

  /** The rules of an organization changed: who may no longer be here goes, on every node. */
  private reconsider(organization_id: string): void {
    this.signals.send(CHANNEL, organization_id);
    this.reconsiderHere(organization_id);
  }

  private reconsiderHere(organization_id: string): void {
    // Before anything: a cached session knows the rules of before.
    this.sessions.forgetOrganization(organization_id);
    this.recheckSoon(this.list(organization_id));
  }

  private recheckSoon(connections: Connection[]): void {
    for (const connection of connections) connection.recheck_at = 0;
    void this.sweep();
  }

  /** Cuts slow consumers, and looks again at sessions whose time it is; at all of them while other nodes cannot tell us of an end. */
  private async sweep(): Promise<void> {
    if (this.sweeping) return;
    this.sweeping = true;
    try {
      const deaf = this.redis.configured && !this.redis.ready;
      const due: Connection[] = [];
      for (const connection of [...this.connections.values()]) {
        if (connection.bufferedBytes() > LIMITS.buffered_bytes) connection.cut();
        else if (deaf || connection.recheck_at <= Date.now()) due.push(connection);
      }
      // The rules of an organization may change under ten thousand of them.
      for (let i = 0; i < due.length; i += RECHECKS_AT_ONCE)
        await Promise.all(due.slice(i, i + RECHECKS_AT_ONCE).map((connection) => this.recheck(connection, deaf)));
    } finally {
      this.sweeping = false;
    }
  }

  private async recheck(connection: Connection, deaf: boolean): Promise<void> {
    // Before the question, so that a change meanwhile asks again. What ended while nobody could tell us is seen once more after Redis is back. A key
    // also ends by its date, and with its maker.
    connection.recheck_at = deaf ? 0 : connection.session.api_key_id === null ? Infinity : Date.now() + LIMITS.recheck_ms;
    try {
      const session = await this.admit(connection.token, connection.ip);
      if (goesOn(connection, session)) connection.session = session;
    } catch (error) {
      if (error instanceof AppError && error.status < 500 && error.error_code !== 'token_expired') connection.end(error.error_code);
      else connection.recheck_at = 0;
    }
  }
}

function assertRoom({ channels }: Connection, more: number): void {
  if (channels.size + more > LIMITS.channels)
    throw new AppError(409, 'limit_reached', `A connection may have ${LIMITS.channels} channels.`);
}

/** It hears by what it might when it came: who may other things by now comes again. */
function goesOn(connection: Connection, { role, custom_permissions }: Session): boolean {
  const before = connection.session;
  if (role === before.role && String(custom_permissions) === String(before.custom_permissions)) return true;
  connection.end('token_revoked');
  return false;
}

function assertTexts(channels: unknown[]): asserts channels is string[] {
  const wrong = channels.findIndex((channel) => typeof channel !== 'string');
  if (wrong >= 0) throw new Invalid([{ loc: ['channels', wrong], msg: 'must be a string', type: 'string_type' }]);
}

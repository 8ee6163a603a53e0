import { type BeforeApplicationShutdown, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import type { Role } from '#common/actor';
import { breather } from '#common/breath';
import { newId } from '#common/uuid';
import type { Connection } from './connection';
import { LIMITS } from './realtime.limits';
import { RealtimeRedis } from './realtime.redis';

/** Nodes with doors, by when they count as dead. */
const NODES = 'realtime:nodes';
/** Organizations with sockets on a node. */
const organizationsOf = (node: string): string => `realtime:connections:${node}`;
/** Cards of an organization's sockets on a node, by their ids. */
const cardsOf = (node: string, organization_id: string): string => `realtime:connections:${node}:${organization_id}`;
/** Cards written at a time. */
const BATCH = 200;

/** Who wants to close a socket at the same time as another asks within this. */
const CLAIM_MS = 5000;

/** Node ARGV[1] lives for ARGV[2] ms from now, by Redis' clock; who fell silent is forgotten. */
const RENEW = `local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[2]), ARGV[1])
return redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)`;

/** Who lives. */
const NODES_ALIVE = `local t = redis.call('TIME')
return redis.call('ZRANGEBYSCORE', KEYS[1], t[1] * 1000 + math.floor(t[2] / 1000), '+inf')`;

/** A live socket, as nodes tell each other of it. */
export interface ConnectionCard {
  id: string;
  organization_id: string;
  /** null: an API key. */
  user_id: string | null;
  /** Of an API key its name. */
  user_name: string;
  role: Role;
  transport: Connection['transport'];
  rooms: string[];
  ip: string | null;
  user_agent: string | null;
  /** Milliseconds since 1970; so is the other. */
  connected_at: number;
  last_seen_at: number;
}

/**
 * Who is connected, on all nodes. Each knows its own sockets, and writes their cards to Redis under keys that end by themselves: a node that falls
 * silent needs no obituary. Without Redis, and while it is away, the sockets of this process are all there are.
 */
@Injectable()
export class Roster implements OnModuleInit, BeforeApplicationShutdown {
  private readonly logger = new Logger('realtime');
  private readonly node = newId();
  /** By organization, then by id. */
  private readonly here = new Map<string, Map<string, Connection>>();
  /** What changed here and is not yet written: ids by organization. */
  private unwritten = new Map<string, Set<string>>();
  private timer?: NodeJS.Timeout;
  private soon?: NodeJS.Timeout;
  private writing = Promise.resolve();
  private stopping = false;

  constructor(private readonly redis: RealtimeRedis) {}

  onModuleInit(): void {
    if (this.redis.configured) this.timer = setInterval(() => this.renew(), LIMITS.roster_tick_ms).unref();
  }

  /** Before the connections to Redis are closed: this node is no more. */
  async beforeApplicationShutdown(): Promise<void> {
    this.stopping = true;
    clearInterval(this.timer);
    clearTimeout(this.soon);
    if (!this.redis.ready) return;
    await this.writing;
    await this.redis.speaker?.zrem(NODES, this.node).catch(() => undefined);
  }

  add(connection: Connection): void {
    const { organization_id } = connection.session;
    const own = this.here.get(organization_id) ?? new Map<string, Connection>();
    this.here.set(organization_id, own.set(connection.id, connection));
    this.changed(connection);
  }

  remove(connection: Connection): void {
    const { organization_id } = connection.session;
    const own = this.here.get(organization_id);
    own?.delete(connection.id);
    if (!own?.size) this.here.delete(organization_id);
    this.changed(connection);
  }

  /** Its rooms are others than they were. */
  changed({ id, session: { organization_id } }: Connection): void {
    if (!this.redis.configured || this.stopping) return;
    const ids = this.unwritten.get(organization_id) ?? new Set();
    this.unwritten.set(organization_id, ids.add(id));
    this.soon ??= setTimeout(() => this.write(), LIMITS.roster_write_ms).unref();
  }

  /** The sockets of an organization in this process. */
  of(organization_id: string): ReadonlyMap<string, Connection> {
    return this.here.get(organization_id) ?? NOBODY;
  }

  /** The cards of an organization's sockets on all nodes; null: of every organization's. */
  async cards(organization_id: string | null): Promise<ConnectionCard[]> {
    const breathe = breather();
    const cards: ConnectionCard[] = [];
    for (const own of organization_id === null ? this.here.values() : [this.of(organization_id)])
      for (const connection of own.values()) {
        cards.push(connection.card());
        await breathe();
      }
    await this.elsewhere(async (speaker, node) => {
      const organizations = organization_id === null ? await speaker.smembers(organizationsOf(node)) : [organization_id];
      for (const one of organizations)
        for (const card of await speaker.hvals(cardsOf(node, one))) {
          cards.push(JSON.parse(card) as ConnectionCard);
          await breathe();
        }
    });
    return cards;
  }

  /** One of an organization's sockets, on whatever node; null: there is none. */
  async card(organization_id: string, id: string): Promise<ConnectionCard | null> {
    const own = this.of(organization_id).get(id);
    if (own) return own.card();
    let found: string | null = null;
    await this.elsewhere(async (speaker, node) => {
      found ??= await speaker.hget(cardsOf(node, organization_id), id);
    });
    return found === null ? null : (JSON.parse(found) as ConnectionCard);
  }

  /** Of all who ask at once for one socket, on whatever node, one is answered true. */
  async claim(id: string): Promise<boolean> {
    const { speaker } = this.redis;
    if (!speaker || !this.redis.ready) return true;
    // Redis goes away: each node for itself.
    return (await speaker.set(`realtime:claims:${id}`, this.node, 'PX', CLAIM_MS, 'NX').catch(() => 'OK')) === 'OK';
  }

  /** Strikes another node's socket off the list; false: it is gone. */
  async strike(organization_id: string, id: string): Promise<boolean> {
    let struck = false;
    await this.elsewhere(async (speaker, node) => {
      struck ||= (await speaker.hdel(cardsOf(node, organization_id), id)) === 1;
    });
    return struck;
  }

  /** Asks Redis about each other node. What it cannot say is not known. */
  private async elsewhere(ask: (speaker: NonNullable<RealtimeRedis['speaker']>, node: string) => Promise<void>): Promise<void> {
    const { speaker } = this.redis;
    if (!speaker || !this.redis.ready) return;
    try {
      const nodes = (await speaker.eval(NODES_ALIVE, 1, NODES)) as string[];
      for (const node of nodes) if (node !== this.node) await ask(speaker, node);
    } catch (error) {
      this.logger.warn({ msg: 'the sockets of other nodes are not known', err: error });
    }
  }

  private write(): void {
    clearTimeout(this.soon);
    this.soon = undefined;
    const changes = this.unwritten;
    this.unwritten = new Map();
    this.inTurn(() => this.writeAll(changes));
  }

  /** Everything again: when each socket was last seen, and what Redis has lost, or has still, since it was away. */
  private renew(): void {
    this.inTurn(async () => {
      const { speaker } = this.redis;
      if (!speaker || !this.redis.ready || !this.here.size) return;
      const all = new Map<string, Set<string>>();
      for (const [organization_id, own] of this.here) {
        const written = await speaker.hkeys(cardsOf(this.node, organization_id));
        all.set(organization_id, new Set([...written, ...own.keys()]));
      }
      await this.writeAll(all);
    });
  }

  /** One after the other, so that a coming and a going keep their order. What fails is written with the next tick. */
  private inTurn(work: () => Promise<void>): void {
    this.writing = this.writing
      .then(work)
      .catch((error: unknown) => this.logger.warn({ msg: 'the list of sockets could not be written, will try again', err: error }));
  }

  private async writeAll(changes: ReadonlyMap<string, ReadonlySet<string>>): Promise<void> {
    const { speaker } = this.redis;
    if (!speaker || !this.redis.ready) return;
    await speaker.eval(RENEW, 1, NODES, this.node, LIMITS.roster_lease_ms);
    const organizations = organizationsOf(this.node);
    for (const [organization_id, ids] of changes) {
      const key = cardsOf(this.node, organization_id);
      const own = this.of(organization_id);
      const all = [...ids];
      for (let i = 0; i < all.length; i += BATCH) {
        const some = all.slice(i, i + BATCH);
        const cards = some.flatMap((id) => own.get(id) ?? []).flatMap((connection) => [connection.id, JSON.stringify(connection.card())]);
        const gone = some.filter((id) => !own.has(id));
        await Promise.all([
          cards.length && speaker.hset(key, ...cards),
          gone.length && speaker.hdel(key, ...gone),
          own.size ? speaker.sadd(organizations, organization_id) : speaker.srem(organizations, organization_id),
          speaker.pexpire(key, LIMITS.roster_lease_ms),
        ]);
      }
    }
    await speaker.pexpire(organizations, LIMITS.roster_lease_ms);
  }
}

const NOBODY: ReadonlyMap<string, Connection> = new Map();

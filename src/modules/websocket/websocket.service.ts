import { Injectable } from '@nestjs/common';
import { type Actor, Role } from '#common/actor';
import { breather } from '#common/breath';
import { NotFound } from '#common/errors';
import { pageOfList } from '#common/page-of-list';
import type { Page } from '#common/page.dto';
import { Database } from '#database/database';
import { UsersService } from '#modules/users/users.service';
import { type Publication, channelsOf } from '#realtime/realtime.events';
import { RealtimeHub } from '#realtime/realtime.hub';
import { type ConnectionCard, Roster } from '#realtime/roster';
import type {
  OnlineUser,
  OnlineUserQuery,
  WsBroadcast,
  WsBroadcastResult,
  WsConnection,
  WsConnectionQuery,
  WsStats,
} from './websocket.dto';

/** Rooms shown of all there are. */
const ROOMS_SHOWN = 100;

/** Who is connected, on all nodes. */
@Injectable()
export class WebsocketService {
  constructor(
    private readonly database: Database,
    private readonly users: UsersService,
    private readonly roster: Roster,
    private readonly hub: RealtimeHub,
  ) {}

  async page(actor: Actor, { user_id, transport, ...query }: WsConnectionQuery): Promise<Page<WsConnection>> {
    const cards = (await this.roster.cards(actor.organization_id))
      .filter(
        (card) =>
          exists(actor, card) &&
          (user_id === undefined || card.user_id === user_id) &&
          (transport === undefined || card.transport === transport),
      )
      // Ids begin with the time: the newest first, and no two alike, so that pages fit together.
      .sort((a, b) => (a.id < b.id ? 1 : -1));
    const page = pageOfList(cards, query, { search: ['user_name'], sort: ['connected_at', 'last_seen_at', 'user_name'] });
    return { ...page, items: page.items.map(shown) };
  }

  /** @throws {NotFound} Gone, or another organization's. */
  async get(actor: Actor, id: string): Promise<WsConnection> {
    const card = await this.roster.card(actor.organization_id, id.toLowerCase());
    if (!card || !exists(actor, card)) throw new NotFound('Connection');
    return shown(card);
  }

  /** Of one organization; null: of all of them. */
  async stats(organization_id: string | null): Promise<WsStats> {
    const breathe = breather();
    const by_transport = { socketio: 0, ws: 0 };
    const users = new Set<string>();
    const rooms = new Map<string, number>();
    const cards = await this.roster.cards(organization_id);
    for (const card of cards) {
      by_transport[card.transport]++;
      if (card.user_id !== null) users.add(card.user_id);
      for (const room of card.rooms) rooms.set(room, (rooms.get(room) ?? 0) + 1);
      await breathe();
    }
    const largest = [...rooms].sort(([, a], [, b]) => b - a).slice(0, ROOMS_SHOWN);
    return {
      total_connections: cards.length,
      by_transport,
      online_users: users.size,
      total_rooms: rooms.size,
      rooms: Object.fromEntries(largest),
    };
  }

  async online(actor: Actor, { status, ...query }: OnlineUserQuery): Promise<Page<OnlineUser>> {
    const [page, cards] = await Promise.all([
      this.users.page(actor, { ...query, agent_status: status, is_online: true }),
      this.roster.cards(actor.organization_id),
    ]);
    const byUser = Map.groupBy(cards, ({ user_id }) => user_id);
    const items = page.items.map(({ id, full_name, role, agent_status, last_seen_at }) => {
      const own = byUser.get(id) ?? [];
      return {
        user_id: id,
        full_name,
        role,
        agent_status,
        connections: own.length,
        connected_at: own.length ? new Date(Math.min(...own.map(({ connected_at }) => connected_at))) : null,
        last_seen_at: own.length ? new Date(Math.max(...own.map((card) => card.last_seen_at))) : last_seen_at,
      };
    });
    return { ...page, items };
  }

  /** Tells everybody who is there, or those of a role. */
  async broadcast(actor: Actor, { message, level = 'info', role }: WsBroadcast): Promise<WsBroadcastResult> {
    const { organization_id } = actor;
    const announcement = { message, level, from: { id: actor.member_id, full_name: actor.name } };
    const publication: Publication<'announcement'> = { organization_id, event: 'announcement', data: announcement, role };
    const delivered = (await this.roster.cards(organization_id)).filter((card) => hears(card, publication)).length;
    await this.database.tx(async (tx) => {
      tx.audit(actor, 'websocket.broadcast_sent', { resource: { id: organization_id }, metadata: { level, role, delivered } });
      tx.tell('announcement.sent', { organization_id, role: role ?? null, announcement });
      tx.afterCommit(() => this.hub.publish(publication));
    });
    return { delivered };
  }

  /** @throws {NotFound} Gone, or another organization's. */
  async drop(actor: Actor, id: string): Promise<void> {
    const { id: connection_id, user_id, transport } = await this.get(actor, id);
    if (!(await this.hub.drop(actor.organization_id, connection_id))) throw new NotFound('Connection');
    // What is closed stays closed: it is said afterwards.
    await this.database.tx(async (tx) =>
      tx.audit(actor, 'websocket.connection_dropped', { resource: { id: connection_id }, metadata: { user_id, transport } }),
    );
  }
}

/** Super admins do not exist for others. */
const exists = (actor: Actor, { role }: ConnectionCard): boolean => role !== Role.super_admin || actor.role === Role.super_admin;

/** As the gateways of its transport see it. */
const hears = ({ transport, role, rooms }: ConnectionCard, publication: Publication): boolean =>
  (publication.role === undefined || publication.role === role) &&
  (transport === 'socketio' || channelsOf(publication).some((channel) => rooms.includes(channel)));

const shown = ({ organization_id: _, connected_at, last_seen_at, ...card }: ConnectionCard): WsConnection => ({
  ...card,
  connected_at: new Date(connected_at),
  last_seen_at: new Date(last_seen_at),
});

/** Whose sockets are counted: super_admin sees all, unless they name an organization. */
export const scopeOf = (actor: Actor, organization_header: string | undefined): string | null =>
  actor.role === Role.super_admin && organization_header === undefined ? null : actor.organization_id;

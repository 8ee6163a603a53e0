import type { Type } from '@nestjs/common';
import { Role } from '#common/actor';
import { DEMO } from '#common/demo';
import { type PayloadsOf, declareEvents, event } from '#common/events';
import { Typing } from './realtime.dto';

/** Something said on a socket. */
export interface SocketEvent {
  /** When it is said; for people. */
  text: string;
  /** The class of its data: its schema in the document. */
  payload: Type<object>;
  /** Its data as the wire shows it; without one, made of the class. */
  sample?: object;
}

/** The channels everybody in an organization may have: those of contract 20 §10.2, of which some wait for their rooms, and those rooms add. */
const CHANNELS = new Set(['messages', 'conversations', 'contacts', 'agents', 'whatsapp', 'campaigns', 'flows', 'notifications']);
export const GENERAL_CHANNELS: ReadonlySet<string> = CHANNELS;

/** A socket event, as the room that publishes it declares it. */
export interface DeclaredSocketEvent extends SocketEvent {
  /** Where raw sockets hear it. */
  channel: string;
}

const CATALOGUE = new Map<string, DeclaredSocketEvent>();

/**
 * What the sockets hear of a room, in its `*.events.ts`. Beside it the room adds it to `RealtimeEvents` by declaration merging, so that a socket
 * event nobody declared, or with other data, does not compile: `interface RealtimeEvents extends DataOf<typeof CONTACT_NEWS> {}`.
 */
export function declareSocketEvents<T extends Record<string, DeclaredSocketEvent>>(events: T): T {
  for (const [name, declared] of Object.entries<DeclaredSocketEvent>(events)) {
    if (CATALOGUE.has(name)) throw new Error(`The socket event ${name} is declared twice`);
    CATALOGUE.set(name, declared);
    CHANNELS.add(declared.channel);
  }
  return events;
}

export type DataOf<T extends Record<string, Pick<SocketEvent, 'payload'>>> = { [K in keyof T]: InstanceType<T[K]['payload']> };

/** Every event of the sockets, in alphabetical order. */
export const socketCatalogue = (): [name: string, event: DeclaredSocketEvent][] => [...CATALOGUE].sort(([a], [b]) => (a < b ? -1 : 1));

export const OWN_NEWS = declareSocketEvents({
  typing: {
    text: 'Somebody of the team writes in a conversation, or stopped: to those who joined it, on Socket.IO. Or its customer does: to all.',
    channel: 'conversations',
    payload: Typing,
    sample: {
      conversation_id: DEMO.conversation_id,
      actor: 'agent',
      user_id: DEMO.user_id,
      user_name: 'Bruno Alves',
      typing: true,
    },
  },
});

/** What sockets hear (contract 20 §10.1), by name: the data. Each room adds its own. */
export interface RealtimeEvents extends DataOf<typeof OWN_NEWS> {}

export type RealtimeEvent = keyof RealtimeEvents;

/** One thing to tell. It goes to the whole organization unless a field below says who else. */
export interface Publication<E extends RealtimeEvent = RealtimeEvent> {
  organization_id: string;
  event: E;
  /** As the wire shows it: serialised as it is, so nothing may be in it that its organization may not see. */
  data: RealtimeEvents[E];
  /** The conversation it is about; raw sockets subscribed to `conversation:{id}` hear it too. */
  conversation_id?: string;
  /** Socket.IO: only those who joined the conversation. */
  conversation_only?: boolean;
  /** The campaign it is about; raw sockets subscribed to `campaign:{id}` hear it too. */
  campaign_id?: string;
  /** Only this user. */
  user_id?: string;
  /** Only who has this role. */
  role?: Role;
  /** Only org_admin and above. */
  org_admins_only?: boolean;
  /** Socket.IO's id of the socket that caused it and needs no echo. */
  exclude_connection?: string;
}

/** Whose sockets end: a user's (one session's of theirs when it is named), or everybody's in an organization. */
export type Target = { user_id: string; session_id: string | null } | { organization_id: string };

/** What somebody who may not read everything has to read, to hear of an event: what its channel is about. null: nobody has to; what one is told is one's own. */
export function readOf(event: string): string | null {
  const channel = CATALOGUE.get(event)?.channel;
  return channel === undefined || channel === 'notifications' ? null : `read:${channel === 'agents' ? 'users' : channel}`;
}

/** The channels a publication goes out on, the narrow ones first. */
export function channelsOf({ event, conversation_id, campaign_id }: Publication): string[] {
  const channels: string[] = [];
  if (conversation_id) channels.push(`conversation:${conversation_id}`);
  if (campaign_id) channels.push(`campaign:${campaign_id}`);
  const declared = CATALOGUE.get(event);
  if (declared) channels.push(declared.channel);
  return channels;
}

/** The Socket.IO rooms of a publication. */
export function roomsOf({ organization_id, conversation_id, conversation_only, user_id, role, org_admins_only }: Publication): string[] {
  if (user_id) return [`user:${user_id}`];
  if (role) return [`role:${organization_id}:${role}`];
  if (org_admins_only) return [Role.org_admin, Role.super_admin].map((one) => `role:${organization_id}:${one}`);
  if (!conversation_id) return [`organization:${organization_id}`];
  return conversation_only ? [`conversation:${conversation_id}`] : [`organization:${organization_id}`, `conversation:${conversation_id}`];
}

export const OWN_EVENTS = declareEvents({
  'agent.typing': event<{ organization_id: string; conversation_id: string; user_id: string; typing: boolean }>({
    text: 'An agent writes in a conversation, or stopped; told by the process of their socket.',
    sample: { organization_id: DEMO.organization_id, conversation_id: DEMO.conversation_id, user_id: DEMO.user_id, typing: true },
    sockets: ['typing'],
  }),
});

declare module '#common/events' {
  interface Events extends PayloadsOf<typeof OWN_EVENTS> {}
}

/** What sockets hear (contract 20 §10.1; the rooms of section 30 add theirs under their own prefix). */
export type RealtimeEvent =
  | 'message:new'
  | 'message:status'
  | 'message:updated'
  | 'conversation:new'
  | 'conversation:updated'
  | 'conversation:status'
  | 'conversation:assigned'
  | 'conversation:transferred'
  | 'conversation:unread_update'
  | 'conversation:unassigned'
  | 'conversation:window_expiring'
  | 'sla:warning'
  | 'sla:breached'
  | 'queue:updated'
  | 'typing'
  | 'agent:status'
  | 'contact:created'
  | 'contact:updated'
  | 'contact:deleted'
  | 'whatsapp:number_status'
  | 'whatsapp:qrcode'
  | 'template:status'
  | 'notification:new'
  | 'announcement'
  | 'dashboard:update'
  | `campaign:${string}`
  | `automation:${string}`
  | `flow:${string}`
  | `erp:${string}`;

/** One thing to tell. It goes to the whole organization unless a field below says who else. */
export interface Publication {
  organization_id: string;
  event: RealtimeEvent;
  /** As the wire shows it: serialised as it is, so nothing may be in it that its organization may not see. */
  data: object;
  /** The conversation it is about; raw sockets subscribed to `conversation:{id}` hear it too. */
  conversation_id?: string;
  /** Socket.IO: only those who joined the conversation. */
  conversation_only?: boolean;
  /** The campaign it is about; raw sockets subscribed to `campaign:{id}` hear it too. */
  campaign_id?: string;
  /** Only this user. */
  user_id?: string;
  /** Only org_admin and above. */
  org_admins_only?: boolean;
  /** Id of the connection that caused it and needs no echo. */
  exclude_connection?: string;
}

/** Whose sockets end: a user's (one session's of theirs when it is named), or everybody's in an organization. */
export type Target = { user_id: string; session_id: string | null } | { organization_id: string };

/** Channels of raw sockets: prefix of the event → channel (contract 20 §10.2). What has none reaches Socket.IO only. */
const CHANNEL_OF: Record<string, string> = {
  message: 'messages',
  conversation: 'conversations',
  typing: 'conversations',
  sla: 'conversations',
  queue: 'conversations',
  contact: 'contacts',
  agent: 'agents',
  whatsapp: 'whatsapp',
  template: 'whatsapp',
  campaign: 'campaigns',
  flow: 'flows',
  notification: 'notifications',
  announcement: 'notifications',
};

/** The channels everybody in an organization may have. */
export const GENERAL_CHANNELS: ReadonlySet<string> = new Set(Object.values(CHANNEL_OF));

/** The channels a publication goes out on, the narrow ones first. */
export function channelsOf({ event, conversation_id, campaign_id }: Publication): string[] {
  const channels: string[] = [];
  if (conversation_id) channels.push(`conversation:${conversation_id}`);
  if (campaign_id) channels.push(`campaign:${campaign_id}`);
  const end = event.indexOf(':');
  const general = CHANNEL_OF[end < 0 ? event : event.slice(0, end)];
  if (general) channels.push(general);
  return channels;
}

/** The Socket.IO rooms of a publication. */
export function roomsOf({ organization_id, conversation_id, conversation_only, user_id, org_admins_only }: Publication): string[] {
  if (user_id) return [`user:${user_id}`];
  if (org_admins_only) return [`admins:${organization_id}`];
  if (!conversation_id) return [`organization:${organization_id}`];
  return conversation_only ? [`conversation:${conversation_id}`] : [`organization:${organization_id}`, `conversation:${conversation_id}`];
}

declare module '#common/events' {
  interface Events {
    /** An agent writes, or stopped, in a conversation. Emitted on the node of their socket. */
    'agent.typing': { organization_id: string; conversation_id: string; user_id: string; typing: boolean };
  }
}

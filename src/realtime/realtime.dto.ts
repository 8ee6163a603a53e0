import { ApiProperty } from '@nestjs/swagger';
import { Role } from '#common/actor';

// What goes over the sockets beside the rooms' own events; realtime.protocol.ts says when.

export class NoData {}

export class ConversationRef {
  @ApiProperty({ format: 'uuid' })
  conversation_id: string;
}

/** A channel: messages, conversations, contacts, agents, whatsapp, campaigns, flows, notifications, or `conversation:{id}`. */
export class ChannelList {
  channels: string[];
}

export const AGENT_STATES = ['available', 'busy', 'away', 'offline'] as const;
export type AgentState = (typeof AGENT_STATES)[number];

export class AgentStatusChoice {
  @ApiProperty({ enum: AGENT_STATES })
  status: AgentState;
}

export class FreshToken {
  /** A new access token of the same user, or the new value of the same API key. */
  token: string;
}

export class Ping {
  /** Given back as it is. */
  @ApiProperty({ required: false, oneOf: [{ type: 'string' }, { type: 'number', format: 'double' }] })
  timestamp?: unknown;
}

export class PongData {
  /** The one of the ping, else the server's time. */
  @ApiProperty({ oneOf: [{ type: 'string' }, { type: 'number', format: 'double' }] })
  timestamp: unknown;
}

export class Connected {
  /** null: an API key. */
  @ApiProperty({ type: String, format: 'uuid', nullable: true })
  user_id: string | null;

  @ApiProperty({ format: 'uuid' })
  organization_id: string;

  role: Role;

  /** Socket.IO's id of this connection. */
  @ApiProperty({ maxLength: 64 })
  socket_id: string;
}

export class RawConnected {
  /** null: an API key. */
  @ApiProperty({ type: String, format: 'uuid', nullable: true })
  user_id: string | null;

  @ApiProperty({ format: 'uuid' })
  organization_id: string;
}

export class ExpiryNotice {
  /** Until the connection is closed. */
  @ApiProperty({ type: 'integer' })
  grace_seconds: number;
}

export class SocketError {
  error_code: string;

  message: string;
}

export class RawError extends SocketError {
  /** For `unknown_channel`: which. */
  @ApiProperty({ required: false })
  channels?: string[];
}

/** Somebody of the team writes, or the customer, or stopped. */
export class Typing {
  @ApiProperty({ format: 'uuid' })
  conversation_id: string;

  @ApiProperty({ enum: ['agent', 'contact'] })
  actor: 'agent' | 'contact';

  /** The agent. */
  @ApiProperty({ format: 'uuid', required: false })
  user_id?: string;

  user_name?: string;

  /** The customer. */
  @ApiProperty({ format: 'uuid', required: false })
  contact_id?: string;

  contact_name?: string | null;

  typing: boolean;
}

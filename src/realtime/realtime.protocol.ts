import type { Type } from '@nestjs/common';
import { DEMO } from '#common/demo';
import {
  AgentStatusChoice,
  ChannelList,
  Connected,
  ConversationRef,
  ExpiryNotice,
  FreshToken,
  NoData,
  Ping,
  PongData,
  RawConnected,
  RawError,
  SocketError,
} from './realtime.dto';
import type { DataOf, SocketEvent } from './realtime.events';

/*
 * What clients and this server say to each other besides the rooms' events. The gateways are typed by these tables and
 * `/api/v1/asyncapi.json` is made of them: what is not here can be neither said nor understood.
 */

type Said = Required<SocketEvent>;

/** Some of the channels a client names are not for it; the others are. */
export const UNKNOWN_CHANNEL = { error_code: 'unknown_channel', message: 'Unknown, or not of your organization.' } satisfies SocketError;

const conversation = { conversation_id: DEMO.conversation_id };

/** Client → server on Socket.IO; each is answered to the ack, where the client gives one: `{ok: true, ...answer}` or `{ok: false, error_code, message}`. */
export const COMMANDS = {
  join_conversation: {
    text: 'Hear what only those who look at a conversation hear: who is typing.',
    payload: ConversationRef,
    sample: conversation,
    answer: ConversationRef,
  },
  leave_conversation: {
    text: 'The opposite of `join_conversation`.',
    payload: ConversationRef,
    sample: conversation,
    answer: ConversationRef,
  },
  subscribe: {
    text:
      'Name channels, as on `/ws`. A Socket.IO client hears its organization without it. Where some are unknown (`unknown_channel`), the ack names ' +
      'them in `unknown`, and in `channels` those you have.',
    payload: ChannelList,
    sample: { channels: ['messages', 'conversations'] },
    answer: ChannelList,
  },
  unsubscribe: { text: 'The opposite of `subscribe`.', payload: ChannelList, sample: { channels: ['messages'] }, answer: ChannelList },
  typing_start: {
    text: 'You write in a conversation. Say it again within 10 seconds, or it stops by itself. From role agent.',
    payload: ConversationRef,
    sample: conversation,
    answer: NoData,
  },
  typing_stop: { text: 'You stopped writing. From role agent.', payload: ConversationRef, sample: conversation, answer: NoData },
  'agent:set_status': {
    text: 'Choose your state. From role agent.',
    payload: AgentStatusChoice,
    sample: { status: 'available' },
    answer: AgentStatusChoice,
  },
  'auth:refresh': {
    text: 'Go on with a new access token of the same user; after `auth:expired`, or before.',
    payload: FreshToken,
    sample: { token: 'the access token of POST /api/v1/auth/refresh' },
    answer: NoData,
  },
  ping: {
    text: 'Is the connection alive? Answered with `pong`.',
    payload: Ping,
    sample: { timestamp: '2026-11-20T12:00:00.000Z' },
    answer: NoData,
  },
} satisfies Record<string, Said & { answer: Type<object> }>;

const channels = { channels: ['messages', 'conversations'] };
const who = { user_id: DEMO.user_id, organization_id: DEMO.organization_id };
const pong = { timestamp: '2026-11-20T12:00:00.000Z' };

/** Server → one client on Socket.IO. */
export const NOTICES = {
  connected: {
    text: 'You are in: the first thing said.',
    payload: Connected,
    sample: { ...who, role: 'agent', socket_id: 'TqE3q0GmXkV0Y2pAAAAB' },
  },
  joined_conversation: { text: 'After `join_conversation`.', payload: ConversationRef, sample: conversation },
  left_conversation: { text: 'After `leave_conversation`.', payload: ConversationRef, sample: conversation },
  subscribed: { text: 'After `subscribe`: all channels you have.', payload: ChannelList, sample: channels },
  unsubscribed: {
    text: 'After `unsubscribe`: the channels you still have.',
    payload: ChannelList,
    sample: { channels: ['conversations'] },
  },
  pong: { text: 'After `ping`.', payload: PongData, sample: pong },
  'auth:expired': {
    text: 'Your access token ended. Send `auth:refresh` in time, or the connection is closed.',
    payload: ExpiryNotice,
    sample: { grace_seconds: 60 },
  },
  error: {
    text: 'A command without an ack failed, or the session ended (then the connection is closed).',
    payload: SocketError,
    sample: { error_code: 'not_found', message: 'Conversation not found' },
  },
} satisfies Record<string, Said>;

/** Client → server on `/ws`: `{"type": "subscribe", ...}`. */
export const RAW_COMMANDS = {
  subscribe: {
    text: 'Hear channels from now on.',
    payload: ChannelList,
    sample: { channels: ['messages', `conversation:${conversation.conversation_id}`] },
  },
  unsubscribe: { text: 'Hear them no more.', payload: ChannelList, sample: { channels: ['messages'] } },
  ping: { text: 'Is the connection alive?', payload: NoData, sample: {} },
} satisfies Record<string, Said>;

/** Server → one client on `/ws`, beside the events. */
export const RAW_NOTICES = {
  connected: { text: 'You are in: the first thing said.', payload: RawConnected, sample: who },
  subscribed: { text: 'After `subscribe`: all channels you have.', payload: ChannelList, sample: channels },
  unsubscribed: {
    text: 'After `unsubscribe`: the channels you still have.',
    payload: ChannelList,
    sample: { channels: ['conversations'] },
  },
  pong: { text: 'After `ping`.', payload: PongData, sample: pong },
  error: {
    text: 'A frame could not be done; the connection stays.',
    payload: RawError,
    sample: { ...UNKNOWN_CHANNEL, channels: ['secrets'] },
  },
  auth_expired: {
    text: 'Your access token ended; within a minute the connection is closed. Connect again with a new one.',
    payload: NoData,
    sample: {},
  },
} satisfies Record<string, Said>;

export type CommandName = keyof typeof COMMANDS;
/** What a command's ack says beside `ok: true`. */
export type Answers = { [K in CommandName]: InstanceType<(typeof COMMANDS)[K]['answer']> };
export type Notices = DataOf<typeof NOTICES>;
export type RawCommand = keyof typeof RAW_COMMANDS;

type RawNotices = DataOf<typeof RAW_NOTICES>;
/** One frame of `/ws` to a client. */
export type RawFrame = { [K in keyof RawNotices]: { type: K } & RawNotices[K] }[keyof RawNotices];

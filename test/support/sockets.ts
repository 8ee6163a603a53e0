import { once } from 'node:events';
import { type Socket, io } from 'socket.io-client';
import { WebSocket } from 'ws';
import type { Publication, RealtimeEvent } from '#realtime/realtime.events';
import type { RealtimeHub } from '#realtime/realtime.hub';
import { until } from './until';
import type { Person } from './world';

export { until };

interface Heard {
  event: string;
  data: Record<string, unknown>;
}

/** Tells an organization an event with data of the test's own, which is not the room's. */
export const tell = (
  hub: RealtimeHub,
  organization_id: string,
  event: RealtimeEvent,
  data: object,
  more: Partial<Publication> = {},
): void => hub.publish({ ...more, organization_id, event, data: data as never });

/** A Socket.IO client that remembers what it heard. */
export class SocketIoClient {
  readonly heard: Heard[] = [];
  readonly disconnects: string[] = [];
  readonly refusals: (Error & { data?: { error_code: string } })[] = [];

  constructor(readonly socket: Socket) {
    socket.onAny((event: string, data: Record<string, unknown>) => this.heard.push({ event, data }));
    socket.on('disconnect', (reason) => this.disconnects.push(reason));
    socket.on('connect_error', (error) => this.refusals.push(error));
  }

  /** All of an event so far. */
  all(event: string): Record<string, unknown>[] {
    return this.heard.filter((one) => one.event === event).map(({ data }) => data);
  }

  /** Waits for an event. */
  async hear(event: string, matches: (data: Record<string, unknown>) => boolean = () => true): Promise<Record<string, unknown>> {
    await until(() => this.all(event).some(matches), `Socket.IO event ${event}`);
    return this.all(event).find(matches) as Record<string, unknown>;
  }

  ask(event: string, data?: unknown): Promise<Record<string, unknown>> {
    return this.socket.timeout(5000).emitWithAck(event, data) as Promise<Record<string, unknown>>;
  }
}

const clients: Socket[] = [];
const raws: WebSocket[] = [];

/** A client that has or has not been let in yet. */
export function dial(base_url: string, options: Parameters<typeof io>[1]): SocketIoClient {
  const socket = io(base_url, { transports: ['websocket'], reconnection: false, forceNew: true, ...options });
  clients.push(socket);
  return new SocketIoClient(socket);
}

/** A person's Socket.IO client, connected. */
export async function socketOf(
  person: Person,
  base_url = person.base_url,
  options: Parameters<typeof io>[1] = {},
): Promise<SocketIoClient> {
  const client = dial(base_url, { auth: { token: person.token }, ...options });
  await client.hear('connected');
  return client;
}

/** A raw WebSocket that remembers its frames and how it was closed. */
export class RawClient {
  readonly frames: Record<string, unknown>[] = [];
  closed: { code: number; reason: string } | null = null;

  constructor(readonly ws: WebSocket) {
    ws.on('message', (data: Buffer) => this.frames.push(JSON.parse(data.toString()) as Record<string, unknown>));
    ws.on('close', (code, reason) => (this.closed = { code, reason: reason.toString() }));
    ws.on('error', () => undefined);
  }

  send(frame: unknown): void {
    this.ws.send(typeof frame === 'string' ? frame : JSON.stringify(frame));
  }

  all(type: string): Record<string, unknown>[] {
    return this.frames.filter((frame) => frame.type === type);
  }

  /** Pushed events by name. */
  events(event?: string): Record<string, unknown>[] {
    return this.all('event').filter((frame) => !event || frame.event === event);
  }

  async hear(type: string, matches: (frame: Record<string, unknown>) => boolean = () => true): Promise<Record<string, unknown>> {
    await until(() => this.all(type).some(matches), `frame ${type}`);
    return this.all(type).find(matches) as Record<string, unknown>;
  }

  async end(): Promise<{ code: number; reason: string }> {
    await until(() => this.closed, 'the close');
    return this.closed as { code: number; reason: string };
  }

  async subscribe(...channels: string[]): Promise<Record<string, unknown>> {
    const before = this.all('subscribed').length;
    this.send({ type: 'subscribe', channels });
    await until(() => this.all('subscribed').length > before, 'subscribed');
    return this.all('subscribed')[before];
  }
}

/** Opens `/ws…`; let in or not is the server's to say. */
export async function dialRaw(base_url: string, path: string, headers: Record<string, string> = {}): Promise<RawClient> {
  const ws = new WebSocket(`${base_url.replace('http', 'ws')}${path}`, { headers });
  raws.push(ws);
  const client = new RawClient(ws);
  await once(ws, 'open');
  return client;
}

/** A person's raw WebSocket, connected. */
export async function rawOf(person: Person, path = '/ws', base_url = person.base_url): Promise<RawClient> {
  const client = await dialRaw(base_url, path, { authorization: `Bearer ${person.token}` });
  await client.hear('connected');
  return client;
}

/** A person's raw WebSocket that stays until its app closes; answers the id of the connection, as an administrator sees it. */
export async function connectionOf(person: Person, admin = person): Promise<string> {
  const ws = new WebSocket(`${person.base_url.replace('http', 'ws')}/ws`, { headers: { authorization: `Bearer ${person.token}` } });
  ws.on('error', () => undefined);
  await once(ws, 'message');
  const isOnline = async (): Promise<boolean> => (await admin.get(`/users/${person.user.id}`).expect(200)).body.is_online as boolean;
  await until(isOnline, 'being online');
  const { body } = await admin.get(`/websocket?user_id=${person.user.id}&limit=1`).expect(200);
  return (body as { items: { id: string }[] }).items[0].id;
}

afterEach(() => {
  for (const socket of clients.splice(0)) socket.disconnect();
  for (const ws of raws.splice(0)) ws.terminate();
});

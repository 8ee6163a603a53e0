import { once } from 'node:events';
import { type IncomingHttpHeaders, type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { until } from './until';

/** A delivery as it arrived. */
export interface Arrived {
  path: string;
  headers: IncomingHttpHeaders & { 'webhook-id': string; 'webhook-timestamp': string; 'webhook-signature': string };
  /** Byte by byte. */
  text: string;
  body: {
    id: string;
    event: string;
    created_at: string;
    organization_id: string;
    api_version: string;
    is_test: boolean;
    data: Record<string, unknown>;
  };
}

/** What a receiver does with the n-th delivery, from 1. */
export type Behaviour = (response: ServerResponse, n: number, request: IncomingMessage) => void;

export const answers =
  (status: number, headers: Record<string, string> = {}, body = ''): Behaviour =>
  (response) =>
    void response.writeHead(status, headers).end(body);

/** Fails so often, then takes everything. */
export const failsFirst =
  (times: number, status = 500): Behaviour =>
  (response, n) =>
    void response.writeHead(n <= times ? status : 204).end();

export const hangs: Behaviour = () => undefined;

/** A byte every half second, for ever. */
export const trickles: Behaviour = (response) => {
  response.writeHead(200);
  const timer = setInterval(() => response.write('.'), 500);
  response.on('close', () => clearInterval(timer));
};

export const cuts: Behaviour = (response) => void response.destroy();

/** As much as anybody reads. */
export const endless: Behaviour = (response) => {
  const chunk = 'x'.repeat(16_384);
  const more = (): void => {
    while (!response.destroyed && response.write(chunk));
  };
  response.writeHead(200).on('drain', more);
  more();
};

/** Customers' endpoints, a path each, on a free port. */
export class Receiver {
  private readonly behaviours = new Map<string, Behaviour>();
  private readonly counts = new Map<string, number>();
  readonly arrived: Arrived[] = [];
  private readonly server = createServer((request, response) => void this.take(request, response));
  private port = 0;

  static async open(): Promise<Receiver> {
    const receiver = new Receiver();
    await once(receiver.server.listen(0, '127.0.0.1'), 'listening');
    receiver.port = (receiver.server.address() as AddressInfo).port;
    return receiver;
  }

  /** For EGRESS_ALLOWED_HOSTS. */
  get host(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Ends every call that hangs. */
  hangUp(): void {
    this.server.closeAllConnections();
  }

  /** An endpoint that behaves so; default: it takes everything. */
  endpoint(path: string, behaviour: Behaviour = answers(204)): string {
    this.behaviours.set(`/${path}`, behaviour);
    return `http://${this.host}/${path}`;
  }

  at(path: string): Arrived[] {
    return this.arrived.filter((one) => one.path === `/${path}`);
  }

  /** So many have arrived there; answers them. */
  async heard(path: string, count = 1): Promise<Arrived[]> {
    await until(() => this.at(path).length >= count, `${count} deliveries at ${path}`);
    return this.at(path);
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  private async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '';
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    this.arrived.push({ path, headers: request.headers as Arrived['headers'], text, body: JSON.parse(text) as Arrived['body'] });
    const n = (this.counts.get(path) ?? 0) + 1;
    this.counts.set(path, n);
    (this.behaviours.get(path) ?? answers(404))(response, n, request);
  }
}

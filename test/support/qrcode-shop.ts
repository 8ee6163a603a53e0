import { randomUUID } from 'node:crypto';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import request from 'supertest';
import type { Instance } from '#modules/simulator/evolution/instances';
import { type FakeEvolution, fakeEvolution } from './fake-evolution';
import type { Row } from './desk';
import { META_SECRET } from './fake-meta';
import { digits } from './official-number';
import { Shop } from './shop';
import { type Company, type World, world } from './world';

/** What the app under test calls its own address; it listens on another one, known only later. */
export interface OutsideAddress {
  url: string;
  /** Where what comes in is handed on to. */
  to: string;
  close(): Promise<void>;
}

async function outsideAddress(): Promise<OutsideAddress> {
  const address: OutsideAddress = { url: '', to: '', close: () => Promise.resolve() };
  const server: Server = createServer((incoming, answer) => {
    const chunks: Buffer[] = [];
    incoming
      .on('data', (chunk: Buffer) => chunks.push(chunk))
      .on('end', () => {
        const { host: _, 'transfer-encoding': __, connection: ___, ...headers } = incoming.headers;
        fetch(`${address.to}${incoming.url}`, {
          method: incoming.method,
          headers: headers as Record<string, string>,
          body: incoming.method === 'GET' ? undefined : Buffer.concat(chunks),
        }).then(
          async (told) => answer.writeHead(told.status).end(await told.text()),
          () => answer.writeHead(503).end(),
        );
      });
  });
  server.listen(0, '127.0.0.1');
  await new Promise((listening) => server.once('listening', listening));
  address.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  address.close = async () => {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  };
  return address;
}

/** An Evolution server, Meta beside it, and a product that knows both, for a spec file. */
export interface Street {
  evolution: FakeEvolution;
  outside: OutsideAddress;
  world(): Promise<World>;
  close(): Promise<void>;
}

export async function street(env: Record<string, string> = {}): Promise<Street> {
  const outside = await outsideAddress();
  // Both of the simulator's ways to WhatsApp, for the same phones.
  const evolution = await fakeEvolution({ app_secret: META_SECRET, webhook_url: () => `${outside.to}/api/v1/whatsapp/webhook` });
  return {
    evolution,
    outside,
    world: async () => {
      const w = await world({ ...evolution.env, META_GRAPH_BASE_URL: `${evolution.url}/graph`, PUBLIC_BASE_URL: outside.url, ...env });
      outside.to = w.base_url;
      return w;
    },
    close: async () => {
      await evolution.close();
      await outside.close();
    },
  };
}

/** A shop whose number is paired by QR code. */
export class QrcodeShop extends Shop {
  constructor(
    w: World,
    company: Company,
    evolution: FakeEvolution,
    override readonly number: {
      id: string;
      phone_number: string;
      instance: string;
      webhook_callback_url: string;
      webhook_verify_token: string;
    },
  ) {
    super(w, company, evolution, number, number.instance);
  }

  get instance(): Instance {
    const found = this.evolution.simulator.evolution.find(this.number.instance);
    if (!found) throw new Error('no such instance');
    return found;
  }

  /** What the phones and the page's scripts do beside writing. */
  async control(what: string, body: object = {}): Promise<void> {
    await request(this.evolution.url).post(`/api/control/evolution/${this.number.instance}/${what}`).send(body).expect(200);
    await this.idle();
  }

  /** A webhook as an Evolution server posts it. */
  tell(event: string, data: unknown, { token = this.number.webhook_verify_token, path = '', ...envelope }: Record<string, unknown> = {}) {
    const { pathname } = new URL(this.number.webhook_callback_url);
    const call = request(this.w.base_url).post(`${pathname}${path as string}`);
    if (token !== null) call.set('X-PyTake-Token', String(token));
    return call.send({ event, instance: this.number.instance, data, apikey: 'of-the-instance', ...envelope });
  }

  /** A phone's clock has whole seconds: theirs and ours of one second stand in any order. */
  async incoming(): Promise<Row[]> {
    return (await this.messages()).filter(({ direction }) => direction === 'incoming');
  }

  async status(): Promise<Row> {
    return (await this.company.admin.get(`/whatsapp/${this.number.id}/status`).expect(200)).body as Row;
  }
}

/** A number that is entered, not paired yet. */
export async function qrcodeNumber(w: World, company: Company = w.acme, body: object = {}): Promise<QrcodeShop['number']> {
  const phone_number = `+55119${digits(8).replace(/^./, '7')}`;
  const { body: number } = await company.admin.post('/whatsapp', { phone_number, connection_type: 'qrcode', ...body }).expect(201);
  return { ...number, instance: number.evolution_instance_name };
}

/** A number that is connected. */
export async function qrcodeShop({ world: open, evolution }: Street, body: object = {}): Promise<QrcodeShop> {
  const w = await open();
  const shop = new QrcodeShop(w, w.acme, evolution, await qrcodeNumber(w, w.acme, body));
  await w.acme.admin.post(`/whatsapp/${shop.number.id}/qrcode`).expect(200);
  await evolution.scan(shop.number.instance, shop.number.phone_number);
  await shop.idle();
  return shop;
}

export const nobodysToken = (): string => randomUUID();

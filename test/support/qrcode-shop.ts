import { randomUUID } from 'node:crypto';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import request from 'supertest';
import { InboundWorker } from '#modules/conversations/filing/inbound.worker';
import type { Instance } from '#modules/simulator/evolution/instances';
import { type FakeEvolution, fakeEvolution } from './fake-evolution';
import type { Row } from './inbox';
import { digits } from './official-number';
import { type Company, type World, world } from './world';

/** What the app under test calls its own address; it listens on another one, known only later. */
export interface OutsideAddress {
  url: string;
  /** Where what comes in is handed on to. */
  to: string;
  close(): Promise<void>;
}

export async function outsideAddress(): Promise<OutsideAddress> {
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

/** An Evolution server and a product that knows it, for a spec file. */
export interface Street {
  evolution: FakeEvolution;
  outside: OutsideAddress;
  world(): Promise<World>;
  close(): Promise<void>;
}

export async function street(env: Record<string, string> = {}): Promise<Street> {
  const evolution = await fakeEvolution();
  const outside = await outsideAddress();
  return {
    evolution,
    outside,
    world: async () => {
      const w = await world({ ...evolution.env, PUBLIC_BASE_URL: outside.url, ...env });
      outside.to = w.base_url;
      return w;
    },
    close: async () => {
      await evolution.close();
      await outside.close();
    },
  };
}

export interface Customer {
  /** Digits, as they write it. */
  from: string;
  name: string;
}

/** A shop whose number is paired by QR code, and who writes to it. */
export class QrcodeShop {
  constructor(
    readonly w: World,
    readonly company: Company,
    readonly evolution: FakeEvolution,
    readonly number: { id: string; phone_number: string; instance: string; webhook_callback_url: string; webhook_verify_token: string },
  ) {}

  get instance(): Instance {
    const found = this.evolution.simulator.evolution.find(this.number.instance);
    if (!found) throw new Error('no such instance');
    return found;
  }

  customer(values: Partial<Customer> = {}): Customer {
    return { from: `55119${digits(8).replace(/^./, '8')}`, name: 'Ana Souza', ...values };
  }

  /** What somebody writes, filed. Answers the key id. */
  async writes(who: Customer, message: object): Promise<string> {
    const { body } = await request(this.evolution.url)
      .post('/api/control/customer-message')
      .send({ phone_number_id: this.number.instance, ...who, wait: true, ...message })
      .expect(202);
    await this.idle();
    return (body as { message_id: string }).message_id;
  }

  text(who: Customer, body: string, more: object = {}): Promise<string> {
    return this.writes(who, { type: 'text', text: { body }, ...more });
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

  /** Everything told is told, and what it means is done. */
  async idle(): Promise<void> {
    await this.evolution.simulator.settled();
    await this.w.app.get(InboundWorker).idle();
  }

  async conversations(): Promise<Row[]> {
    return (await this.company.agent.get('/conversations?sort=created_at:asc').expect(200)).body.items as Row[];
  }

  async conversation(): Promise<Row> {
    const all = await this.conversations();
    expect(all).toHaveLength(1);
    return all[0];
  }

  async messages(conversation_id?: string): Promise<Row[]> {
    const id = conversation_id ?? (await this.conversation()).id;
    return (await this.company.agent.get(`/conversations/${id}/messages?limit=100`).expect(200)).body.items as Row[];
  }

  /** A phone's clock has whole seconds: theirs and ours of one second stand in any order. */
  async incoming(): Promise<Row[]> {
    return (await this.messages()).filter(({ direction }) => direction === 'incoming');
  }

  async message(): Promise<Row> {
    const all = await this.messages();
    expect(all).toHaveLength(1);
    return all[0];
  }

  async contacts(): Promise<Row[]> {
    return (await this.company.agent.get('/contacts?sort=created_at:asc').expect(200)).body.items as Row[];
  }

  async status(): Promise<Row> {
    return (await this.company.admin.get(`/whatsapp/${this.number.id}/status`).expect(200)).body as Row;
  }

  send(conversation_id: string, body: object): request.Test {
    return this.company.agent.post(`/conversations/${conversation_id}/messages`, body);
  }

  /** The message once it is no longer pending, as it is then. */
  async settled(id: string, is = (message: Row): boolean => message.status !== 'pending'): Promise<Row> {
    for (const end = Date.now() + 30_000; Date.now() < end; await sleep(20)) {
      const { body } = await this.company.agent.get(`/whatsapp/messages/${id}`).expect(200);
      if (is(body as Row)) return body as Row;
    }
    throw new Error('the message did not become what was waited for');
  }

  /** What left for this number's customers. */
  sent(): Record<string, unknown>[] {
    return this.evolution.simulator
      .sent()
      .filter(({ phone_number_id }) => phone_number_id === this.number.instance)
      .map(({ body }) => body);
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

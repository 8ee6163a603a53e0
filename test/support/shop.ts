import { setTimeout as sleep } from 'node:timers/promises';
import request from 'supertest';
import { InboundWorker } from '#modules/conversations/filing/inbound.worker';
import type { ThreadMessage } from '#modules/simulator/threads';
import { Desk, type Row } from './desk';
import { EVOLUTION_KEY, type FakeEvolution } from './fake-evolution';
import { numberInput } from './fake-meta';
import { digits } from './official-number';
import type { Street } from './qrcode-shop';
import type { Company, World } from './world';

export interface Customer {
  /** Digits, as they write it. */
  from: string;
  name: string;
}

/** A shop whose number the simulator knows, of whichever kind, and who writes to it. */
export class Shop extends Desk {
  constructor(
    w: World,
    company: Company,
    readonly evolution: FakeEvolution,
    readonly number: { id: string; phone_number: string },
    /** What the simulator calls its number: an instance, or the id Meta gave it. */
    readonly line: string,
  ) {
    super(w, company);
  }

  customer(values: Partial<Customer> = {}): Customer {
    return { from: `55119${digits(8).replace(/^./, '8')}`, name: 'Ana Souza', ...values };
  }

  /** What somebody writes, filed. Answers the provider's id. */
  async writes(who: Customer, message: object): Promise<string> {
    const { body } = await request(this.evolution.url)
      .post('/api/control/customer-message')
      .send({ phone_number_id: this.line, ...who, wait: true, ...message })
      .expect(202);
    await this.idle();
    return (body as { message_id: string }).message_id;
  }

  text(who: Customer, body: string, more: object = {}): Promise<string> {
    return this.writes(who, { type: 'text', text: { body }, ...more });
  }

  /** Everything told is told, and what it means is done. */
  async idle(): Promise<void> {
    await this.evolution.simulator.settled();
    await this.w.app.get(InboundWorker).idle();
  }

  /** What somebody's phone shows of their chat with us. */
  phone({ from }: Customer): ThreadMessage[] {
    const { customers, threads } = this.evolution.simulator;
    return threads.get(this.line, customers.find(from)?.key ?? from).messages;
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
      .filter(({ phone_number_id }) => phone_number_id === this.line)
      .map(({ body }) => body);
  }
}

/** A shop with a number of Meta's. */
export async function officialShop({ world, evolution }: Street): Promise<Shop> {
  const w = await world();
  const known = evolution.simulator.addNumber({
    phone_number_id: digits(15),
    waba_id: digits(15),
    display_phone_number: `+55 11 4${digits(7)}`,
    verified_name: 'Padaria Central',
  });
  const { body: number } = await w.acme.admin.post('/whatsapp', numberInput(known, EVOLUTION_KEY)).expect(201);
  return new Shop(w, w.acme, evolution, number as Shop['number'], known.phone_number_id);
}

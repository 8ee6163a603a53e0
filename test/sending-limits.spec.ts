import { setTimeout as sleep } from 'node:timers/promises';
import { Actor, Role } from '#common/actor';
import { newId } from '#common/uuid';
import { DueRows } from '#database/due-rows';
import { InboundWorker } from '#modules/conversations/filing/inbound.worker';
import { composeRequest } from '#modules/conversations/messages/compose';
import { SenderType } from '#modules/conversations/messages/message.entity';
import { SendMessage } from '#modules/conversations/messages/send-message';
import type { Sender } from '#modules/conversations/messages/sender';
import { type FakeMeta, META_SECRET, META_TOKEN, fakeMeta } from './support/fake-meta';
import { postWebhook } from './support/inbox';
import { metaPayload } from './support/meta-payloads';
import { digits } from './support/official-number';
import { type Person, type World, world } from './support/world';

let meta: FakeMeta;

beforeAll(async () => {
  meta = await fakeMeta();
});

afterAll(() => meta.close());

/** A number on which so many customers wrote just now. */
class Line {
  private constructor(
    readonly w: World,
    readonly id: string,
    readonly phone_number_id: string,
    /** Their conversations. */
    readonly threads: string[],
  ) {}

  static async open(w: World, customers: number, settings: object = {}, company = w.acme): Promise<Line> {
    const known = meta.number(`+55 11 4${digits(7)}`);
    const { display_phone_number, phone_number_id, waba_id } = known;
    const { body } = await company.admin
      .post('/whatsapp', {
        phone_number: display_phone_number,
        phone_number_id,
        whatsapp_business_account_id: waba_id,
        access_token: META_TOKEN,
        app_secret: META_SECRET,
        settings,
      })
      .expect(201);
    const people = Array.from({ length: customers }, () => `5511${digits(9).replace(/^./, '9')}`);
    const written = people.map((from) => metaPayload.text({ from, user_id: `BR.${from}`, phone_number_id, waba_id }));
    const webhook = { object: 'whatsapp_business_account', entry: written.flatMap(({ entry }) => entry) };
    await postWebhook(w, webhook, { secret: META_SECRET }).expect(200);
    await w.app.get(InboundWorker).idle();
    const threads = await w.sql<{ id: string }>('SELECT id FROM conversations WHERE whatsapp_number_id = $1', [body.id]);
    return new Line(
      w,
      String(body.id),
      phone_number_id,
      threads.map(({ id }) => id),
    );
  }

  /** Nothing leaves, until `release`: as when Meta has asked for a pause. */
  async hold(): Promise<void> {
    await this.w.sql("UPDATE whatsapp_numbers SET paused_until = now() + interval '4 minutes' WHERE id = $1", [this.id]);
  }

  async release(): Promise<void> {
    await this.w.sql('UPDATE whatsapp_numbers SET paused_until = NULL WHERE id = $1', [this.id]);
  }

  /** As a room above says something; answers the message's id. */
  async say(thread: string, sender: Sender): Promise<string> {
    const { organization_id, id } = this.w.acme.agent.user;
    const actor = sender.type === SenderType.agent ? new Actor(organization_id, Role.agent, id) : Actor.system(organization_id);
    return (await this.w.app.get(SendMessage).toConversation(actor, sender, thread, composeRequest({ content: 'Olá!' }))).id;
  }

  /** The messages Meta took, in its order. */
  taken(): (string | null)[] {
    return meta.simulator
      .sent()
      .filter((sent) => sent.phone_number_id === this.phone_number_id)
      .map((sent) => sent.biz_opaque_callback_data);
  }

  /** The same, once it has taken so many. */
  async took(count: number): Promise<(string | null)[]> {
    while (this.taken().length < count) {
      await this.w.app.get(DueRows).sweep();
      await sleep(50);
    }
    await this.w.app.get(DueRows).idle();
    return this.taken();
  }
}

const CAMPAIGN: Sender = { type: SenderType.campaign, campaign_id: newId() };
const PERSON: Sender = { type: SenderType.agent };

const reply = async (agent: Person, thread: string): Promise<string> =>
  (await agent.post(`/conversations/${thread}/messages`, { content: 'Já vai!' }).expect(201)).body.id as string;

describe('a sender', () => {
  it('is what the message says', async () => {
    const w = await world(meta.env);
    const line = await Line.open(w, 1);
    const [thread] = line.threads;
    const session = { flow_id: newId(), session_id: newId(), node_id: 'saudacao' };

    await line.say(thread, { type: SenderType.bot, session });
    await line.say(thread, CAMPAIGN);
    await line.say(thread, { type: SenderType.system });
    await reply(w.acme.agent, thread);
    const { body } = await w.acme.agent.get(`/conversations/${thread}/messages`).expect(200);

    const { id: sender_user_id, full_name: sender_name } = w.acme.agent.user;
    expect(body.items.slice(1)).toEqual([
      expect.objectContaining({ sender_type: 'bot', sender_user_id: null, metadata: session }),
      expect.objectContaining({ sender_type: 'campaign', sender_user_id: null, campaign_id: CAMPAIGN.campaign_id }),
      expect.objectContaining({ sender_type: 'system', sender_user_id: null }),
      expect.objectContaining({ sender_type: 'agent', sender_user_id, sender_name }),
    ]);
    expect((await w.acme.agent.get(`/conversations/${thread}`)).body).toMatchObject({ messages_from_agent: 1, messages_from_bot: 1 });
  });
});

describe('of the messages that wait for a number', () => {
  // So many leave side by side: which of them Meta sees first is the network's.
  const AT_ONCE = 20;

  it('a reply does not wait for a campaign of 500', async () => {
    const w = await world(meta.env);
    const line = await Line.open(w, 501);
    const [answered, ...others] = line.threads;
    await line.hold();
    for (const thread of others) await line.say(thread, CAMPAIGN);
    const id = await reply(w.acme.agent, answered);

    await line.release();
    const taken = await line.took(501);

    expect(taken.indexOf(id)).toBeLessThan(AT_ONCE);
    expect(taken).toHaveLength(501);
    expect(new Set(taken).size).toBe(501);
  });

  it('those of a campaign do not wait for ever', async () => {
    const w = await world(meta.env);
    const line = await Line.open(w, 151);
    const [first, ...others] = line.threads;
    await line.hold();
    const id = await line.say(first, CAMPAIGN);
    for (const thread of others) await line.say(thread, PERSON);

    await line.release();
    const taken = await line.took(151);

    expect(taken.indexOf(id)).toBeLessThan(151 - 2 * AT_ONCE);
  });

  it('what comes before a reply in its conversation leaves before it, and waits for no campaign either', async () => {
    const w = await world(meta.env);
    const line = await Line.open(w, 61);
    await line.hold();
    const campaign: string[] = [];
    for (const thread of line.threads) campaign.push(await line.say(thread, CAMPAIGN));
    const id = await reply(w.acme.agent, line.threads[60]);

    await line.release();
    const taken = await line.took(62);

    const [before, after] = [taken.indexOf(campaign[60]), taken.indexOf(id)];
    expect(before).toBeLessThan(after);
    expect(after).toBeLessThan(2 * AT_ONCE);
  });
});

describe("an organization's flood", () => {
  it('holds nobody else’s sends', async () => {
    const w = await world(meta.env);
    const flood = await Line.open(w, 300);
    const quiet = await Line.open(w, 1, {}, w.globex);
    await w.sql("UPDATE whatsapp_numbers SET throughput = 'HIGH' WHERE id = $1", [flood.id]);
    await flood.hold();
    for (const thread of flood.threads) await flood.say(thread, CAMPAIGN);

    await flood.release();
    await w.app.get(DueRows).sweep();
    const id = await reply(w.globex.agent, quiet.threads[0]);
    while (!quiet.taken().length) await sleep(10);
    const before = flood.taken().length;

    expect(quiet.taken()).toEqual([id]);
    expect(before).toBeLessThan(300);
    expect(new Set(await flood.took(300)).size).toBe(300);
  });
});

describe("a number's limit", () => {
  it('holds: what is above it waits unclaimed, other numbers go on, and it leaves once when the limit is lifted', async () => {
    const w = await world(meta.env);
    const limited = await Line.open(w, 12, { rate_limits: { minute: 5 } });
    const free = await Line.open(w, 1);
    const ids = await Promise.all(limited.threads.map((thread) => reply(w.acme.agent, thread)));

    await limited.took(5);
    const other = await reply(w.acme.agent, free.threads[0]);
    expect(await free.took(1)).toEqual([other]);
    expect(limited.taken()).toHaveLength(5);
    const waiting = await w.sql(
      `SELECT count(*)::int FROM outbound_sends o JOIN messages m ON m.id = o.message_id
        WHERE o.whatsapp_number_id = $1 AND o.claimed_at IS NULL AND o.attempts = 0 AND m.status = 'pending'`,
      [limited.id],
    );
    expect(waiting).toEqual([{ count: 7 }]);

    await w.acme.admin.put(`/whatsapp/${limited.id}`, { settings: { rate_limits: null } }).expect(200);
    expect((await limited.took(12)).sort()).toEqual(ids.sort());
  });

  it('follows the throughput Meta tells', async () => {
    const w = await world(meta.env);
    const line = await Line.open(w, 1);

    await w.acme.admin.post(`/whatsapp/${line.id}/test`).expect(200);

    expect(await w.sql('SELECT throughput FROM whatsapp_numbers WHERE id = $1', [line.id])).toEqual([{ throughput: 'STANDARD' }]);
    expect((await w.acme.admin.get(`/whatsapp/${line.id}`)).body).not.toHaveProperty('throughput');
  });
});

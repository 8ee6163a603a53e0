import { setTimeout as sleep } from 'node:timers/promises';
import type request from 'supertest';
import { Actor, Role } from '#common/actor';
import { Unavailable } from '#common/errors';
import { newId } from '#common/uuid';
import { DueRows } from '#database/due-rows';
import { InboundWorker } from '#modules/conversations/filing/inbound.worker';
import { composeRequest } from '#modules/conversations/messages/compose';
import { SenderType } from '#modules/conversations/messages/message.entity';
import { SendMessage } from '#modules/conversations/messages/send-message';
import type { Sender } from '#modules/conversations/messages/sender';
import { PortfolioLimit } from '#modules/whatsapp/limits/portfolio-limit';
import { type FakeMeta, META_SECRET, fakeMeta, numberInput } from './support/fake-meta';
import { postWebhook } from './support/inbox';
import { metaPayload } from './support/meta-payloads';
import { digits } from './support/official-number';
import { type Person, type World, errorOf, world, wrongField } from './support/world';

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
    const { phone_number_id, waba_id } = known;
    const { body } = await company.admin.post('/whatsapp', { ...numberInput(known), settings }).expect(201);
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

const BOT: Sender = { type: SenderType.bot, session: { flow_id: newId(), session_id: newId(), node_id: 'saudacao' } };

describe('to one person', () => {
  it('a bot is ahead of Meta’s pace by no more than it lets through, and fails nothing', async () => {
    const w = await world(meta.env);
    const line = await Line.open(w, 2);
    const [thread, other] = line.threads;
    meta.simulator.options.pair_limit = true;

    for (let n = 0; n < 46; n++) await line.say(thread, BOT);
    const last = await line.say(other, BOT);
    const taken = await line.took(46);
    meta.simulator.options.pair_limit = false;

    expect(taken).toContain(last);
    expect(
      await w.sql('SELECT status, count(*)::int FROM messages WHERE conversation_id = $1 AND direction = $2 GROUP BY 1 ORDER BY 1', [
        thread,
        'outgoing',
      ]),
    ).toEqual([
      { status: 'pending', count: 1 },
      { status: 'sent', count: 45 },
    ]);
    expect(await w.sql('SELECT claimed_at, attempts FROM outbound_sends WHERE conversation_id = $1', [thread])).toEqual([
      { claimed_at: null, attempts: 0 },
    ]);
  });

  it('campaigns keep six seconds apart, also from what others said; a reply keeps none', async () => {
    const w = await world(meta.env);
    const line = await Line.open(w, 3);
    const [twice, answered, other] = line.threads;
    const first = await line.say(twice, CAMPAIGN);
    await line.say(twice, CAMPAIGN);
    const replies = [await reply(w.acme.agent, answered), await reply(w.acme.agent, answered)];
    await line.say(answered, CAMPAIGN);

    const taken = await line.took(3);
    const last = await line.say(other, CAMPAIGN);

    expect([...taken].sort()).toEqual([first, ...replies].sort());
    expect((await line.took(4)).slice(3)).toEqual([last]);
  });
});

describe("an account's messaging limit", () => {
  const phone = (): string => `+55119${digits(8)}`;

  /** Two numbers of one account that may write to so many people, and how to do so. */
  async function account(daily: number) {
    const w = await world(meta.env);
    const lines = [await Line.open(w, 1, { rate_limits: { daily } }), await Line.open(w, 1, { rate_limits: { daily } })];
    const [{ waba_id }] = await w.sql<{ waba_id: string }>(
      'SELECT whatsapp_business_account_id AS waba_id FROM whatsapp_numbers WHERE id = $1',
      [lines[0].id],
    );
    await w.sql('UPDATE whatsapp_numbers SET whatsapp_business_account_id = $2 WHERE id = $1', [lines[1].id, waba_id]);
    for (const { id } of lines) await w.acme.admin.post(`/whatsapp/${id}/templates/sync`).expect(200);
    const greet = async (line: Line, to = phone()): Promise<string> => {
      const { body } = await w.acme.agent
        .post('/whatsapp/send-template', { to, whatsapp_number_id: line.id, template_name: 'hello_world', language: 'en_US' })
        .expect(201);
      return body.message_id as string;
    };
    return { w, lines, greet };
  }

  it('is shared by its numbers: who comes after it waits unclaimed, administrators are told once, replies go on', async () => {
    const { w, lines, greet } = await account(4);
    const [one, two] = lines;

    const ids = await Promise.all(Array.from({ length: 10 }, (_, n) => greet(lines[n % 2])));
    while (one.taken().length + two.taken().length < 4) await sleep(20);
    await w.app.get(DueRows).idle();

    expect(one.taken().length + two.taken().length).toBe(4);
    const waiting = await w.sql<{ is_later: boolean }>(
      `SELECT o.due_at > now() + interval '23 hours' AS is_later, o.claimed_at, o.attempts, m.status FROM outbound_sends o JOIN messages m ON m.id = o.message_id WHERE o.message_id = ANY($1)`,
      [ids],
    );
    expect(waiting).toEqual(Array.from({ length: 6 }, () => ({ is_later: true, claimed_at: null, attempts: 0, status: 'pending' })));
    const answer = await reply(w.acme.agent, one.threads[0]);
    expect(await one.took(one.taken().length + 1)).toContain(answer);
    const { body } = await w.acme.viewer.get(`/whatsapp/${two.id}/rate-limit/usage`).expect(200);
    expect(body).toMatchObject({
      usage: { daily: { used: 4, limit: 4, remaining: 0, percentage: 100 } },
      can_send_now: true,
      rate_limit_reason: 'daily',
      degraded: false,
    });
    expect(body.retry_after_seconds).toBeGreaterThan(23 * 3600);
    expect(
      await w.sql("SELECT 1 FROM notifications WHERE organization_id = $1 AND type = 'whatsapp_limit_reached'", [w.acme.id]),
    ).toHaveLength(1);

    const before = two.taken().length;
    await w.sql("UPDATE whatsapp_numbers SET settings = '{}' WHERE id = $1", [two.id]);
    await w.acme.admin.post(`/whatsapp/${one.id}/rate-limit/reset`).expect(200);
    await two.took(5);
    expect(before).toBeLessThan(5);
  });

  it('counts a person once a day, and nobody who wrote', async () => {
    const { w, lines, greet } = await account(1);
    const [line] = lines;
    const to = phone();
    await greet(line, to);
    await greet(line, to);
    await line.took(2);
    const [{ whatsapp_id }] = await w.sql<{ whatsapp_id: string }>(
      'SELECT p.whatsapp_id FROM conversations c JOIN contacts p ON p.id = c.contact_id WHERE c.id = $1',
      [line.threads[0]],
    );
    await greet(line, whatsapp_id);

    await line.took(3);
    expect((await w.acme.viewer.get(`/whatsapp/${line.id}/rate-limit/usage`)).body.usage.daily).toMatchObject({ used: 1, remaining: 0 });
  });

  it('may be set beyond all people there are, and no further', async () => {
    const { w, lines, greet } = await account(1);
    const [line] = lines;
    const limits = (daily: number): request.Test => w.acme.admin.put(`/whatsapp/${line.id}`, { settings: { rate_limits: { daily } } });
    await limits(1_000_000_001).expect(wrongField('body', 'settings', 'rate_limits', 'daily'));
    await limits(1_000_000_000).expect(200);
    // As it could be set once.
    await w.sql(
      `UPDATE whatsapp_numbers SET settings = '{"rate_limits": {"daily": 1e12, "hourly": 1e300, "minute": 1e18}}' WHERE id = $1`,
      [line.id],
    );

    const ids = [await greet(line), await greet(line)];

    expect((await line.took(2)).sort()).toEqual(ids.sort());
  });

  it('is asked again where the database was away when it was asked', async () => {
    const { w, lines, greet } = await account(1);
    const [line] = lines;
    const asked = jest.spyOn(w.app.get(PortfolioLimit), 'admit').mockRejectedValueOnce(new Unavailable());

    const id = await greet(line);

    expect(await line.took(1)).toEqual([id]);
    asked.mockRestore();
  });

  it('lets a template go that waits for it once the customer writes', async () => {
    const { w, lines, greet } = await account(1);
    const [line] = lines;
    await greet(line);
    await line.took(1);
    const to = phone();
    const id = await greet(line, to);
    while (!(await w.sql("SELECT 1 FROM outbound_sends WHERE message_id = $1 AND due_at > now() + interval '1 hour'", [id])).length)
      await sleep(20);

    const { waba_id } = meta.simulator.number(line.phone_number_id);
    await postWebhook(
      w,
      metaPayload.text({ from: to.slice(1), user_id: `BR.${to.slice(1)}`, phone_number_id: line.phone_number_id, waba_id }),
      { secret: META_SECRET },
    ).expect(200);
    await w.app.get(InboundWorker).idle();
    const [{ conversation_id }] = await w.sql<{ conversation_id: string }>('SELECT conversation_id FROM messages WHERE id = $1', [id]);
    const answer = await reply(w.acme.agent, conversation_id);

    expect((await line.took(3)).slice(1)).toEqual([id, answer]);
  });
});

describe('the usage of a number', () => {
  it('says what was sent, what is left and what keeps it', async () => {
    const w = await world(meta.env);
    const line = await Line.open(w, 2, { rate_limits: { hourly: 5 } });
    const usage = async (): Promise<Record<string, unknown>> =>
      (await w.acme.viewer.get(`/whatsapp/${line.id}/rate-limit/usage`).expect(200)).body as Record<string, unknown>;
    expect(await usage()).toMatchObject({
      whatsapp_number_id: line.id,
      usage: {
        daily: { used: 0, limit: 2000, remaining: 2000, percentage: 0, resets_at: null },
        hourly: { used: 0, limit: 5, remaining: 5, percentage: 0, resets_at: null },
        minute: { used: 0, limit: 4800 },
        min_delay_seconds: null,
      },
      can_send_now: true,
      rate_limit_reason: null,
      retry_after_seconds: null,
    });

    for (const thread of line.threads) await reply(w.acme.agent, thread);
    await line.took(2);
    expect((await usage()).usage).toMatchObject({
      hourly: { used: 2, remaining: 3, percentage: 40, resets_at: expect.any(String) as string },
    });

    await line.hold();
    expect(await usage()).toMatchObject({ can_send_now: false, rate_limit_reason: 'paused' });
    // A pause is waited for.
    await reply(w.acme.agent, line.threads[0]);
    await line.release();
    await w.acme.admin.post(`/whatsapp/${line.id}/deactivate`).expect(200);
    expect(await usage()).toMatchObject({ can_send_now: false, rate_limit_reason: 'number_inactive', retry_after_seconds: null });
  });

  it('refuses a reply that the hour would keep for long, and begins at zero when told so', async () => {
    const w = await world(meta.env);
    const line = await Line.open(w, 1, { rate_limits: { hourly: 2 } });
    const [thread] = line.threads;
    await reply(w.acme.agent, thread);
    await reply(w.acme.agent, thread);
    await line.took(2);

    const { headers } = await w.acme.agent
      .post(`/conversations/${thread}/messages`, { content: 'Já vai!' })
      .expect(429)
      .expect(errorOf('whatsapp_rate_limited'));
    expect(Number(headers['retry-after'])).toBeGreaterThan(3000);
    expect((await w.acme.viewer.get(`/whatsapp/${line.id}/rate-limit/usage`)).body).toMatchObject({
      can_send_now: false,
      rate_limit_reason: 'hourly',
    });

    await w.acme.agent.post(`/whatsapp/${line.id}/rate-limit/reset`).expect(403);
    await w.globex.admin.post(`/whatsapp/${line.id}/rate-limit/reset`).expect(404);
    await w.globex.viewer.get(`/whatsapp/${line.id}/rate-limit/usage`).expect(404);
    await w.acme.admin.post(`/whatsapp/${line.id}/rate-limit/reset`).expect(200);
    await reply(w.acme.agent, thread);
    await line.took(3);
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

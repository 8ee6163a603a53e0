import { newId } from '#common/uuid';
import { SendLine, type Waiting } from './send-line';
import { Lane } from '#modules/whatsapp/limits/lane';

/** Longer than any test. */
const MS = 600_000;
const MAX = 50;

const waiting = (lane: Lane, conversation_id: string = newId()): Waiting => ({ lane, conversation_id, message_id: newId() });

/** Everything the line gives, each done before the next. */
function all(line: SendLine): string[] {
  const taken: string[] = [];
  for (let next = line.take(); next; next = line.take()) {
    taken.push(next.conversation_id);
    line.done(next, null);
  }
  return taken;
}

describe('the line of a number', () => {
  it('needs no look for those it was told of, and gives the better lane first', () => {
    const line = new SendLine();
    const [campaign, bot, first, second] = [waiting(Lane.campaign), waiting(Lane.machine), waiting(Lane.person), waiting(Lane.person)];

    for (const next of [campaign, bot, first, second]) line.add(next);

    expect(line.must_look).toBe(false);
    expect(all(line)).toEqual([first, second, bot, campaign].map(({ conversation_id }) => conversation_id));
    expect(line.is_idle).toBe(true);
  });

  it('gives a turn in ten to who waits longest', () => {
    const line = new SendLine();
    const campaign = waiting(Lane.campaign);
    line.add(campaign);
    for (let n = 0; n < 20; n++) line.add(waiting(Lane.person));

    expect(all(line).indexOf(campaign.conversation_id)).toBe(9);
  });

  it('gives a conversation once at a time, and again for what came meanwhile', () => {
    const line = new SendLine();
    const first = waiting(Lane.person);
    const second = waiting(Lane.person, first.conversation_id);
    line.add(first);
    line.add(second);

    expect(line.take()).toEqual(first);
    const third = waiting(Lane.campaign, first.conversation_id);
    line.add(third);
    expect(line.take()).toBeNull();
    line.done(first, second);
    expect(line.take()).toEqual(second);
    line.add(third);
    line.add(waiting(Lane.campaign, first.conversation_id));
    line.done(second, null);
    expect(line.take()).toEqual(third);
  });

  it('moves a conversation to the better lane of its next message', () => {
    const line = new SendLine();
    const [campaign, bot] = [waiting(Lane.campaign), waiting(Lane.machine)];
    for (const next of [campaign, bot, waiting(Lane.person, campaign.conversation_id)]) line.add(next);

    expect(all(line)).toEqual([campaign.conversation_id, bot.conversation_id]);
  });

  it('gives a conversation the turn of the best that came while it was under way', () => {
    const line = new SendLine();
    const [campaign, other] = [waiting(Lane.campaign), waiting(Lane.machine)];
    line.add(campaign);
    line.take();
    line.add(other);
    line.add(waiting(Lane.person, campaign.conversation_id));
    line.add(waiting(Lane.campaign, campaign.conversation_id));
    line.done(campaign, waiting(Lane.campaign, campaign.conversation_id));

    expect(all(line)).toEqual([campaign.conversation_id, other.conversation_id]);
  });

  it('looks again where the table has more than it was shown, and keeps their order', async () => {
    const line = new SendLine();
    const shown = Array.from({ length: MAX }, () => waiting(Lane.campaign));
    const person = waiting(Lane.person);
    line.open();

    expect(line.must_look).toBe(true);
    await line.look(() => Promise.resolve(shown), MAX);
    line.add(waiting(Lane.campaign));
    line.add(person);

    expect(line.must_look).toBe(false);
    expect(all(line).sort()).toEqual([person, ...shown].map(({ conversation_id }) => conversation_id).sort());
    expect(line.must_look).toBe(true);
  });

  it('keeps who comes while it looks', async () => {
    const line = new SendLine();
    line.open();
    const late = waiting(Lane.person);
    await line.look(() => {
      line.add(late);
      return Promise.resolve([]);
    }, MAX);

    expect(line.must_look).toBe(false);
    expect(line.take()).toEqual(late);
  });

  it('looks anew where the table did not answer', async () => {
    const line = new SendLine();
    line.open();

    await expect(line.look(() => Promise.reject(new Error('away')), MAX)).rejects.toThrow('away');

    expect(line.must_look).toBe(true);
  });

  it('asks the table once it opens again, not before', () => {
    const line = new SendLine();
    line.add(waiting(Lane.person));

    line.close(MS);
    expect(line.wait_ms).toBeGreaterThan(0);
    line.add(waiting(Lane.person));
    expect(line.wait_ms).toBeGreaterThan(0);
    expect(line.take()).toBeNull();

    line.open();
    expect(line.wait_ms).toBe(0);
    expect(line.must_look).toBe(true);
  });

  it('does not look for a conversation under way, waiting for its time, or left to another process', async () => {
    const line = new SendLine();
    const [busy, late, lost] = [waiting(Lane.person), waiting(Lane.person), waiting(Lane.person)];
    for (const next of [late, lost, busy]) line.add(next);
    for (const next of [late, lost]) expect(line.take()).toEqual(next);
    line.wait(late.conversation_id, MS);
    line.done(late, waiting(Lane.person, late.conversation_id));
    line.leave(lost.conversation_id);
    line.done(lost, null);
    line.take();

    let but: string[] = [];
    await line.look((known) => {
      but = known;
      return Promise.resolve([]);
    }, MAX);

    expect(but.sort()).toEqual([busy, late, lost].map(({ conversation_id }) => conversation_id).sort());
    expect(line.wait_ms).toBeGreaterThan(0);
    line.done(busy, null);
    expect(line.is_idle).toBe(false);
  });
});

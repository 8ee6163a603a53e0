import { Bounded } from '#common/bounded';
import { Lane } from '#modules/whatsapp/limits/lane';

/** A conversation with something to send. */
export interface Waiting {
  conversation_id: string;
  /** The best lane of its messages that wait, and that lane's first: its age. What is before that one goes with it. */
  lane: Lane;
  message_id: string;
}

/** Conversations of a lane that are known to wait, the first first, with their message's id. */
interface Known {
  waiting: Map<string, string>;
  /** Others wait in the table before whoever comes now. */
  has_more: boolean;
}

/** More than these are not kept here: the table has them. */
const KNOWN_MAX = 500;
/** One turn in so many goes by age alone, so that no lane waits for ever. */
const BY_AGE = 10;
/** Longer than this the table remembers better: what made somebody wait may end before its time. */
const DUE_MS = 60_000;
/** Who lost a claim to another process leaves the conversation to it for so long. */
const OTHERS_MS = 1000;

/**
 * What one process knows of the messages that wait for a number. The table's rows are the line, of all processes; this is its front, told by those
 * who write them. So they are looked for only where somebody waits of whom this process was not told, or has kept no note.
 */
export class SendLine {
  private readonly lanes: Known[] = [Lane.person, Lane.machine, Lane.campaign].map(() => ({ waiting: new Map(), has_more: false }));
  /** Conversations somebody of this process sends in, with the best that came for them meanwhile. */
  private readonly under_way = new Map<string, Waiting | null>();
  /** When a conversation's next message becomes due. */
  private readonly due = new Bounded<string, number>({ count: KNOWN_MAX });
  /** Until when a conversation is left to another process. */
  private readonly others = new Bounded<string, number>({ count: KNOWN_MAX });
  private closed_until = 0;
  private turns = 0;
  private looks = 0;

  /** Somebody waits now, as who wrote the row says. */
  add(next: Waiting): void {
    const { conversation_id, message_id, lane } = next;
    const came = this.under_way.get(conversation_id);
    if (came === null || (came && lane < came.lane)) this.under_way.set(conversation_id, next);
    if (came !== undefined) return;
    const { waiting, has_more } = this.lanes[lane];
    if (this.lanes.slice(0, lane + 1).some((better) => better.waiting.has(conversation_id))) return;
    // What was before it in the conversation goes with it.
    for (const lesser of this.lanes.slice(lane + 1)) lesser.waiting.delete(conversation_id);
    if (has_more || waiting.size >= KNOWN_MAX) this.lanes[lane].has_more = true;
    else waiting.set(conversation_id, message_id);
  }

  /** The best lane's first, ours until `done`; null: nobody is known to wait. */
  take(): Waiting | null {
    const firsts = this.lanes.flatMap(({ waiting }, lane) => {
      const [first] = waiting;
      return first ? [{ conversation_id: first[0], message_id: first[1], lane }] : [];
    });
    if (!firsts.length) return null;
    // Ids of messages are in the order of their creation.
    const next = ++this.turns % BY_AGE ? firsts[0] : firsts.reduce((a, b) => (b.message_id < a.message_id ? b : a));
    this.lanes[next.lane].waiting.delete(next.conversation_id);
    this.under_way.set(next.conversation_id, null);
    return next;
  }

  /** It was sent, or could not be; `next` waits behind it in the conversation. */
  done({ conversation_id }: Waiting, next: Waiting | null): void {
    const came = this.under_way.get(conversation_id);
    this.under_way.delete(conversation_id);
    if (this.due.has(conversation_id)) return;
    // The better of the two.
    for (const again of [next, came]) if (again) this.add(again);
  }

  /** The conversation's next message is due then only. */
  wait(conversation_id: string, ms: number): void {
    this.due.set(conversation_id, Date.now() + Math.min(Math.ceil(ms), DUE_MS));
  }

  /** Another process is at it, and goes on with the rest. */
  leave(conversation_id: string): void {
    this.others.set(conversation_id, Date.now() + OTHERS_MS);
  }

  /** Nothing may leave for so long. Others wait for the same, so who is first then is asked of the table. */
  close(ms: number): void {
    this.closed_until = Math.max(this.closed_until, Date.now() + Math.ceil(ms));
    this.forget();
  }

  /** Something waits of which nobody told us: the table knows what. */
  open(): void {
    this.closed_until = 0;
    this.forget();
  }

  /** Asks the table for who waits, but for those of whom more is known than that; at most so many of each lane. Who comes meanwhile is kept. */
  async look(ask: (but: string[]) => Promise<Waiting[]>, max: number): Promise<void> {
    const now = Date.now();
    for (const away of [this.due, this.others]) for (const [id, until] of away) if (until <= now) away.delete(id);
    for (const lane of this.lanes) lane.has_more = false;
    this.looks++;
    try {
      const rows = await ask([...this.under_way.keys(), ...this.due.keys(), ...this.others.keys()]);
      for (const row of rows) this.add(row);
      this.lanes.forEach((known, lane) => (known.has_more ||= rows.filter((row) => row.lane === lane).length === max));
    } catch (error) {
      this.forget();
      throw error;
    } finally {
      this.looks--;
    }
  }

  /** Who is next is not known. */
  get must_look(): boolean {
    return this.nextDue() <= Date.now() || this.lanes.some(({ waiting, has_more }) => has_more && !waiting.size);
  }

  /** In how many milliseconds something may be done; null: when somebody comes. */
  get wait_ms(): number | null {
    const now = Date.now();
    const is_waiting = this.lanes.some(({ waiting, has_more }) => has_more || waiting.size);
    const at = Math.max(this.closed_until, is_waiting ? now : this.nextDue());
    return at === Infinity ? null : Math.max(0, at - now);
  }

  /** Nothing that would have to be remembered. */
  get is_idle(): boolean {
    return !this.under_way.size && !this.looks && this.wait_ms === null;
  }

  private nextDue(): number {
    return Math.min(Infinity, ...this.due.values(), ...this.others.values());
  }

  private forget(): void {
    for (const known of this.lanes) {
      known.waiting.clear();
      known.has_more = true;
    }
  }
}

import { setImmediate as nextTurn } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import type { Counter } from 'prom-client';
import type { Tx } from '#database/database';
import { Raced, isDatabaseDown, isUndone, violatedIndex } from '#database/database-errors';
import { ContactNews } from '#modules/contacts/contact-news';
import { FetchMedia } from '#modules/whatsapp/media/fetch-media';
import { type FiledNumber, NumberDirectory } from '#modules/whatsapp/numbers/number-directory';
import type { InboundMessage, ParsedChange, StatusUpdate } from '#modules/whatsapp/parsed-change';
import { Providers } from '#modules/whatsapp/providers';
import type { Outcome, WaitingEvent } from '#modules/whatsapp/receipt/inbound-store';
import { NumberConnections } from '#modules/whatsapp/numbers/number-connections';
import { applyAccount, noteErrors } from '#modules/whatsapp/numbers/number-news';
import { TemplateNews } from '#modules/whatsapp/templates/template-news';
import { Metrics } from '#observability/metrics';
import type { Message } from '../messages/message.entity';
import { Batch, type Item } from './batch';
import { parkPoison, unpark } from './parking';
import { applyEcho, applyPreference, applyPresence, applyProfile, applySystem, applyToMessage, applyUserId } from './single-items';
import { applyStatuses } from './statuses';
import { fileMessages } from './threads';

interface Work {
  items: Item[];
  outcomes: Outcome[];
}

/** Items in one transaction: a message is seen soon, and so is the next organization's. */
const BATCH_ITEMS = 500;
/** Each is a savepoint and statements of its own. */
const SINGLE_ITEMS = 50;
/** Read in one turn of the event loop; one body may be larger. */
const READ_BYTES = 256 * 1024;

/** Files kept webhooks into the inbox: set-based, in order, repeatable, within the caller's transaction. */
@Injectable()
export class Filing {
  private readonly logger = new Logger(Filing.name);
  private readonly ignored: Counter<'reason'>;

  constructor(
    private readonly numbers: NumberDirectory,
    private readonly contacts: ContactNews,
    private readonly media: FetchMedia,
    private readonly providers: Providers,
    private readonly templates: TemplateNews,
    private readonly connections: NumberConnections,
    metrics: Metrics,
  ) {
    this.ignored = metrics.counter('inbound_events_ignored_total');
  }

  /** All at once; one bad item fails the batch (then `fileOneByOne`). */
  async file(tx: Tx, waiting: readonly WaitingEvent[]): Promise<Outcome[]> {
    const batch = new Batch(tx, this.contacts, this.media, this.providers);
    const { items, outcomes } = await this.read(batch, waiting, BATCH_ITEMS);
    await this.apply(batch, items);
    return outcomes;
  }

  /** Each item by itself; one that cannot be applied is parked and its neighbours go on. */
  async fileOneByOne(tx: Tx, waiting: readonly WaitingEvent[]): Promise<Outcome[]> {
    const batch = new Batch(tx, this.contacts, this.media, this.providers);
    const { items, outcomes } = await this.read(batch, waiting, SINGLE_ITEMS);
    for (const item of items) {
      for (let attempt = 1; ; attempt++) {
        try {
          await batch.tx.attempt(() => this.apply(batch, [item]));
          break;
        } catch (error) {
          if (isTransient(error)) throw error;
          if ((isRace(error) || isLate(error)) && attempt < RACE_TRIES) continue;
          await this.setAside(batch, item, error);
          break;
        }
      }
    }
    return outcomes;
  }

  private async setAside(batch: Batch, item: Item, error: unknown): Promise<void> {
    this.logger.error({ msg: 'inbound item parked', inbound_event_id: item.event_id, path: item.change.path, err: error });
    await parkPoison(batch, [{ item, error: (error as Error).message }]);
    this.ignored.labels('poison').inc();
  }

  /** Orphans whose message our own send named meanwhile. */
  async applyParked(tx: Tx): Promise<void> {
    const batch = new Batch(tx, this.contacts, this.media, this.providers);
    await this.applyOrphans(batch, await unpark(batch, null));
  }

  /** Bodies → items of the numbers their rows are for: `limit` in all, each organization its share, in order. What is left has another turn. */
  private async read(batch: Batch, waiting: readonly WaitingEvent[], limit: number): Promise<Work> {
    const numbers = await this.numbers.of(batch, waiting);
    const share = Math.ceil(limit / new Set(waiting.map((event) => event.organization_id)).size);
    const shares = new Map<string, number>();
    const items: Item[] = [];
    const outcomes: Outcome[] = [];
    let read_bytes = 0;
    for (const event of waiting) {
      const count = shares.get(event.organization_id) ?? share;
      if (count <= 0) continue;
      const number = numbers.get(event.whatsapp_number_id);
      if (!number) {
        outcomes.push({ id: event.id, state: 'ignored', reason: 'number_deleted', items_done: event.items_done });
        continue;
      }
      if ((read_bytes += event.body.length) > READ_BYTES) {
        await nextTurn();
        read_bytes = event.body.length;
      }
      // One more tells whether there is more.
      const changes = this.providers.of(number).parse(event.body, { from: event.items_done, count: count + 1 });
      const has_rest = changes.length > count;
      if (has_rest) changes.pop();
      shares.set(event.organization_id, has_rest ? 0 : count - changes.length);
      const own = changes.filter((change) => isFor(change, number));
      const used = own.filter((change) => change.kind !== 'ignored');
      for (const change of own) if (change.kind === 'ignored') this.ignored.labels(change.reason).inc();
      for (const change of used) items.push({ event_id: event.id, number, change: notAfter(event.received_at, change) });
      const is_used = used.length > 0 || event.items_done > 0;
      outcomes.push({
        id: event.id,
        state: has_rest ? 'received' : is_used ? 'processed' : 'ignored',
        reason: has_rest || is_used ? null : ignoredReason(own),
        items_done: event.items_done + changes.length,
      });
    }
    return { items, outcomes };
  }

  /** Messages and statuses between two rarer items go together; a rarer item waits for what came before it. */
  private async apply(batch: Batch, items: readonly Item[]): Promise<void> {
    let messages: Item<InboundMessage>[] = [];
    let statuses: Item<StatusUpdate>[] = [];
    const flush = async (): Promise<void> => {
      if (messages.length) {
        const filed = await fileMessages(batch, messages);
        messages = [];
        await this.applyOrphansOf(batch, filed);
      }
      if (statuses.length) {
        await applyStatuses(batch, statuses);
        statuses = [];
      }
    };
    for (const item of items) {
      const { change } = item;
      if (change.kind === 'message') messages.push({ ...item, change });
      else if (change.kind === 'status') statuses.push({ ...item, change });
      else {
        await flush();
        await this.applyOne(batch, item);
      }
    }
    await flush();
  }

  private async applyOne(batch: Batch, item: Item): Promise<void> {
    const { change } = item;
    switch (change.kind) {
      case 'message':
        return this.applyOrphansOf(batch, await fileMessages(batch, [{ ...item, change }]));
      case 'status':
        return applyStatuses(batch, [{ ...item, change }]);
      case 'reaction':
      case 'edit':
      case 'revoke':
        return applyToMessage(batch, { ...item, change }, change);
      case 'system':
        return applySystem(batch, { ...item, change });
      case 'echo':
        return this.applyOrphansOf(batch, await applyEcho(batch, { ...item, change }));
      case 'user_id':
        return applyUserId(batch, { ...item, change });
      case 'preference':
        return applyPreference(batch, { ...item, change });
      case 'template':
        return this.templates.apply(batch.tx, item.number.organization_id, change);
      case 'account':
        return applyAccount(batch.tx, item.number.organization_id, change);
      case 'errors':
        return noteErrors(batch.tx, item.number.organization_id, item.number.id, change);
      case 'connection':
        return this.connections.apply(batch.tx, item.number.organization_id, item.number.id, change);
      case 'pairing_code':
        return this.connections.keepCode(batch.tx, item.number.organization_id, item.number.id, change);
      case 'profile':
        return applyProfile(batch, { ...item, change });
      case 'presence':
        return applyPresence(batch, { ...item, change });
      case 'poison':
        this.ignored.labels('poison').inc();
        return parkPoison(batch, [{ item, error: change.reason }]);
      case 'ignored':
        return;
    }
  }

  /** What waited for these messages. */
  private async applyOrphansOf(batch: Batch, filed: readonly Message[]): Promise<void> {
    if (!filed.length) return;
    const arrived = filed.map((message) => ({
      organization_id: message.organization_id,
      whatsapp_number_id: message.whatsapp_number_id ?? '',
      provider_id: message.whatsapp_message_id ?? '',
    }));
    await this.applyOrphans(batch, await unpark(batch, arrived));
  }

  /** One that cannot be applied is set aside: the message it waited for is not to blame. */
  private async applyOrphans(batch: Batch, parked: Awaited<ReturnType<typeof unpark>>): Promise<void> {
    if (!parked.length) return;
    const numbers = await this.numbers.of(batch, parked);
    for (const orphan of parked) {
      const number = numbers.get(orphan.whatsapp_number_id);
      if (!number) continue;
      const item: Item = { event_id: orphan.inbound_event_id, number, change: orphan.item };
      try {
        await batch.tx.attempt(() => this.applyOne(batch, item));
      } catch (error) {
        if (error instanceof Raced || isTransient(error)) throw error;
        await this.setAside(batch, item, error);
      }
    }
  }
}

/** A clock of the provider's that runs ahead opens no longer window and stands in no thread's future. */
function notAfter(received_at: Date, change: ParsedChange): ParsedChange {
  switch (change.kind) {
    case 'message':
    case 'reaction':
    case 'edit':
    case 'revoke':
    case 'system':
      return change.timestamp > received_at ? { ...change, timestamp: received_at } : change;
    case 'echo': {
      if (change.timestamp <= received_at) return change;
      return { ...change, timestamp: received_at, event: { ...change.event, timestamp: received_at } };
    }
    default:
      return change;
  }
}

/** A change names its number, or only the account; one that names neither came through a door of the number's own. */
function isFor(change: ParsedChange, number: FiledNumber): boolean {
  if (change.phone_number_id !== null) return change.phone_number_id === number.phone_number_id;
  return change.waba_id === null || change.waba_id === number.waba_id;
}

function ignoredReason(own: readonly ParsedChange[]): string {
  const [first] = own;
  return first?.kind === 'ignored' ? `${first.reason}${first.field ? `: ${first.field}` : ''}`.slice(0, 500) : 'empty';
}

/** How often an item that lost a race, or took too long, is tried again before it is set aside. */
const RACE_TRIES = 3;

/** Somebody else wrote the same row at this instant: seen on the next try. */
export const isRace = (error: unknown): boolean => error instanceof Raced || violatedIndex(error) !== null;

/** lock_not_available, query_canceled: it took too long, for all of them or for one. */
const LATE = new Set(['55P03', '57014']);

export const isLate = (error: unknown): boolean => LATE.has((error as { code?: string } | null)?.code ?? '');

/** Not the item's fault: the same work may succeed a moment later. */
export const isTransient = (error: unknown): boolean => isUndone(error) || isDatabaseDown(error);

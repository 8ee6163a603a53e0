import { Injectable } from '@nestjs/common';
import { Actor } from '#common/actor';
import { eventCatalogue } from '#common/events';
import type { JsonObject } from '#common/json.scalar';
import type { Tx } from '#database/database';
import { type FactName, type ReadFact, withIds } from './facts';

/** Rows by the name under which a webhook carries them. */
export type CarriedRows = Readonly<Record<string, { id: string }>>;

/** Rows that webhooks carry. */
export interface WebhookRows<T extends { id: string } = { id: string }> {
  /** As REST answers them, without what only administrators see; also those that are marked deleted. A query or two, whatever their number. */
  show: (tx: Tx, actor: Actor, ids: readonly string[]) => Promise<readonly T[]>;
  /** Fields that name one: of the fact, else of a row that is carried before it. Default: its name and `_id`. */
  named_by?: readonly string[];
  sample: Partial<T> & { id: string };
}

/** An event as customers' webhooks know it. */
export interface WebhookEvent {
  /** What happened, in one sentence. */
  text: string;
  /** The facts it is made of. */
  of: readonly FactName[];
  /** Which of them; default: all. */
  when?: (fact: ReadFact, rows: CarriedRows) => boolean;
  /** The rows it carries, by name; one may be named by those before it. */
  carries: readonly string[];
  /** What its sample says otherwise than the fact's own. */
  sample?: JsonObject;
}

export type NamedWebhookEvent = WebhookEvent & { name: string };

/** A fact, and one of the events customers' webhooks hear it as. */
export interface Heard {
  fact: ReadFact;
  event: NamedWebhookEvent;
}

/** What customers' webhooks may hear, said by the rooms it happens in: events, and how their rows are shown outside. */
@Injectable()
export class WebhookEvents {
  private readonly events = new Map<string, NamedWebhookEvent>();
  private readonly rows = new Map<string, WebhookRows>();

  /** Declares events, by the names customers choose them by; from a constructor. */
  tell(events: Record<string, WebhookEvent>): void {
    for (const [name, event] of Object.entries(events)) {
      if (this.events.has(name)) throw new Error(`The webhook event ${name} is declared twice`);
      this.events.set(name, { name, ...event });
    }
  }

  /** Declares rows that events carry; from a constructor. */
  carry<T extends { id: string }>(name: string, rows: WebhookRows<T>): void {
    if (this.rows.has(name)) throw new Error(`How webhooks show ${name} is declared twice`);
    this.rows.set(name, rows as unknown as WebhookRows);
  }

  /** In alphabetical order. */
  all(): NamedWebhookEvent[] {
    return [...this.events.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** What a fact is outside. */
  of(fact: FactName): NamedWebhookEvent[] {
    return [...this.events.values()].filter(({ of }) => of.includes(fact));
  }

  has(name: string): boolean {
    return this.events.has(name);
  }

  /** What a webhook says of the event, by example. */
  sample(name: string): JsonObject {
    const event = this.events.get(name);
    const [, fact] = eventCatalogue().find(([told]) => told === event?.of[0]) ?? [];
    if (!event) return {};
    const rows = Object.fromEntries(event.carries.map((carried) => [carried, this.rowsOf(carried).sample]));
    const { organization_id: _, ...fields } = { ...(fact && withIds(fact.sample)), ...event.sample } as JsonObject;
    return this.dataOf(event, fields, rows);
  }

  /** The rows each of these carries as they are now, of one organization: a query for each kind of them. One that is gone is its id alone. */
  async rowsOfAll(tx: Tx, organization_id: string, heard: readonly Heard[]): Promise<CarriedRows[]> {
    const actor = Actor.system(organization_id);
    const known = new Map<string, Map<string, { id: string }>>();
    const found: Record<string, { id: string }>[] = heard.map(() => ({}));
    const depth = Math.max(...heard.map(({ event }) => event.carries.length));
    for (let place = 0; place < depth; place++) {
      const wanted = heard.flatMap(({ fact, event }, n) => {
        const name = event.carries[place];
        const id = name && this.idOf(name, fact.data, Object.values(found[n]));
        return name && id ? [{ n, name, id }] : [];
      });
      for (const [name, some] of Map.groupBy(wanted, (one) => one.name)) {
        const rows = known.get(name) ?? new Map<string, { id: string }>();
        known.set(name, rows);
        const ids = [...new Set(some.map(({ id }) => id))].filter((id) => !rows.has(id));
        if (ids.length) for (const row of await this.rowsOf(name).show(tx, actor, ids)) rows.set(row.id, row);
        for (const { n, id } of some) found[n][name] = rows.get(id) ?? { id };
      }
    }
    return found;
  }

  /** `data` of the body: the rows, and what else the fact says; what became another value stands in `changes`, or what it was in `previous`. */
  dataOf(event: NamedWebhookEvent, fields: JsonObject, rows: CarriedRows): JsonObject {
    const ids = new Set(event.carries.flatMap((name) => this.namesOf(name)));
    const rest = Object.entries(fields).filter(([name]) => !ids.has(name));
    const said = Object.fromEntries(rest) as JsonObject;
    const previous: JsonObject = {};
    const changes: JsonObject = {};
    for (const [name, from] of rest) {
      if (!name.startsWith('previous_')) continue;
      const field = name.slice('previous_'.length);
      if (field in said) changes[field] = { from, to: said[field] };
      else previous[field] = from;
      delete said[name];
    }
    for (const field of Object.keys(changes)) delete said[field];
    return {
      ...(rows as unknown as JsonObject),
      ...said,
      ...(Object.keys(changes).length > 0 && { changes }),
      ...(Object.keys(previous).length > 0 && { previous }),
    };
  }

  private idOf(name: string, data: JsonObject, carried: readonly object[]): string | undefined {
    const names = this.namesOf(name);
    for (const fields of [data, ...carried])
      for (const field of names) {
        const id = (fields as JsonObject)[field];
        if (typeof id === 'string') return id;
      }
    return undefined;
  }

  private namesOf(name: string): readonly string[] {
    return this.rowsOf(name).named_by ?? [`${name}_id`];
  }

  private rowsOf(name: string): WebhookRows {
    const rows = this.rows.get(name);
    if (!rows) throw new Error(`Nobody says how webhooks show ${name}`);
    return rows;
  }
}

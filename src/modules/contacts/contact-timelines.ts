import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { Invalid } from '#common/errors';
import { pageWindow } from '#common/page.dto';
import { isDayOrInstant } from '#common/period';
import { may } from '#common/permissions';
import { Database } from '#database/database';
import type { AuditLog } from '#modules/audit/audit-log.entity';
import { AuditStore } from '#modules/audit/audit-store';
import { Tags } from '#modules/tags/tags';
import { membersOf } from '#modules/users/members';
import { Contact } from './contact.entity';
import { timelineKinds } from './timeline';
import type { ContactTimeline, TimelineEntry, TimelineQuery } from './timeline.dto';

/** Where an entry stands: the newest first, and of one instant the greatest id. */
type Place = Pick<TimelineEntry, 'occurred_at' | 'id'>;
type Entry = Omit<TimelineEntry, 'user_name'>;

/** Kinds that are acts of the audit log, in whichever store it stands. */
const OF_AUDIT: Record<string, readonly string[]> = {
  edit: ['contact.created', 'contact.updated', 'contact.blocked', 'contact.unblocked', 'contact.vip_changed', 'contact.merged'],
  tag: ['contact.tags_changed'],
};

/** Entries of one contact that one instant may have in the log. */
const AT_ONCE = 20;

/** What happened with a contact, of all rooms in one order. */
@Injectable()
export class ContactTimelines {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditStore,
    private readonly tags: Tags,
  ) {}

  /** @throws {NotFound} @throws {Invalid} A type there is not, or no cursor of a timeline. */
  async page(actor: Actor, contact_id: string, query: TimelineQuery): Promise<ContactTimeline> {
    await this.database.repository(Contact).get(actor, contact_id);
    const { limit } = pageWindow(query);
    const before = query.cursor === undefined ? null : placeOf(query.cursor);
    const types = typesOf(actor, query.type);
    const [rows, acts] = await Promise.all([
      this.rows(actor, contact_id, types, before, limit + 1),
      this.acts(actor, contact_id, types, before, limit + 1),
    ]);
    const entries = [...rows, ...acts].sort((a, b) => (isBefore(a, b) ? 1 : -1));
    const items = entries.slice(0, limit);
    const last = entries.length > limit ? items.at(-1) : undefined;
    return { items: await this.named(actor, items), next_cursor: last ? cursorOf(last) : null };
  }

  /** Of all rooms in one statement; each part of it reads no more than a page. */
  private rows(actor: Actor, contact_id: string, types: readonly string[], before: Place | null, limit: number): Promise<Entry[]> {
    const parts = [...timelineKinds()]
      .filter(([type]) => types.includes(type))
      .map(
        ([type, { rows }]) => `(SELECT e.id, '${type}' AS type, e.action, e.occurred_at, e.user_id, e.data FROM (${rows}) e
           WHERE $3::timestamptz IS NULL OR (e.occurred_at, e.id COLLATE "C") < ($3, $4)
           ORDER BY e.occurred_at DESC, e.id COLLATE "C" DESC LIMIT $5)`,
      );
    if (!parts.length) return Promise.resolve([]);
    return this.database.rows<Entry>(parts.join(' UNION ALL '), [
      actor.organization_id,
      contact_id,
      before?.occurred_at ?? null,
      before?.id ?? null,
      limit,
    ]);
  }

  private async acts(actor: Actor, contact_id: string, types: readonly string[], before: Place | null, limit: number): Promise<Entry[]> {
    const actions = Object.entries(OF_AUDIT).flatMap(([type, some]) => (types.includes(type) ? some : []));
    if (!actions.length) return [];
    const filter = {
      organization_id: actor.organization_id,
      resource_type: 'contact',
      resource_id: contact_id,
      result: 'success' as const,
    };
    const found = await this.audit.find({ ...filter, actions, ...(before && { to: before.occurred_at }) }, limit + (before ? AT_ONCE : 0));
    const entries = found.map(entryOf).filter((entry) => !before || isBefore(entry, before));
    return this.withTags(actor, entries.slice(0, limit));
  }

  /** The log has tags by their ids alone; those that are gone have no name any more. */
  private async withTags(actor: Actor, entries: Entry[]): Promise<Entry[]> {
    const ids = entries.flatMap(({ data }) => ['added', 'removed'].flatMap((side) => (data[side] ?? []) as string[]));
    if (!ids.length) return entries;
    const tags = await this.tags.byId(actor, [...new Set(ids)]);
    const named = (some: unknown): object[] => (some as string[]).map((id) => tags.get(id) ?? { id, name: null, color: null });
    return entries.map((entry) =>
      entry.type === 'tag' ? { ...entry, data: { added: named(entry.data.added), removed: named(entry.data.removed) } } : entry,
    );
  }

  private async named(actor: Actor, entries: readonly Entry[]): Promise<TimelineEntry[]> {
    const ids = entries.flatMap(({ user_id }) => user_id ?? []);
    const members = await membersOf(this.database, actor.organization_id, ids);
    return entries.map((entry) => ({ ...entry, user_name: members.get(entry.user_id ?? '')?.full_name ?? null }));
  }
}

/** Those that are asked for, without those the actor may not read. */
function typesOf(actor: Actor, asked: string | undefined): string[] {
  const kinds = new Map([
    ...[...timelineKinds()].map(([type, { resource }]) => [type, resource] as const),
    ...Object.keys(OF_AUDIT).map((type) => [type, 'contacts'] as const),
  ]);
  const types = asked === undefined ? [...kinds.keys()] : asked.split(',');
  const unknown = types.find((type) => !kinds.has(type));
  if (unknown !== undefined)
    throw Invalid.query('type', `There is no type ${unknown}, but ${[...kinds.keys()].sort().join(', ')}.`, 'enum');
  return types.filter((type) => may(actor, `read:${kinds.get(type)}`));
}

function entryOf({ id, action, created_at, user_id, changes, metadata }: AuditLog): Entry {
  const entry = { id, action, occurred_at: created_at, user_id };
  if (!OF_AUDIT.tag.includes(action)) return { ...entry, type: 'edit', data: { changes, ...metadata } };
  const { from, to } = changes.tag_ids as { from: string[]; to: string[] };
  return {
    ...entry,
    type: 'tag',
    data: { added: to.filter((tag) => !from.includes(tag)), removed: from.filter((tag) => !to.includes(tag)) },
  };
}

const isBefore = (a: Place, b: Place): boolean => (+a.occurred_at === +b.occurred_at ? a.id < b.id : a.occurred_at < b.occurred_at);

const cursorOf = ({ occurred_at, id }: Place): string => Buffer.from(`${occurred_at.toISOString()} ${id}`).toString('base64url');

/** @throws {Invalid} */
function placeOf(cursor: string): Place {
  const [time = '', id = ''] = Buffer.from(cursor, 'base64url').toString().split(' ');
  if (!isDayOrInstant(time) || !/^[\w.-]{1,100}$/.test(id)) throw Invalid.query('cursor', 'Give the next_cursor of an earlier page.');
  return { occurred_at: new Date(time), id };
}

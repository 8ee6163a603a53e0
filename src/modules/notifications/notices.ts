import { AsyncLocalStorage } from 'node:async_hooks';
import { Injectable, Logger } from '@nestjs/common';
import type { Actor, Role } from '#common/actor';
import { Bounded } from '#common/bounded';
import { NotFound } from '#common/errors';
import type { JsonObject } from '#common/json.scalar';
import { nearestLanguage } from '#common/languages';
import { oneLine } from '#common/one-line';
import { isUuid, newId } from '#common/uuid';
import { Database, type Tx } from '#database/database';
import { settingsOf } from '#modules/organizations/organization-settings';
import { type Person, deliveriesOf, goesBy, isWanted } from './deliveries';
import { Channel, type NoticeText, noticeType } from './notice-types';
import { Notification, NotificationPriority } from './notification.entity';

/** What users are to be told. */
export interface Notice {
  organization_id: string;
  user_ids?: readonly string[];
  /** Everybody of this role besides. */
  role?: Role | null;
  /** As its room declared it. */
  type: string;
  /** What is too long is cut. */
  title: NoticeText;
  message: NoticeText;
  /**
   * What it is about. The same type about the same id (`conversation_id`, else the first `*_id`), told again to somebody who has not read it within 60 s,
   * is one notice with the newest words. Words that speak of a contact come with its `contact_id`: they go with it.
   */
  data?: JsonObject;
  /** Whose act the words tell of, by name; a user of the organization: they go with them. */
  by_user_id?: string | null;
  action_url?: string | null;
  priority?: `${NotificationPriority}`;
  /** Instead of the ways its type takes by default. */
  channels?: readonly Channel[];
  /** Where its mail goes; default: the address of the account. */
  email_to?: string;
  /** Kept even where none of its ways is wanted: a test. */
  kept_anyway?: boolean;
}

interface Told extends Person {
  language: string | null;
  settings: JsonObject;
}

type Row = Pick<Notification, 'id' | 'organization_id' | 'user_id' | 'title' | 'message'> & Partial<Notification>;

const TITLE_MAX = 255;
const MESSAGE_MAX = 2000;
/** Of one statement. */
const PEOPLE_AT_ONCE = 500;
/** Contract 10, 9. */
const MERGE_SECONDS = 60;
const WANTED_MS = 5000;
/** That wait in memory. */
const SOON_MAX = 1000;
/** Advisory lock class: one transaction at a time tells of one thing. */
const TELLING = 0x7079_6e6f;

const PEOPLE = `SELECT u.id AS user_id, u.email, u.email_verified, u.language, o.settings, to_jsonb(p) AS wishes
   FROM users u JOIN organizations o ON o.id = u.organization_id
   LEFT JOIN notification_preferences p ON p.organization_id = u.organization_id AND p.user_id = u.id
  WHERE u.organization_id = $1 AND (u.id = ANY($2) OR u.role = $3) AND u.is_active AND u.deleted_at IS NULL`;

/** Who has read it since is told anew. */
const MERGE = `UPDATE notifications n
    SET title = t.title, message = t.message, priority = t.priority, data = t.data, action_url = t.action_url, by_user_id = t.by_user_id, updated_at = now()
   FROM json_to_recordset($3) AS t(user_id uuid, title text, message text, priority text, data jsonb, action_url text, by_user_id uuid)
  WHERE n.organization_id = $1 AND n.about = $2 AND n.user_id = t.user_id AND n.type = $4 AND NOT n.is_read
    AND n.created_at > now() - interval '${MERGE_SECONDS} seconds'
 RETURNING n.id, n.user_id`;

/** Where rooms tell users of what concerns them. */
@Injectable()
export class Notices {
  private readonly logger = new Logger(Notices.name);
  private readonly mailListeners: ((organization_id: string) => void)[] = [];
  private readonly wanted = new Bounded<string, { answer: Promise<boolean>; until: number }>({ count: 10_000 });
  private readonly soon: Notice[] = [];
  /** Nobody's request. */
  private readonly outside = AsyncLocalStorage.snapshot();
  private departmentMembers?: (tx: Tx, actor: Actor, id: string) => Promise<string[]>;

  constructor(private readonly database: Database) {}

  /** Called after the commit for an organization that has mails to be decided on. */
  onMail(listener: (organization_id: string) => void): void {
    this.mailListeners.push(listener);
  }

  /** Whether anybody of an organization wants a type that is off by default; a change is heard within seconds. For what happens often. */
  isWanted(organization_id: string, type: string): Promise<boolean> {
    const key = `${organization_id} ${type}`;
    const known = this.wanted.get(key);
    if (known && known.until > Date.now()) return known.answer;
    const answer = this.askWanted(organization_id, type);
    this.wanted.delete(key);
    this.wanted.set(key, { answer, until: Date.now() + WANTED_MS });
    return answer;
  }

  private async askWanted(organization_id: string, type: string): Promise<boolean> {
    const [{ is_wanted }] = await this.database.rows<{ is_wanted: boolean }>(
      'SELECT EXISTS (SELECT FROM notification_preferences WHERE organization_id = $1 AND types ? $2) AS is_wanted',
      [organization_id, type],
    );
    return is_wanted;
  }

  /** The room of departments says here who is in one. @throws {NotFound} Its `members` do, where there is no such department. */
  onDepartment(members: (tx: Tx, actor: Actor, id: string) => Promise<string[]>): void {
    this.departmentMembers = members;
  }

  /** @throws {NotFound} */
  async membersOf(tx: Tx, actor: Actor, department_id: string): Promise<string[]> {
    if (!this.departmentMembers) throw new NotFound('Department');
    return this.departmentMembers(tx, actor, department_id);
  }

  /** Tells them in this transaction, whoever of them is an active member of the organization. Answers the ids of the notices, merged ones too. */
  async tell(tx: Tx, notice: Notice): Promise<string[]> {
    const { organization_id, user_ids = [], role = null, data = {} } = notice;
    const about = aboutOf(data);
    if (about) await tx.rows('SELECT pg_advisory_xact_lock($1, hashtext($2))', [TELLING, `${organization_id} ${notice.type} ${about}`]);
    const people = await tx.rows<Told>(PEOPLE, [organization_id, user_ids, role]);
    const rows = rowsOf(notice, about, people);
    const ids: string[] = [];
    for (let from = 0; from < rows.length; from += PEOPLE_AT_ONCE)
      ids.push(...(await this.write(tx, notice, about, rows.slice(from, from + PEOPLE_AT_ONCE))));
    if (ids.length) tx.tell('notification.created', { organization_id, notification_ids: ids });
    return ids;
  }

  /**
   * Tells beside any transaction, one notice after the other: for what comes by the hundreds, and whose loss is none. Where too many wait it is left out.
   */
  tellSoon(notice: Notice): void {
    if (this.soon.length >= SOON_MAX) return;
    this.soon.push(notice);
    if (this.soon.length === 1) void this.outside(() => this.tellWaiting());
  }

  private async tellWaiting(): Promise<void> {
    for (; this.soon.length; this.soon.shift())
      try {
        const [notice] = this.soon;
        await this.database.tx((tx) => this.tell(tx, notice));
      } catch (error) {
        this.logger.warn({ msg: 'users were not told', type: this.soon[0].type, err: error });
      }
  }

  private async write(tx: Tx, { organization_id, type }: Notice, about: string | null, rows: readonly Row[]): Promise<string[]> {
    const merged = about ? await tx.rows<{ id: string; user_id: string }>(MERGE, [organization_id, about, JSON.stringify(rows), type]) : [];
    const known = new Set(merged.map(({ user_id }) => user_id));
    const fresh = rows.filter(({ user_id }) => !known.has(user_id));
    await this.database.repository(Notification, tx).insertAll(fresh);
    if (fresh.some(({ email_due_at }) => email_due_at))
      tx.afterCommit(() => this.mailListeners.forEach((listener) => listener(organization_id)));
    return [...merged.map(({ id }) => id), ...fresh.map(({ id }) => id)];
  }
}

/** A row for each who wants to be told at all. */
function rowsOf(notice: Notice, about: string | null, people: readonly Told[]): Row[] {
  const { organization_id, type, data = {}, by_user_id = null, action_url = null, priority = NotificationPriority.normal } = notice;
  const declared = { ...noticeType(type), ...(notice.channels && { channels: notice.channels }) };
  const { contact_id } = data;
  const now = new Date();
  if (!people.length) return [];
  const organization = settingsOf(people[0]);
  return people.flatMap(({ settings: _, language, ...person }) => {
    const email = notice.email_to ?? person.email;
    const deliveries = deliveriesOf(type, declared, { ...person, email, mails: organization.notification_settings.email_enabled }, now);
    if (!notice.kept_anyway && !isWanted(deliveries)) return [];
    const spoken = nearestLanguage(language ?? organization.language);
    const textOf = (text: NoticeText): string => (typeof text === 'string' ? text : text[spoken]);
    return {
      id: newId(),
      organization_id,
      user_id: person.user_id,
      type,
      title: cut(oneLine(textOf(notice.title)), TITLE_MAX),
      message: cut(textOf(notice.message).trim(), MESSAGE_MAX),
      priority: priority as NotificationPriority,
      data,
      action_url,
      deliveries,
      is_listed: goesBy(deliveries, Channel.in_app),
      about,
      contact_id: isUuid(contact_id) ? contact_id : null,
      by_user_id,
      email_due_at: goesBy(deliveries, Channel.email) ? now : null,
    };
  });
}

const cut = (text: string, max: number): string => (text.length > max ? `${text.slice(0, max - 1).toWellFormed()}…` : text);

/** The id in its data that says whether two notices speak of the same. */
function aboutOf(data: JsonObject): string | null {
  const ids = Object.entries(data).filter(([name, value]) => name.endsWith('_id') && isUuid(value));
  const [, id = null] = ids.find(([name]) => name === 'conversation_id') ?? ids[0] ?? [];
  return id as string | null;
}

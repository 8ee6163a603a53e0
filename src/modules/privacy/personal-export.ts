import { Injectable } from '@nestjs/common';
import { Actor } from '#common/actor';
import type { JsonObject } from '#common/json.scalar';
import { BEFORE_ALL } from '#common/uuid';
import { Database } from '#database/database';
import { contactRows, userRows } from '#database/personal-data';
import type { AuditQuery } from '#modules/audit/audit-log.dto';
import { AuditLogs } from '#modules/audit/audit-logs.service';
import { SubjectType } from './consent.entity';
import { personTable } from './person-rows';
import type { ExportPart } from './privacy.dto';
import type { Subject } from './subjects';

type Row = Record<string, unknown>;

/** A table of an export, read as it is written. */
export interface ExportedTable {
  part: ExportPart;
  name: string;
  columns: readonly string[];
  rows(): AsyncGenerator<Row[]>;
}

const STEP = 500;
/** Read by time, as it was said: ids of what a phone brought along are of the day it came. */
const BY_TIME = new Set(['messages']);
/** Of a table whose rows have no id: what somebody has few of, their departments. */
const MANY = 10_000;

/** Parts with a table of their own name; whatever else a room has of the person is of the profile. */
const PARTS: readonly ExportPart[] = ['consents', 'conversations', 'messages', 'flow_sessions', 'campaigns'];
/** Read with the log's own means, from whichever store it stands in. */
const ELSEWHERE = new Set(['audit_logs']);

const AUDIT_COLUMNS = ['created_at', 'action', 'resource_type', 'resource_id', 'result'] as const;
/** The file's row; the bytes are at `GET /whatsapp/media/{media_id}`. */
const MEDIA_COLUMNS = ['id', 'message_id', 'filename', 'mime_type', 'size_bytes', 'sha256', 'status', 'created_at'];

/** What there is of a person, as every table declares: never what is of others, tokens or hashes. */
@Injectable()
export class PersonalExport {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditLogs,
  ) {}

  tables(actor: Actor, subject: Subject, include: readonly ExportPart[]): ExportedTable[] {
    const names = [...(subject.type === SubjectType.contact ? contactRows : userRows).keys()].filter((name) => !ELSEWHERE.has(name));
    // The person before what is theirs.
    const own = subject.type === SubjectType.contact ? 'contacts' : 'users';
    const declared = [own, ...names.filter((name) => name !== own)].flatMap((name): ExportedTable[] => {
      const table = personTable(this.database, subject.type, name);
      const part = PARTS.find((one) => one === name) ?? 'profile';
      if (!table?.export.length || !include.includes(part)) return [];
      const { where, export_where, export: columns } = table;
      return [{ part, name, columns, rows: () => this.read(actor, subject, name, columns, `(${where}) AND (${export_where})`) }];
    });
    if (include.includes('media') && subject.type === SubjectType.contact) declared.push(this.media(actor, subject));
    if (include.includes('audit'))
      declared.push({ part: 'audit', name: 'audit', columns: AUDIT_COLUMNS, rows: () => this.log(actor, subject) });
    return declared;
  }

  /** Of the parts that grow with the years, the rows there are; beyond `max` at least so many. */
  async count(actor: Actor, subject: Subject, include: readonly ExportPart[], max: number): Promise<number> {
    const messages = include.includes('messages') ? await this.countMessages(actor, subject, max) : 0;
    if (messages > max || !include.includes('audit')) return messages;
    const { organization_id } = actor;
    const pages = await Promise.all(
      entriesOf(subject).map((who) => this.audit.page(Actor.system(organization_id), organization_id, { ...who, limit: 1 })),
    );
    return pages.reduce((sum, { total }) => sum + total, messages);
  }

  private async countMessages(actor: Actor, { type, id }: Subject, max: number): Promise<number> {
    const table = personTable(this.database, type, 'messages');
    if (!table) return 0;
    const [{ count }] = await this.database.rows<{ count: number }>(
      `SELECT count(*)::int AS count FROM (SELECT FROM messages WHERE organization_id = $1 AND (${table.where}) AND (${table.export_where}) LIMIT $3) m`,
      [actor.organization_id, id, max + 1],
    );
    return count;
  }

  /** All of it as one object. */
  async whole(tables: readonly ExportedTable[], include: readonly ExportPart[]): Promise<JsonObject> {
    const data: Record<string, unknown> = Object.fromEntries(include.map((part) => [part, part === 'profile' ? {} : []]));
    for (const { part, name, rows } of tables) {
      const all: Row[] = [];
      for await (const some of rows()) all.push(...some);
      if (part === 'profile') data.profile = { ...(data.profile as object), ...inProfile(name, all) };
      else data[part] = all;
    }
    return data as JsonObject;
  }

  /** The same object, as text that is made while it is read: never whole in memory. */
  async *text(tables: readonly ExportedTable[], include: readonly ExportPart[]): AsyncGenerator<string> {
    const profile = await this.whole(
      tables.filter(({ part }) => part === 'profile'),
      include.filter((part) => part === 'profile'),
    );
    let before = '{';
    for (const part of include) {
      yield `${before}${JSON.stringify(part)}:`;
      before = ',\n';
      if (part === 'profile') {
        yield JSON.stringify(profile.profile);
        continue;
      }
      let between = '[';
      for (const { rows } of tables.filter((table) => table.part === part))
        for await (const some of rows()) {
          yield between + some.map((row) => JSON.stringify(row)).join(',\n');
          between = ',\n';
        }
      yield between === '[' ? '[]' : ']';
    }
    yield before === '{' ? '{}\n' : '}\n';
  }

  private async *read(
    { organization_id }: Actor,
    { id }: Subject,
    table: string,
    columns: readonly string[],
    where: string,
  ): AsyncGenerator<Row[]> {
    const metadata = this.database.source.entityMetadatas.find(({ tableName }) => tableName === table);
    const has_id = metadata?.columns.some(({ databaseName }) => databaseName === 'id');
    const [at, place] = BY_TIME.has(table) ? ['created_at', '(created_at, id) > ($4::timestamptz, $3)'] : [null, 'id > $3'];
    const order = at ? `${at}, id` : 'id';
    let [after, reached]: [string, string] = [BEFORE_ALL, '-infinity'];
    for (;;) {
      const found = await this.database.rows<{ walked: string; reached: string; row: Row }>(
        `SELECT ${has_id ? 'id' : "''"} AS walked, ${at ? `${at}::text` : "''"} AS reached, jsonb_build_object(${columns.map((name) => `'${name}', ${name}`).join(', ')}) AS row
           FROM ${table} WHERE ${where} ${has_id ? `AND ${place} ORDER BY ${order} LIMIT ${STEP}` : `LIMIT ${MANY}`}`,
        [organization_id, id, ...(has_id ? [after] : []), ...(at ? [reached] : [])],
      );
      if (found.length) yield found.map(({ row }) => row);
      if (!has_id || found.length < STEP) return;
      ({ walked: after, reached } = found[found.length - 1]);
    }
  }

  private media(actor: Actor, subject: Subject): ExportedTable {
    const where =
      'organization_id = $1 AND message_id IN (SELECT id FROM messages WHERE organization_id = $1 AND conversation_id IN (SELECT id FROM conversations WHERE organization_id = $1 AND contact_id = $2))';
    return {
      part: 'media',
      name: 'media_files',
      columns: MEDIA_COLUMNS,
      rows: () => this.read(actor, subject, 'media_files', MEDIA_COLUMNS, where),
    };
  }

  private async *log(actor: Actor, subject: Subject): AsyncGenerator<Row[]> {
    for (const who of entriesOf(subject))
      for await (const entries of this.audit.whole(actor, who))
        yield entries.map((entry) => Object.fromEntries(AUDIT_COLUMNS.map((column) => [column, entry[column]])));
  }
}

/** What was done about them; of a user also what they did. */
const entriesOf = ({ type, id }: Subject): Pick<AuditQuery, 'actor_id' | 'resource_id'>[] =>
  type === SubjectType.user ? [{ resource_id: id }, { actor_id: id }] : [{ resource_id: id }];

/** A person's own row is the profile; other tables stand in it by their names. */
const inProfile = (name: string, rows: Row[]): Row => (name === 'contacts' || name === 'users' ? { ...rows[0] } : { [name]: rows });

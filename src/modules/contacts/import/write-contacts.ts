import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { AppError, Forbidden } from '#common/errors';
import { newId } from '#common/uuid';
import { Database, type Tx } from '#database/database';
import { Raced } from '#database/database-errors';
import { OrganizationsService } from '#modules/organizations/organizations.service';
import { TAGS_OF_CONTACT_MAX } from '#modules/tags/contact-tag.entity';
import type { TagDetail } from '#modules/tags/tag.dto';
import { tagKey } from '#modules/tags/tag.entity';
import { type TagLink, Tags } from '#modules/tags/tags';
import { agentsByEmail } from '#modules/users/agents';
import { changesOf, newContact } from '../contact-changes';
import { ownersOfPhones, takePhones } from '../contact-identities';
import type { ContactView } from '../contact.dto';
import { Contact } from '../contact.entity';
import { ContactsService, type Said } from '../contacts.service';
import { SuppressedPhones } from '../suppressed-phones';
import { type ImportSettings, OnDuplicate } from './contact-import.entity';
import { type ImportRow, RowFlaws } from './import-rows';

/** What an import says of all its rows. */
export interface Writing extends Pick<ImportSettings, 'opt_in' | 'tags' | 'replace_tags'> {
  import_id: string;
  on_duplicate: OnDuplicate;
  /** Its contacts are too many to be told of one by one. */
  is_large: boolean;
  /** Of a dry run: people of earlier rows, who would be contacts by now. */
  seen: Set<string> | null;
}

/** What became of a row. */
export type Outcome = 'created' | 'updated' | 'skipped' | RowFlaws;

/** A contact as it will be, and the rows that make it so. */
interface Person {
  values: Partial<Contact>;
  /** As it is; null: it is new. */
  before: Contact | null;
  rows: ImportRow[];
  /** What a row says of it. */
  opt_in?: boolean;
  /** By their ids: those it has, and those it will have. */
  tags: Map<string, TagDetail>;
  tags_after: Map<string, TagDetail>;
}

/** What rows name, as the organization has it. */
interface Named {
  /** By e-mail, who may answer customers. */
  agents: ReadonlyMap<string, string>;
  /** By `tagKey`. */
  tags: ReadonlyMap<string, TagDetail>;
}

const RACES_MAX = 3;

/** Columns an import may change, with their types. */
const CHANGED = {
  alternative_phone: 'text',
  name: 'text',
  email: 'text',
  company: 'text',
  job_title: 'text',
  notes: 'text',
  address_street: 'text',
  address_city: 'text',
  address_state: 'text',
  address_country: 'text',
  address_postal_code: 'text',
  attributes: 'jsonb',
  source: 'text',
  lifecycle_stage: 'text',
  lead_score: 'int',
  opt_in: 'boolean',
  opt_in_date: 'timestamptz',
  opt_out_date: 'timestamptz',
  is_blocked: 'boolean',
  blocked_at: 'timestamptz',
  blocked_reason: 'text',
  is_vip: 'boolean',
  assigned_agent_id: 'uuid',
} as const satisfies Partial<Record<keyof Contact, string>>;

const COLUMNS = Object.keys(CHANGED) as (keyof typeof CHANGED)[];

/** Rows of a file as contacts: by few statements, however many they are. */
@Injectable()
export class WriteContacts {
  constructor(
    private readonly database: Database,
    private readonly organizations: OrganizationsService,
    private readonly contacts: ContactsService,
    private readonly suppression: SuppressedPhones,
    private readonly tags: Tags,
  ) {}

  /** What becomes of each row, in their order. Rows of one person count one after the other. */
  async write(tx: Tx, actor: Actor, rows: readonly ImportRow[], how: Writing): Promise<Outcome[]> {
    const outcomes = new Map<ImportRow, Outcome>();
    // Who makes contacts otherwise waits until the plan's room is known again, and another import until these are there.
    if (!how.seen) await this.organizations.lock(tx, actor);
    const named: Named = { agents: await this.agentsOf(tx, actor, rows), tags: await this.tagsOf(tx, actor, rows, how) };
    let left: readonly ImportRow[] = rows;
    for (let round = 1; left.length; round++) {
      if (round > RACES_MAX) throw new Raced('others make the same contacts again and again');
      left = await this.round(tx, actor, left, how, named, outcomes);
    }
    return rows.map((row) => outcomes.get(row) ?? RowFlaws.one(row.row, null, null, 'the row was lost'));
  }

  /** Answers the rows whose person somebody else made a contact at this instant. */
  private async round(
    tx: Tx,
    actor: Actor,
    rows: readonly ImportRow[],
    how: Writing,
    named: Named,
    outcomes: Map<ImportRow, Outcome>,
  ): Promise<readonly ImportRow[]> {
    const people = await this.known(tx, actor, rows, how.on_duplicate === OnDuplicate.update && !how.seen);
    let room = await this.organizations.roomFor(actor, 'contacts', tx);
    if (how.seen) room -= how.seen.size;
    const now = new Date();

    for (const row of rows) {
      const person = people.get(row.match_key);
      const is_known = person !== undefined || how.seen?.has(row.match_key);
      try {
        if (!is_known && room <= 0) throw RowFlaws.one(row.row, null, null, 'the plan allows no more contacts');
        if (is_known && how.on_duplicate === OnDuplicate.error)
          throw RowFlaws.one(row.row, 'whatsapp_id', row.whatsapp_id, 'a contact with this number exists, or an earlier row has it');
        if (is_known && how.on_duplicate === OnDuplicate.skip) {
          outcomes.set(row, 'skipped');
          continue;
        }
        const input = { ...row.input, ...assigned(row, named) };
        const tags = how.seen ? [] : tagsOfRow(row, how, named);
        if (person) {
          const tags_after = new Map([...(how.replace_tags && row.tags ? [] : person.tags_after), ...tags]);
          assertTags(row, tags_after);
          Object.assign(person.values, changesOf({ ...person.before, ...person.values } as Contact, input, now));
          Object.assign(person, { tags_after });
          person.rows.push(row);
          person.opt_in = input.opt_in ?? person.opt_in;
        } else if (!is_known) {
          const opt_in = input.opt_in ?? how.opt_in ?? undefined;
          const values = newContact({ source: 'import', ...input, whatsapp_id: row.whatsapp_id, opt_in }, now);
          const tags_after = new Map(tags);
          assertTags(row, tags_after);
          people.set(row.match_key, { values, before: null, rows: [row], opt_in, tags: new Map(), tags_after });
          room--;
        }
        outcomes.set(row, is_known ? 'updated' : 'created');
      } catch (error) {
        if (error instanceof RowFlaws) outcomes.set(row, error);
        else if (error instanceof AppError) outcomes.set(row, RowFlaws.of(row.row, error));
        else throw error;
      }
    }
    if (how.seen) {
      for (const [match_key, { before }] of people) if (!before) how.seen.add(match_key);
      return [];
    }
    const all = [...new Set(people.values())];
    const raced = await this.create(
      tx,
      actor,
      all.filter(({ before }) => !before),
      how,
    );
    await this.update(
      tx,
      actor,
      all.filter(({ before, rows: told }) => before && told.length),
      how,
    );
    return raced.flatMap((person) => person.rows);
  }

  /** The contacts of these rows; where they are locked, in one order everywhere. */
  private async known(tx: Tx, actor: Actor, rows: readonly ImportRow[], locked: boolean): Promise<Map<string, Person>> {
    const contacts = this.database.repository(Contact, tx);
    const keys = rows.map(({ match_key }) => match_key);
    // Who has several phones is one person by each of them.
    const owners = await ownersOfPhones(tx, actor.organization_id, keys);
    const found = await tx.rows<Record<string, unknown>>(
      `SELECT ${contacts.columns} FROM contacts WHERE organization_id = $1 AND (match_key = ANY($2) OR id = ANY($3)) AND deleted_at IS NULL
        ORDER BY id ${locked ? 'FOR NO KEY UPDATE' : ''}`,
      [actor.organization_id, keys, [...owners.values()]],
    );
    const known = found.map((raw) => contacts.hydrate(raw));
    const tags =
      locked && known.length
        ? await this.tags.ofContacts(
            actor,
            known.map(({ id }) => id),
            tx,
          )
        : new Map<string, TagDetail[]>();
    const byId = new Map<string, Person>();
    const byPhone = new Map<string, Person>();
    for (const before of known) {
      const had = new Map((tags.get(before.id) ?? []).map((tag) => [tag.id, tag]));
      const person = { values: {}, before, rows: [], tags: had, tags_after: had };
      byId.set(before.id, person);
      if (before.match_key) byPhone.set(before.match_key, person);
    }
    for (const [match_key, contact_id] of owners) {
      const person = byId.get(contact_id);
      if (person && !byPhone.has(match_key)) byPhone.set(match_key, person);
    }
    return byPhone;
  }

  /** Answers those whom somebody else made meanwhile. */
  private async create(tx: Tx, actor: Actor, people: readonly Person[], how: Writing): Promise<Person[]> {
    if (!people.length) return [];
    const { organization_id } = actor;
    const told = people.map(({ values }) => ({ organization_id, match_key: values.match_key ?? null }));
    const suppressed = await this.suppression.among(tx, told);
    const now = new Date();
    const byKey = new Map(
      people.map((person) => {
        // Whoever wanted to be forgotten gives no leave by way of a file.
        if (suppressed.has(`${organization_id} ${person.values.match_key}`)) {
          Object.assign(person.values, { opt_in: false, opt_in_date: null, opt_out_date: now });
          person.opt_in = undefined;
        }
        return [person.values.match_key ?? '', person];
      }),
    );
    const contacts = this.database.repository(Contact, tx);
    const blank = Object.fromEntries(COLUMNS.map((column) => [column, null]));
    const rows = people.map(({ values }) => ({ ...blank, ...DEFAULTS, ...values, id: newId(), organization_id }));
    const made = await contacts.insertAll<Record<string, unknown>>(
      rows,
      `ON CONFLICT (organization_id, match_key) WHERE deleted_at IS NULL DO NOTHING RETURNING ${contacts.columns}`,
    );
    const created = made.map((raw) => contacts.hydrate(raw));
    await takePhones(
      tx,
      organization_id,
      created.map(({ id, match_key }) => ({ contact_id: id, match_key: match_key ?? '' })),
    );
    const said: Said[] = [];
    const byId = new Map<string, Person>();
    for (const { id, match_key } of created) {
      const person = byKey.get(match_key ?? '');
      if (!person) continue;
      byKey.delete(match_key ?? '');
      byId.set(id, person);
      if (person.opt_in !== undefined) said.push({ contact_id: id, opt_in: person.opt_in });
    }
    await this.contacts.consented(tx, actor, said, { import_id: how.import_id });
    await this.retag(tx, actor, byId);
    for (const contact of await this.contacts.presentAll(actor, created, tx)) {
      const happened = happenedTo(contact, how);
      tx.tell('contact.created', happened);
      tellTags(tx, happened, byId.get(contact.id));
    }
    return [...byKey.values()];
  }

  private async update(tx: Tx, actor: Actor, people: readonly Person[], how: Writing): Promise<void> {
    const changed = people.filter((person) => Object.keys(person.values).length || movesOf(person).length);
    if (!changed.length) return;
    const { organization_id } = actor;
    const contacts = this.database.repository(Contact, tx);
    const rows = changed.map(({ before, values }) => {
      const after = { ...before, ...values };
      return { id: before?.id, ...Object.fromEntries(COLUMNS.map((column) => [column, after[column] ?? null])) };
    });
    const written = await tx.rows<Record<string, unknown>>(
      `UPDATE contacts k SET ${COLUMNS.map((column) => `${column} = t.${column}`).join(', ')}, updated_at = now()
         FROM json_to_recordset($2) AS t(id uuid, ${COLUMNS.map((column) => `${column} ${CHANGED[column]}`).join(', ')})
        WHERE k.organization_id = $1 AND k.id = t.id RETURNING ${contacts.columnsOf('k')}`,
      [organization_id, JSON.stringify(rows)],
    );
    const byId = new Map(changed.map((person) => [person.before?.id ?? '', person]));
    const now = written.map((raw) => contacts.hydrate(raw));
    const said: Said[] = [];
    for (const contact of now) {
      const old = byId.get(contact.id)?.before;
      if (contact.opt_in !== old?.opt_in) said.push({ contact_id: contact.id, opt_in: contact.opt_in });
      if (contact.is_blocked && !old?.is_blocked) await this.contacts.end(tx, actor, contact, 'contact_blocked');
    }
    await this.contacts.consented(tx, actor, said, { import_id: how.import_id });
    await this.retag(tx, actor, byId);
    for (const contact of await this.contacts.presentAll(actor, now, tx)) {
      const person = byId.get(contact.id);
      const old = person?.before;
      const happened = happenedTo(contact, how);
      tx.tell('contact.updated', happened);
      tellTags(tx, happened, person);
      if (contact.is_blocked !== old?.is_blocked) tx.tell(contact.is_blocked ? 'contact.blocked' : 'contact.unblocked', happened);
      if (contact.opt_in !== old?.opt_in) tx.tell(contact.opt_in ? 'contact.opted_in' : 'contact.opted_out', happened);
    }
  }

  /** Tags come and go; nobody has too many. */
  private async retag(tx: Tx, actor: Actor, people: ReadonlyMap<string, Person>): Promise<void> {
    const links = (which: (person: Person) => TagDetail[]): TagLink[] =>
      [...people].flatMap(([contact_id, person]) => which(person).map(({ id: tag_id }) => ({ contact_id, tag_id })));
    await this.tags.remove(tx, actor, links(removedOf));
    await this.tags.add(tx, actor, links(addedOf));
  }

  /** The tags of the rows, made where there are none; where the plan allows no more, those there are. */
  private async tagsOf(tx: Tx, actor: Actor, rows: readonly ImportRow[], how: Writing): Promise<Map<string, TagDetail>> {
    const names = [...new Set([...how.tags, ...rows.flatMap(({ tags }) => tags ?? [])])];
    if (!names.length || how.seen) return new Map();
    const tags = await tx
      .attempt(() => this.tags.named(tx, actor, names))
      .catch((error: unknown) => {
        if (error instanceof Forbidden) return this.tags.known(tx, actor, names);
        throw error;
      });
    return new Map(tags.map((tag) => [tagKey(tag.name), tag]));
  }

  /** Who may answer customers, by e-mail, of those the rows name. */
  private async agentsOf(tx: Tx, actor: Actor, rows: readonly ImportRow[]): Promise<Map<string, string>> {
    const emails = [...new Set(rows.flatMap(({ agent_email }) => agent_email ?? []))];
    return emails.length ? agentsByEmail(tx, actor, emails) : new Map();
  }
}

/** What a new contact has where no row says otherwise: one statement has one shape for all. */
const DEFAULTS = { attributes: {}, lead_score: 0, is_blocked: false, is_vip: false } satisfies Partial<Contact>;

/** @throws {RowFlaws} */
function assigned({ row, agent_email }: ImportRow, { agents }: Named): { assigned_agent_id?: string } {
  if (!agent_email) return {};
  const assigned_agent_id = agents.get(agent_email);
  if (!assigned_agent_id)
    throw RowFlaws.one(row, 'assigned_agent_email', agent_email, 'nobody of the team who may answer customers has this e-mail');
  return { assigned_agent_id };
}

/** @throws {RowFlaws} */
function tagsOfRow({ row, tags }: ImportRow, how: Writing, named: Named): [id: string, tag: TagDetail][] {
  return [...(tags ?? []), ...how.tags].map((name) => {
    const tag = named.tags.get(tagKey(name));
    if (!tag) throw RowFlaws.one(row, 'tags', name, 'the plan allows no more tags');
    return [tag.id, tag];
  });
}

/** @throws {RowFlaws} */
function assertTags({ row, tags }: ImportRow, after: ReadonlyMap<string, TagDetail>): void {
  if (after.size > TAGS_OF_CONTACT_MAX)
    throw RowFlaws.one(row, 'tags', tags?.join('|') ?? null, `a contact has at most ${TAGS_OF_CONTACT_MAX} tags`);
}

const addedOf = ({ tags, tags_after }: Person): TagDetail[] => [...tags_after.values()].filter(({ id }) => !tags.has(id));
const removedOf = ({ tags, tags_after }: Person): TagDetail[] => [...tags.values()].filter(({ id }) => !tags_after.has(id));
const movesOf = (person: Person): TagDetail[] => [...addedOf(person), ...removedOf(person)];

interface Happened {
  organization_id: string;
  contact: ContactView;
  import_id?: string;
}

const happenedTo = (contact: ContactView, { is_large, import_id }: Writing): Happened => ({
  organization_id: contact.organization_id,
  contact,
  ...(is_large && { import_id }),
});

function tellTags(tx: Tx, happened: Happened, person: Person | undefined): void {
  if (!person) return;
  const [added, removed] = [addedOf(person), removedOf(person)];
  if (added.length) tx.tell('contact.tag_added', { ...happened, tags: added });
  if (removed.length) tx.tell('contact.tag_removed', { ...happened, tags: removed });
}

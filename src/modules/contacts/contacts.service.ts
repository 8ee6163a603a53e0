import { Injectable } from '@nestjs/common';
import type { SelectQueryBuilder } from 'typeorm';
import { type Actor, Role } from '#common/actor';
import { assertSomebody } from '#common/assert-somebody';
import { AppError, Conflict, Invalid, NotFound } from '#common/errors';
import { withoutNulls } from '#common/given';
import type { Page, PageQuery } from '#common/page.dto';
import { matchKey, normalizePhone } from '#common/phone';
import { Database, type Tx } from '#database/database';
import { violatedIndex } from '#database/database-errors';
import { narrowPeriod } from '#database/narrow-period';
import { type Condition, prepared } from '#database/sql';
import type { PageOptions, TenantRepository } from '#database/tenant-repository';
import { idsOf } from '#database/total';
import { OrganizationsService } from '#modules/organizations/organizations.service';
import type { TagDetail } from '#modules/tags/tag.dto';
import { Tags } from '#modules/tags/tags';
import { User } from '#modules/users/user.entity';
import { changesOf, newContact } from './contact-changes';
import { belongingsOf, changePhone, contactWithBelongings, forgetIdentities, ownersOfPhones, takePhones } from './contact-identities';
import type { ContactCreate, ContactQuery, ContactUpdate, ContactView, TagRefs } from './contact.dto';
import { type Tagging, isMove, retag, tellTags } from './contact-tags';
import { Contact, mayTell, told } from './contact.entity';
import { assertDepartment } from './department-contacts';
import { mergeContacts } from './merge-contacts';
import { bothOf, contactMatch, isShort, narrowContacts } from './search-contacts';
import { SuppressedPhones } from './suppressed-phones';
import { presentContact } from './present-contact';

const SORT: (keyof Contact)[] = ['created_at', 'updated_at', 'name', 'last_message_at', 'total_conversations', 'lead_score'];

/** Why a contact's open and pending conversations close. */
export type ContactEnd = 'contact_blocked' | 'contact_deleted';
type EndListener = (tx: Tx, actor: Actor, contact: Contact, reason: ContactEnd) => Promise<void>;
/** Somebody may be written to from now on, or no longer. */
export interface Said {
  contact_id: string;
  opt_in: boolean;
}
/** Where it was said, beside who acts. */
export interface Heard {
  import_id?: string;
  evidence?: string;
}
type ConsentListener = (tx: Tx, actor: Actor, said: readonly Said[], heard: Heard) => Promise<void>;

/** The people outside. */
@Injectable()
export class ContactsService {
  private readonly endListeners: EndListener[] = [];
  private readonly consentListeners: ConsentListener[] = [];

  constructor(
    private readonly database: Database,
    private readonly organizations: OrganizationsService,
    private readonly suppression: SuppressedPhones,
    private readonly tags: Tags,
  ) {}

  /**
   * Called when a contact is blocked or deleted, inside that transaction. Conversations live a floor above and may not be called from here;
   * an event would come after the commit, and a crash in between would leave them open for good. So their room says here what to do.
   */
  onEnd(listener: EndListener): void {
    this.endListeners.push(listener);
  }

  /** Called in the transaction in which people, or somebody for them (an import), say whether they may be written to: the ledger of consents stands upstairs. */
  onConsent(listener: ConsentListener): void {
    this.consentListeners.push(listener);
  }

  /** It is said; who calls has written it on the contact. */
  async consented(tx: Tx, actor: Actor, said: readonly Said[], heard: Heard = {}): Promise<void> {
    if (said.length) for (const listener of this.consentListeners) await listener(tx, actor, said, heard);
  }

  /** The contact was blocked or deleted; who calls has written it on the contact. */
  async end(tx: Tx, actor: Actor, contact: Contact, reason: ContactEnd): Promise<void> {
    for (const listener of this.endListeners) await listener(tx, actor, contact, reason);
    if (reason === 'contact_deleted') await this.tags.removeAll(tx, actor, [contact.id]);
  }

  page(actor: Actor, query: ContactQuery): Promise<Page<ContactView>> {
    return this.database.alike.ask([actor.organization_id, 'contacts', query], () => this.read(actor, query));
  }

  private async read(actor: Actor, query: ContactQuery): Promise<Page<ContactView>> {
    const contacts = await this.contacts().page(actor, orderOf(query), await this.narrowing(actor, query));
    return { ...contacts, items: await this.presentAll(actor, contacts.items) };
  }

  /** The `cursor` of the page after this one (GraphQL). */
  async nextCursor(actor: Actor, query: ContactQuery): Promise<string | null> {
    return (await this.contacts().ids(actor, orderOf(query), await this.narrowing(actor, query))).next_cursor;
  }

  /** All contacts of a list in its order, `step` at a time, as they are asked for; and the keys of their attributes, `keys_max` at most. */
  async walk(
    actor: Actor,
    query: ContactQuery,
    { step, keys_max }: { step: number; keys_max: number },
  ): Promise<{ contacts: AsyncGenerator<Contact[], void>; keys: string[] }> {
    const options = await this.narrowing(actor, query);
    const rows = this.contacts().query(actor, 'row').select('row.attributes', 'attributes');
    options.refine?.(rows);
    if (options.common) rows.andWhere(options.common.sql, options.common.values);
    const [text, values] = rows.getQueryAndParameters();
    const keys = await this.database.rows<{ key: string }>(
      `SELECT DISTINCT k.key FROM (${text}) c CROSS JOIN LATERAL jsonb_object_keys(c.attributes) AS k(key) ORDER BY 1 LIMIT ${keys_max}`,
      values,
    );
    return { contacts: this.contacts().walk(actor, orderOf(query), options, step), keys: keys.map(({ key }) => key) };
  }

  /** The ids of the contacts a search finds, in no order; null where they are many. */
  async matching(actor: Actor, search: string, narrow?: (rows: SelectQueryBuilder<Contact>) => void): Promise<string[] | null> {
    const match = contactMatch('row', search);
    return match ? this.few(actor, match, search, narrow) : [];
  }

  async get(actor: Actor, id: string, tx?: Tx): Promise<ContactView> {
    const [contact, { identities, tags }] = await contactWithBelongings(this.database, actor, id, tx);
    return presentContact(contact, identities, tags);
  }

  /**
   * @throws {Conflict} contact_already_exists: another contact has this number, in whatever spelling; details name it.
   * @throws {Forbidden} plan_limit_exceeded.
   */
  async create(actor: Actor, input: ContactCreate): Promise<ContactView> {
    const { tags: refs = [], ...given } = withoutNulls(input) as ContactCreate;
    const values = newContact(given, new Date());
    if (!values.whatsapp_id) throw Invalid.field('whatsapp_id', 'whatsapp_id (or phone_number or phone) is required', undefined, 'missing');
    return this.database.tx(async (tx) => {
      const tags = await this.tags.named(tx, actor, refs);
      const { row, is_new } = await this.insert(actor, values, tx, tags);
      if (!is_new) throw alreadyExists(row.id);
      const after = { ...told(values), ...(tags.length && { tag_ids: tags.map(({ id }) => id) }) };
      tx.audit(actor, 'contact.created', { resource: { id: row.id }, after, may_tell: mayTell });
      return this.present(actor, row, tx);
    });
  }

  /**
   * The contact of this number for a send or a new conversation, or the one that took it in, made where there is none; a name is only given to a new one. Two at once
   * get the same contact.
   * @throws {Invalid} Not a phone number.
   */
  async findOrCreateByPhone(
    actor: Actor,
    phone: string,
    from: { name?: string | null; source?: string } = {},
    within?: Tx,
  ): Promise<Contact> {
    const whatsapp_id = normalizePhone(phone);
    if (!whatsapp_id) throw Invalid.field('to', 'must be a phone number with its country code, such as +5511987654321');
    return this.database.tx(async (tx) => {
      const match_key = matchKey(whatsapp_id);
      const known = await this.findByPhone(actor, match_key, tx);
      if (known) return known;
      const values = newContact({ whatsapp_id, name: from.name ?? undefined, source: from.source }, new Date());
      return (await this.insert(actor, values, tx)).row;
    }, within);
  }

  /**
   * @throws {Conflict} contact_already_exists, already_anonymized.
   * @throws {Invalid} The agent is inactive or may not write; the number of a contact that has no other name is cleared; too many tags.
   */
  async update(actor: Actor, id: string, { tags: refs, ...input }: ContactUpdate, how: Tagging = 'set'): Promise<ContactView> {
    return this.database.tx(async (tx) => {
      // Before the contact: who makes a tag locks the organization, which comes first everywhere.
      const tags = refs && (await (how === 'remove' ? this.tags.known(tx, actor, refs) : this.tags.named(tx, actor, refs)));
      const before = await this.contacts(tx).lock(actor, id);
      assertSomebody('contact', before);
      const changes = changesOf(before, input, new Date());
      tx.audit(actor, actionOf(changes), { resource: { id }, before, after: told(changes), may_tell: mayTell });
      const moves = tags && (await retag(tx, this.tags, actor, before.id, tags, how));
      if (!Object.keys(changes).length && !isMove(moves)) return this.present(actor, before, tx);
      if (changes.assigned_department_id) await assertDepartment(tx, actor, changes.assigned_department_id);
      if (changes.assigned_agent_id) await this.assertAgent(actor, changes.assigned_agent_id, tx);
      if (changes.whatsapp_id === null && !before.whatsapp_user_id)
        throw Invalid.field('whatsapp_id', 'only a contact that WhatsApp knows by another id may be without a number');

      const owner = changes.match_key ? await this.findByPhone(actor, changes.match_key, tx) : null;
      if (owner && owner.id !== id) throw alreadyExists(owner.id);
      const keeps_both = owner !== null && changes.match_key !== before.match_key;
      // The two change places.
      if (keeps_both && changes.alternative_phone === undefined && before.alternative_phone === changes.whatsapp_id)
        changes.alternative_phone = before.whatsapp_id;
      const { row: contact, is_new } = await this.orTaken(actor, changes.match_key, tx, () => this.contacts(tx).patch(actor, id, changes));
      if (!is_new) throw alreadyExists(contact.id);
      if ('match_key' in changes) await changePhone(tx, before, contact.match_key ?? null, { keeps_both });
      if (contact.is_blocked && !before.is_blocked) await this.end(tx, actor, contact, 'contact_blocked');

      const view = await this.present(actor, contact, tx);
      const happened = { organization_id: actor.organization_id, contact: view };
      tx.tell('contact.updated', happened);
      tellTags(tx, happened, moves);
      if (contact.is_blocked !== before.is_blocked) tx.tell(contact.is_blocked ? 'contact.blocked' : 'contact.unblocked', happened);
      if (contact.opt_in !== before.opt_in) {
        tx.tell(contact.opt_in ? 'contact.opted_in' : 'contact.opted_out', happened);
        await this.consented(tx, actor, [{ contact_id: id, opt_in: contact.opt_in }]);
      }
      return view;
    });
  }

  /** @throws {Invalid} No tags are named, or too many; `set` alone takes none. @throws {NotFound} The contact, or a tag by its id. */
  async retag(actor: Actor, id: string, { tags, tag_ids }: TagRefs, how: Tagging): Promise<ContactView> {
    const refs = [...(tags ?? []), ...(tag_ids ?? [])];
    if ((!tags && !tag_ids) || (how !== 'set' && !refs.length)) {
      // Of somebody who is not there nothing is missing.
      await this.contacts().get(actor, id);
      throw Invalid.field('tags', 'tags or tag_ids is required', undefined, 'missing');
    }
    return this.update(actor, id, { tags: refs }, how);
  }

  /** Closes the open and pending conversations; a second block only changes the reason. */
  block(actor: Actor, id: string, reason: string | null | undefined): Promise<ContactView> {
    return this.update(actor, id, { is_blocked: true, blocked_reason: reason ?? undefined });
  }

  unblock(actor: Actor, id: string): Promise<ContactView> {
    return this.update(actor, id, { is_blocked: false });
  }

  /** Softly: conversations stay readable by id. The number is free again. */
  async remove(actor: Actor, id: string): Promise<void> {
    await this.database.tx(async (tx) => {
      const contact = await this.contacts(tx).lock(actor, id);
      const view = await this.present(actor, contact, tx);
      await this.end(tx, actor, contact, 'contact_deleted');
      await forgetIdentities(tx, actor.organization_id, id);
      await this.contacts(tx).remove(actor, id);
      tx.audit(actor, 'contact.deleted', { resource: { id }, before: told(contact), may_tell: mayTell });
      tx.tell('contact.deleted', { organization_id: actor.organization_id, contact: view });
    });
  }

  /** Makes one contact of two; the older stays and is the answer. @throws {Conflict} cannot_merge_self, already_anonymized. */
  async merge(actor: Actor, id: string, other_id: string): Promise<ContactView> {
    return this.database.tx(async (tx) => {
      const pair = await this.contacts(tx).many(actor, [id, other_id]);
      if (pair.length < new Set([id, other_id]).size) throw new NotFound('Contact');
      if (id === other_id) throw new Conflict('cannot_merge_self', 'A contact cannot be merged with itself.');
      for (const contact of pair) assertSomebody('contact', contact);
      const [keep, gone] = pair.sort((a, b) => +a.created_at - +b.created_at || (a.id < b.id ? -1 : 1));
      if (!(await mergeContacts(tx, actor, keep.id, gone.id))) throw new NotFound('Contact');
      return this.present(actor, await this.contacts(tx).get(actor, keep.id), tx);
    });
  }

  /** Those of these that are there, deleted ones too. */
  async views(tx: Tx, actor: Actor, ids: readonly string[]): Promise<ContactView[]> {
    const contacts = this.contacts(tx);
    const rows = await tx.rows<Record<string, unknown>>(
      prepared(`SELECT ${contacts.columns} FROM contacts WHERE organization_id = $1 AND id = ANY($2)`),
      [actor.organization_id, ids],
    );
    return this.presentAll(
      actor,
      rows.map((row) => contacts.hydrate(row)),
      tx,
    );
  }

  /** Contacts as the API shows them. */
  async presentAll(actor: Actor, contacts: readonly Contact[], tx?: Tx): Promise<ContactView[]> {
    if (!contacts.length) return [];
    const ids = contacts.map(({ id }) => id);
    const belongings = await belongingsOf(this.database, actor, ids, tx);
    return contacts.map((contact, i) => presentContact(contact, belongings[i].identities, belongings[i].tags));
  }

  /** The ids of those that meet it, in no order; null where they are many. */
  private few(
    actor: Actor,
    condition: Condition,
    search: string | undefined,
    narrow?: (rows: SelectQueryBuilder<Contact>) => void,
  ): Promise<string[] | null> {
    const list = this.contacts().query(actor, 'row');
    narrow?.(list);
    return idsOf(this.database, list, condition, isShort(search ?? ''));
  }

  private async narrowing(actor: Actor, query: ContactQuery): Promise<PageOptions<Contact>> {
    const period = await this.organizations.period(actor, query.created_from, query.created_to);
    const narrow = (rows: SelectQueryBuilder<Contact>): void => {
      narrowContacts(rows, query);
      narrowPeriod(rows, 'row.created_at', period);
    };
    const options = { sort: SORT, refine: narrow };
    const match = bothOf(contactMatch('row', query.search ?? ''), await this.tags.condition(actor, 'row', query.tags, query.tags_match));
    if (!match) return options;
    const found = await this.few(actor, match, query.search, narrow);
    if (!found) return { ...options, common: match };
    return { ...options, total: found.length, refine: (rows) => rows.andWhere('row.id = ANY(:found)', { found }) };
  }

  private async present(actor: Actor, contact: Contact, tx?: Tx): Promise<ContactView> {
    const [view] = await this.presentAll(actor, [contact], tx);
    return view;
  }

  /** A new row with its number as identity, told after the commit; or the contact that has the number already. */
  private async insert(actor: Actor, values: Partial<Contact>, tx: Tx, tags: readonly TagDetail[] = []): Promise<Written> {
    if (values.assigned_department_id) await assertDepartment(tx, actor, values.assigned_department_id);
    if (values.assigned_agent_id) await this.assertAgent(actor, values.assigned_agent_id, tx);
    // Before the plan: who creates twice learns of the first, not of a limit.
    const known = values.match_key && (await this.findByPhone(actor, values.match_key, tx));
    if (known) return { row: known, is_new: false };
    await this.organizations.assertWithinPlan(actor, 'contacts', undefined, tx);
    const allowed = await this.suppression.withoutLeave(tx, actor, values);
    const written = await this.orTaken(actor, values.match_key, tx, () => this.contacts(tx).insert(actor, allowed));
    if (!written.is_new) return written;
    const { id: contact_id, match_key } = written.row;
    if (match_key) await takePhones(tx, actor.organization_id, [{ contact_id, match_key }]);
    const added = tags.map(({ id }) => ({ contact_id: written.row.id, tag_id: id }));
    await this.tags.add(tx, actor, added);
    const happened = { organization_id: actor.organization_id, contact: await this.present(actor, written.row, tx) };
    tx.tell('contact.created', happened);
    tellTags(tx, happened, { added: [...tags], removed: [] });
    return written;
  }

  /** A write of a number, in a savepoint: the unique index decides who was first, and the loser still has a transaction to look in. */
  private async orTaken(actor: Actor, match_key: string | null | undefined, tx: Tx, write: () => Promise<Contact>): Promise<Written> {
    if (!match_key) return { row: await write(), is_new: true };
    for (let tries = 1; ; tries++) {
      try {
        const row = await tx.attempt(() => write());
        return { row, is_new: true };
      } catch (error) {
        if (violatedIndex(error) !== 'contacts_match_key') throw error;
        const row = await this.findByKey(actor, match_key, tx);
        if (row) return { row, is_new: false };
        // It was deleted between the two; the number is free now.
        if (tries === 3) throw error;
      }
    }
  }

  private findByKey(actor: Actor, match_key: string, tx: Tx): Promise<Contact | null> {
    return this.contacts(tx).query(actor, 'row').andWhere('row.match_key = :match_key', { match_key }).getOne();
  }

  /** The contact whose number, or further phone, this is. */
  private async findByPhone(actor: Actor, match_key: string, tx: Tx): Promise<Contact | null> {
    const own = await this.findByKey(actor, match_key, tx);
    if (own) return own;
    const contact_id = (await ownersOfPhones(tx, actor.organization_id, [match_key])).get(match_key);
    return contact_id ? this.contacts(tx).find(actor, contact_id) : null;
  }

  /** @throws {NotFound} @throws {Invalid} invalid_agent: inactive, or a viewer. */
  private async assertAgent(actor: Actor, id: string, tx: Tx): Promise<void> {
    const user = await this.database.repository(User, tx).find(actor, id);
    if (!user) throw new NotFound('Agent');
    if (!user.is_active || ![Role.agent, Role.org_admin].includes(user.role))
      throw Invalid.field('assigned_agent_id', 'must be an active agent or administrator', 'invalid_agent');
  }

  private contacts(tx?: Tx): TenantRepository<Contact> {
    return this.database.repository(Contact, tx);
  }
}

/** A row we wrote, or the one that had the number before. */
interface Written {
  row: Contact;
  is_new: boolean;
}

/** What an audit entry calls the change: by the weightiest part of it. */
function actionOf(changes: Partial<Contact>): string {
  const { is_blocked } = changes;
  if (is_blocked !== undefined) return is_blocked ? 'contact.blocked' : 'contact.unblocked';
  return Object.keys(changes).join() === 'is_vip' ? 'contact.vip_changed' : 'contact.updated';
}

/** The list itself: what it looks for is narrowed elsewhere. */
const orderOf = ({ skip, limit, page, cursor, sort }: ContactQuery): PageQuery => ({
  skip,
  limit,
  page,
  cursor,
  sort: sort?.replace(/^last_interaction_at(?=:|$)/, 'last_message_at'),
});

function alreadyExists(existing_id: string): AppError {
  const msg = 'A contact with this number already exists.';
  return new Conflict('contact_already_exists', msg, { details: [{ loc: ['body', 'whatsapp_id'], msg, type: 'duplicate', existing_id }] });
}

import { Actor } from '#common/actor';
import { matchKey } from '#common/phone';
import { newId } from '#common/uuid';
import type { PersonIds } from '#modules/whatsapp/parsed-change';
import type { Tx } from '#database/database';
import { Raced } from '#database/database-errors';
import { type Sql, prepared } from '#database/sql';
import { TenantRepository } from '#database/tenant-repository';
import { Contact } from './contact.entity';
import { ContactIdentity, IdentityKind } from './contact-identity.entity';
import type { ContactNews } from './contact-news';
import { mergeContacts } from './merge-contacts';

/** A person as one item names them. */
export interface Sighting {
  organization_id: string;
  /** BSUIDs count within one WhatsApp Business Account's portfolio. */
  portfolio_id: string;
  ids: PersonIds;
  profile_name: string | null;
  username: string | null;
  /** When they had these names. */
  seen_at: Date;
  /** The newest message of theirs in this batch; null when they were only mentioned. */
  message_at: Date | null;
  from_ad: boolean;
}

/** A contact as the filing needs it. */
export type FiledContact = Pick<
  Contact,
  | 'id'
  | 'organization_id'
  | 'name'
  | 'whatsapp_name'
  | 'username'
  | 'whatsapp_id'
  | 'match_key'
  | 'is_blocked'
  | 'is_vip'
  | 'last_message_received_at'
> & { is_new: boolean };

/** A person of a sighting. */
export interface Resolved {
  contact: FiledContact;
  /** The name they wrote under and are answered by; null: the contact's own number; undefined: no phone was told, which says nothing of which. */
  wrote_as: string | null | undefined;
}

export interface IdentityKey {
  organization_id: string;
  portfolio_id: string;
  kind: IdentityKind;
  value: string;
}

/** What is known of a name. An inactive one resolves late webhooks and says nothing about how to reach the person. */
type KnownIdentity = Pick<ContactIdentity, 'id' | 'contact_id' | 'wa_id' | 'is_active' | 'inactive_since' | 'last_seen_at'>;

/** A name that is somebody's from now on. */
interface Taking extends IdentityKey {
  contact_id: string;
  wa_id: string | null;
}

interface Seen {
  contact_id: string;
  is_new: boolean;
  sightings: Sighting[];
}

const COLUMNS = `c.id, c.organization_id, c.name, c.whatsapp_name, c.username, c.whatsapp_id, c.match_key, c.is_blocked, c.is_vip, c.last_message_received_at`;

/** How old `last_seen_at` may get before a sighting is worth a write. */
const STALE_MS = 24 * 3600_000;

/**
 * Who wrote: each sighting's contact, made where there is none. One person under several names is one contact; names seen together in one
 * payload belong together; two contacts met by one payload become one (contract 20, 1.4). A phone that was given up is whose writes from it.
 */
export async function resolvePeople(tx: Tx, news: ContactNews, sightings: readonly Sighting[]): Promise<Resolved[]> {
  const keys = new Map<string, IdentityKey>();
  for (const sighting of sightings) for (const key of keysOf(sighting)) keys.set(nameOf(key), key);
  const known = await findIdentities(tx, [...keys.values()]);

  const seen = new Map<string, Seen>();
  const fresh: Taking[] = [];
  const taken: (Taking & { id: string })[] = [];
  const bySighting: string[] = [];
  const late = new Set<Sighting>();
  const gone = new Map<string, string>();
  for (const sighting of sightings) {
    const own = keysOf(sighting);
    const hits = ownersOf(known, own, sighting.seen_at);
    if (hits.length && !provesWho(known, own)) late.add(sighting);
    let contact_id = hits[0] ?? newId();
    if (hits.length > 1) {
      if (hits.some((id) => seen.get(id)?.is_new)) throw new Raced('two new contacts of one batch are one person');
      // The older stays; UUIDv7 sorts by age.
      const [keep, ...others] = hits.sort();
      contact_id = keep;
      for (const other of others) {
        if (!(await mergeContacts(tx, Actor.system(sighting.organization_id), keep, other)))
          throw new Raced('a contact of a merge is gone');
        gone.set(other, keep);
        for (const identity of known.values()) if (identity.contact_id === other) identity.contact_id = keep;
        const before = seen.get(other);
        if (before) {
          seen.delete(other);
          seen.set(keep, { contact_id: keep, is_new: false, sightings: [...(seen.get(keep)?.sightings ?? []), ...before.sightings] });
        }
      }
    }
    const person = seen.get(contact_id) ?? { contact_id, is_new: hits.length === 0, sightings: [] };
    person.sightings.push(sighting);
    seen.set(contact_id, person);
    bySighting.push(contact_id);
    for (const key of own) {
      const identity = known.get(nameOf(key));
      // Beside a phone that somebody else may have by now, a name nobody knows proves nothing.
      if (!identity && late.has(sighting)) continue;
      const taking = { ...key, contact_id, wa_id: key.kind === IdentityKind.phone ? (sighting.ids.phone?.slice(1) ?? null) : null };
      if (identity && key.kind === IdentityKind.phone && changesHands(identity, contact_id, hasActive(known, own), sighting.seen_at)) {
        taken.push({ ...taking, id: identity.id });
        known.set(nameOf(key), { ...identity, contact_id, is_active: true, inactive_since: null });
      } else if (!identity || (identity.contact_id === contact_id && isStale(identity, key))) {
        fresh.push(taking);
        known.set(nameOf(key), {
          ...(identity ?? { id: '', wa_id: null, is_active: true, inactive_since: null }),
          contact_id,
          last_seen_at: new Date(),
        });
      }
    }
  }
  const kept = (id: string): string => {
    for (let next = gone.get(id); next; next = gone.get(id)) id = next;
    return id;
  };
  const isOld = (sighting: Sighting): boolean =>
    late.has(sighting) || keysOf(sighting).some((key) => key.kind === IdentityKind.bsuid && known.get(nameOf(key))?.is_active === false);

  const contacts = new Map<string, FiledContact>();
  const all = [...seen.values()];
  const created = await insertContacts(
    tx,
    news,
    all.filter((person) => person.is_new),
    isOld,
  );
  for (const [asked, contact] of created) contacts.set(asked, contact);
  const updated = await updateContacts(
    tx,
    all.filter((person) => !person.is_new),
    isOld,
  );
  for (const contact of updated) contacts.set(contact.id, contact);
  const ofContact = <T extends Taking>(row: T): T => ({ ...row, contact_id: contacts.get(kept(row.contact_id))?.id ?? row.contact_id });
  const identities = [...(await takeOver(tx, taken.map(ofContact))), ...(await saveIdentities(tx, fresh.map(ofContact)))];
  for (const identity of identities) known.set(nameOf(identity), identity);
  for (const [, contact] of created) {
    if (!contact.is_new) continue;
    const { is_new: _, ...row } = contact;
    const own = identities.filter((identity) => identity.contact_id === contact.id);
    news.created(tx, row, own);
  }
  return bySighting.map((id, index) => {
    const contact = contacts.get(kept(id));
    if (!contact) throw new Raced('the contact was deleted meanwhile');
    return { contact, wrote_as: addressOf(contact, known, keysOf(sightings[index])) };
  });
}

/**
 * Whose these names are; several: who is one person by now. An id that was replaced is told late and proves nothing else. A phone that was given up
 * says whose it was until then, and nothing beside another name.
 */
function ownersOf(known: ReadonlyMap<string, KnownIdentity>, keys: readonly IdentityKey[], seen_at: Date): string[] {
  const found = keys.flatMap((key) => {
    const identity = known.get(nameOf(key));
    return identity ? [{ ...identity, is_phone: key.kind === IdentityKind.phone }] : [];
  });
  const replaced = found.find(({ is_phone, is_active }) => !is_phone && !is_active);
  if (replaced) return [replaced.contact_id];
  const active = found.filter(({ is_active }) => is_active);
  const late = found.filter(({ inactive_since }) => inactive_since && seen_at <= inactive_since);
  return [...new Set((active.length ? active : late).map(({ contact_id }) => contact_id))];
}

/** Whether anything but a phone that was given up says who it is. */
const provesWho = (known: ReadonlyMap<string, KnownIdentity>, keys: readonly IdentityKey[]): boolean =>
  keys.some((key) => {
    const identity = known.get(nameOf(key));
    return identity && (identity.is_active || key.kind !== IdentityKind.phone);
  });

/** Seen long ago, or a phone of which we do not know how WhatsApp spells it. */
const isStale = ({ last_seen_at, wa_id }: KnownIdentity, { kind }: IdentityKey): boolean =>
  Date.now() - last_seen_at.getTime() >= STALE_MS || (kind === IdentityKind.phone && wa_id === null);

/** Whether an id among the names says who writes today. */
const hasActive = (known: ReadonlyMap<string, KnownIdentity>, keys: readonly IdentityKey[]): boolean =>
  keys.some((key) => key.kind !== IdentityKind.phone && known.get(nameOf(key))?.is_active);

/** A phone that was given up is whose writes from it since: somebody else's, or its earlier owner's, whom an id proves. */
const changesHands = (phone: KnownIdentity, contact_id: string, is_proved: boolean, seen_at: Date): boolean =>
  !phone.is_active && (phone.contact_id !== contact_id || is_proved) && !(phone.inactive_since && seen_at <= phone.inactive_since);

/** Under which of its names a contact is to be answered; see `wrote_as`. */
function addressOf(contact: FiledContact, known: ReadonlyMap<string, KnownIdentity>, keys: readonly IdentityKey[]): Resolved['wrote_as'] {
  const phone = keys.find(({ kind }) => kind === IdentityKind.phone);
  if (!phone && contact.match_key !== null) return undefined;
  if (phone?.value === contact.match_key) return null;
  const used = phone ?? keys.find(({ kind }) => kind !== IdentityKind.parent_bsuid);
  const identity = used && known.get(nameOf(used));
  return identity?.is_active && identity.contact_id === contact.id ? identity.id : null;
}

/** The identities of a person in one payload; phones by match key, phones and LIDs without a portfolio. */
export function keysOf({ organization_id, portfolio_id, ids }: Pick<Sighting, 'organization_id' | 'portfolio_id' | 'ids'>): IdentityKey[] {
  const keys: IdentityKey[] = [];
  if (ids.bsuid) keys.push({ organization_id, portfolio_id, kind: IdentityKind.bsuid, value: ids.bsuid });
  if (ids.parent_bsuid) keys.push({ organization_id, portfolio_id, kind: IdentityKind.parent_bsuid, value: ids.parent_bsuid });
  if (ids.phone) keys.push({ organization_id, portfolio_id: '', kind: IdentityKind.phone, value: matchKey(ids.phone) });
  if (ids.lid) keys.push({ organization_id, portfolio_id: '', kind: IdentityKind.lid, value: ids.lid });
  return keys;
}

export const nameOf = (key: IdentityKey): string => `${key.organization_id} ${key.portfolio_id} ${key.kind} ${key.value}`;

/** Which contact each of these names belongs to. */
export async function findIdentities(sql: Sql, keys: readonly IdentityKey[]): Promise<Map<string, KnownIdentity>> {
  if (!keys.length) return new Map();
  const rows = await sql.rows<IdentityKey & KnownIdentity>(
    prepared(`SELECT i.organization_id, i.portfolio_id, i.kind, i.value, i.id, i.contact_id, i.wa_id, i.is_active, i.inactive_since, i.last_seen_at
       FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) AS k(organization_id, portfolio_id, kind, value)
       JOIN contact_identities i USING (organization_id, portfolio_id, kind, value)`),
    [keys.map((k) => k.organization_id), keys.map((k) => k.portfolio_id), keys.map((k) => k.kind), keys.map((k) => k.value)],
  );
  return new Map(rows.map((row) => [nameOf(row), row]));
}

/** Whose names these are, as `ownersOf` tells it of those that are known; the oldest of several, who meet by other news. */
export async function findPerson(
  sql: Sql,
  person: Pick<Sighting, 'organization_id' | 'portfolio_id' | 'ids' | 'seen_at'>,
): Promise<string | undefined> {
  const keys = keysOf(person);
  return ownersOf(await findIdentities(sql, keys), keys, person.seen_at)[0];
}

/** Phones that were given up have a new owner. @throws {Raced} when one found another meanwhile. */
async function takeOver(tx: Tx, rows: readonly (Taking & { id: string })[]): Promise<ContactIdentity[]> {
  if (!rows.length) return [];
  const unique = new Map(rows.map((row) => [row.id, row]));
  const taken = await tx.rows<ContactIdentity>(
    `UPDATE contact_identities i
        SET contact_id = t.contact_id, wa_id = t.wa_id, is_active = true, inactive_since = NULL, last_seen_at = now(), updated_at = now(),
            first_seen_at = CASE WHEN i.contact_id = t.contact_id THEN i.first_seen_at ELSE now() END
       FROM json_to_recordset($1) AS t(organization_id uuid, id uuid, contact_id uuid, wa_id text)
      WHERE i.organization_id = t.organization_id AND i.id = t.id AND NOT i.is_active RETURNING ${new TenantRepository(tx, ContactIdentity).columnsOf('i')}`,
    [JSON.stringify([...unique.values()])],
  );
  if (taken.length < unique.size) throw new Raced('a phone found another owner');
  return taken;
}

/** An old name stays old: a late webhook is no news. @throws {Raced} when a name went to another contact meanwhile. */
async function saveIdentities(tx: Tx, rows: readonly Taking[]): Promise<ContactIdentity[]> {
  const unique = new Map(rows.map((row) => [nameOf(row), row]));
  const identities = new TenantRepository(tx, ContactIdentity);
  const saved = await identities.insertAll<ContactIdentity>(
    [...unique.values()].map((row) => ({ ...row, id: newId() })),
    `ON CONFLICT (organization_id, portfolio_id, kind, value) DO UPDATE
       SET last_seen_at = now(), wa_id = coalesce(excluded.wa_id, contact_identities.wa_id) RETURNING ${identities.columns}`,
  );
  for (const row of saved)
    if (unique.get(nameOf(row))?.contact_id !== row.contact_id) throw new Raced('an identity went to another contact');
  return saved;
}

/** What a batch tells of a person, all sightings together; later ones win. */
function told(person: Seen, isOld: (sighting: Sighting) => boolean): object {
  const { sightings } = person;
  const last = <T>(pick: (sighting: Sighting) => T | null | undefined): T | null =>
    sightings.reduce<T | null>((found, s) => pick(s) ?? found, null);
  const phone = last((s) => s.ids.phone);
  const times = sightings.flatMap((s) => s.message_at ?? []);
  return {
    id: person.contact_id,
    organization_id: sightings[0].organization_id,
    whatsapp_id: phone,
    match_key: phone && matchKey(phone),
    wa_id: phone?.slice(1) ?? null,
    whatsapp_user_id: last((s) => (isOld(s) ? null : s.ids.bsuid)),
    // Addresses who shows neither phone nor BSUID.
    lid: last((s) => s.ids.lid),
    username: last((s) => s.username?.slice(0, USERNAME_MAX)),
    whatsapp_name: last((s) => s.profile_name),
    source: sightings[0].from_ad ? 'ad' : 'whatsapp',
    message_at: times.length ? new Date(Math.max(...times.map(Number))) : null,
    received: times.length,
  };
}

/** The column's; WhatsApp's own limit is 35. */
const USERNAME_MAX = 60;

const TOLD = `json_to_recordset($1) AS t(id uuid, organization_id uuid, whatsapp_id text, match_key text, wa_id text, whatsapp_user_id text, lid text,
  username text, whatsapp_name text, source text, message_at timestamptz, received int)`;

/** New contacts by the id we gave them; where the API made the same person at this instant, that one. */
async function insertContacts(
  tx: Tx,
  news: ContactNews,
  people: readonly Seen[],
  isOld: (sighting: Sighting) => boolean,
): Promise<[asked: string, contact: Contact & { is_new: boolean }][]> {
  if (!people.length) return [];
  const rows = people.map((person) => told(person, isOld)) as { id: string; match_key: string | null; organization_id: string }[];
  const suppressed = await news.suppressed(tx, rows);
  const saved = await tx.rows<Contact & { is_new: boolean }>(
    prepared(`INSERT INTO contacts AS c (id, organization_id, whatsapp_id, match_key, wa_id, whatsapp_user_id, username, whatsapp_name, name, source, lifecycle_stage,
            opt_in, opt_in_date, opt_out_date, last_message_at, last_message_received_at, total_messages_received)
     SELECT t.id, t.organization_id, t.whatsapp_id, t.match_key, t.wa_id, coalesce(t.whatsapp_user_id, t.lid), t.username, t.whatsapp_name, t.whatsapp_name, t.source, 'lead',
            s IS NULL, CASE WHEN s IS NULL THEN now() END, CASE WHEN s IS NOT NULL THEN now() END, t.message_at, t.message_at, t.received
       FROM ${TOLD} LEFT JOIN unnest($2::text[]) AS s ON s = t.organization_id || ' ' || t.match_key
     ON CONFLICT (organization_id, match_key) WHERE deleted_at IS NULL DO UPDATE
       SET whatsapp_name = coalesce(excluded.whatsapp_name, c.whatsapp_name), wa_id = excluded.wa_id,
           whatsapp_user_id = coalesce(excluded.whatsapp_user_id, c.whatsapp_user_id), username = coalesce(excluded.username, c.username),
           last_message_at = greatest(c.last_message_at, excluded.last_message_at),
           last_message_received_at = greatest(c.last_message_received_at, excluded.last_message_received_at),
           total_messages_received = c.total_messages_received + excluded.total_messages_received, updated_at = now()
     RETURNING ${new TenantRepository(tx, Contact).columnsOf('c')}, (xmax = 0) AS is_new`),
    [JSON.stringify(rows), [...suppressed]],
  );
  const byId = new Map(saved.map((contact) => [contact.id, contact]));
  const byKey = new Map(saved.map((contact) => [`${contact.organization_id} ${contact.match_key}`, contact]));
  return rows.map((row) => {
    const contact = byId.get(row.id) ?? (row.match_key ? byKey.get(`${row.organization_id} ${row.match_key}`) : undefined);
    if (!contact) throw new Raced('a new contact did not come back');
    return [row.id, contact];
  });
}

async function updateContacts(sql: Sql, people: readonly Seen[], isOld: (sighting: Sighting) => boolean): Promise<FiledContact[]> {
  if (!people.length) return [];
  // A phone learned later (REQUEST_CONTACT_INFO, a username given up) becomes the contact's, unless it is somebody else's: identities say so.
  // The spelling we send to follows what WhatsApp says of this number, never an earlier one (a late webhook).
  return sql.rows<FiledContact>(
    prepared(`UPDATE contacts c
        SET whatsapp_id = coalesce(c.whatsapp_id, t.whatsapp_id), match_key = coalesce(c.match_key, t.match_key), 
            wa_id = CASE WHEN t.match_key = coalesce(c.match_key, t.match_key) THEN t.wa_id ELSE c.wa_id END,
            whatsapp_user_id = coalesce(t.whatsapp_user_id, c.whatsapp_user_id, t.lid), username = coalesce(t.username, c.username),
            whatsapp_name = coalesce(t.whatsapp_name, c.whatsapp_name),
            last_message_at = greatest(c.last_message_at, t.message_at), last_message_received_at = greatest(c.last_message_received_at, t.message_at),
            total_messages_received = c.total_messages_received + t.received, updated_at = now()
       FROM ${TOLD}
      WHERE c.id = t.id AND c.organization_id = t.organization_id AND c.deleted_at IS NULL
     RETURNING ${COLUMNS}, false AS is_new`),
    [JSON.stringify([...people].sort((a, b) => (a.contact_id < b.contact_id ? -1 : 1)).map((person) => told(person, isOld)))],
  );
}

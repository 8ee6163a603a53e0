import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { Invalid, NotFound } from '#common/errors';
import { isUuid, newId } from '#common/uuid';
import { Database, type Tx } from '#database/database';
import { type Condition, prepared } from '#database/sql';
import { OrganizationsService } from '#modules/organizations/organizations.service';
import { slugify } from '#modules/organizations/slugs';
import { TAGS_OF_CONTACT_MAX } from './contact-tag.entity';
import type { TagDetail } from './tag.dto';
import { TAG_NAME_MAX, Tag, flawOfTagName, tagKey } from './tag.entity';

/** A contact and one of its tags. */
export interface TagLink {
  contact_id: string;
  tag_id: string;
}

/** Beyond the limit a contact gets none of the new ones. */
export interface AddedTags {
  added: TagLink[];
  /** Contacts that would have too many. */
  crowded: string[];
}

/** SQL: names of the tags of contact `contact_id` of organization `organization_id`, A to Z, as an array. */
export const tagNames = (organization_id: string, contact_id: string): string =>
  `ARRAY(SELECT t.name FROM contact_tags l JOIN tags t ON t.organization_id = l.organization_id AND t.id = l.tag_id
          WHERE l.organization_id = ${organization_id} AND l.contact_id = ${contact_id} ORDER BY t.name_key)`;

/** SQL: the tags of the same contact, A to Z, as JSON; null: it has none. */
export const tagDetails = (organization_id: string, contact_id: string): string =>
  `(SELECT json_agg(json_build_object('id', t.id, 'name', t.name, 'color', t.color) ORDER BY t.name_key)
      FROM contact_tags l JOIN tags t ON t.organization_id = l.organization_id AND t.id = l.tag_id
     WHERE l.organization_id = ${organization_id} AND l.contact_id = ${contact_id})`;

const OF_CONTACTS = prepared(
  `SELECT l.contact_id, t.id, t.name, t.color FROM contact_tags l JOIN tags t ON t.organization_id = l.organization_id AND t.id = l.tag_id
    WHERE l.organization_id = $1 AND l.contact_id = ANY($2) ORDER BY l.contact_id, t.name_key`,
);

/** Kept from going while this transaction writes about them. */
const NAMED = 'SELECT id, name, name_key, color FROM tags WHERE organization_id = $1 AND (id = ANY($2) OR name_key = ANY($3))';
const FIND = prepared(NAMED);
const HOLD = prepared(`${NAMED} FOR KEY SHARE`);

const ADD = prepared(`WITH fresh AS (
    SELECT DISTINCT w.contact_id, w.tag_id FROM unnest($2::uuid[], $3::uuid[]) AS w(contact_id, tag_id)
     WHERE NOT EXISTS (SELECT FROM contact_tags l WHERE l.organization_id = $1 AND l.contact_id = w.contact_id AND l.tag_id = w.tag_id)),
  crowded AS (
    SELECT f.contact_id FROM fresh f GROUP BY f.contact_id
    HAVING count(*) + (SELECT count(*) FROM contact_tags l WHERE l.organization_id = $1 AND l.contact_id = f.contact_id) > ${TAGS_OF_CONTACT_MAX}),
  added AS (
    INSERT INTO contact_tags (organization_id, contact_id, tag_id)
    SELECT $1, f.contact_id, f.tag_id FROM fresh f WHERE f.contact_id NOT IN (SELECT contact_id FROM crowded)
    ON CONFLICT DO NOTHING RETURNING contact_id, tag_id)
  SELECT contact_id, tag_id FROM added UNION ALL SELECT contact_id, NULL FROM crowded`);

const REMOVE = prepared(`DELETE FROM contact_tags l USING unnest($2::uuid[], $3::uuid[]) AS w(contact_id, tag_id)
   WHERE l.organization_id = $1 AND l.contact_id = w.contact_id AND l.tag_id = w.tag_id RETURNING l.contact_id, l.tag_id`);

type Named = TagDetail & { name_key: string };

/** The tags, for who writes contacts: names and ids become tags, tags come to contacts and go. Contacts are locked by the caller. */
@Injectable()
export class Tags {
  constructor(
    private readonly database: Database,
    private readonly organizations: OrganizationsService,
  ) {}

  /**
   * The tags that are meant, each once, in the order asked: a UUID is an id, anything else a name in any case. Names there are not are made, in one
   * statement, however many; two at once get the same tag.
   * @throws {NotFound} An id. @throws {Invalid} A name no tag may have. @throws {Forbidden} `plan_limit_exceeded`.
   */
  async named(tx: Tx, actor: Actor, refs: readonly string[]): Promise<TagDetail[]> {
    const { found, missing } = await this.look(tx, actor, refs, true);
    if (missing.size) for (const [key, tag] of await this.make(tx, actor, missing)) found.set(key, tag);
    return inOrder(refs, found);
  }

  /** Those of them that are there; a name nobody knows is left out. @throws {NotFound} An id. */
  async known(tx: Tx, actor: Actor, refs: readonly string[]): Promise<TagDetail[]> {
    return inOrder(refs, (await this.look(tx, actor, refs, true)).found);
  }

  /** The tags of contacts, A to Z; one query, whatever their number. */
  async ofContacts(actor: Actor, contact_ids: readonly string[], tx?: Tx): Promise<Map<string, TagDetail[]>> {
    const rows = await (tx ?? this.database).rows<TagDetail & { contact_id: string }>(OF_CONTACTS, [actor.organization_id, contact_ids]);
    const byContact = Map.groupBy(rows, ({ contact_id }) => contact_id);
    return new Map([...byContact].map(([contact_id, tags]) => [contact_id, tags.map(({ id, name, color }) => ({ id, name, color }))]));
  }

  /** Those that are there, by id. */
  async byId(actor: Actor, ids: readonly string[]): Promise<Map<string, TagDetail>> {
    const tags = await this.database.repository(Tag).many(actor, ids);
    return new Map(tags.map(({ id, name, color }) => [id, { id, name, color }]));
  }

  /** One statement, whatever their number; what a contact has already is not added again. */
  async add(tx: Tx, { organization_id }: Actor, links: readonly TagLink[]): Promise<AddedTags> {
    if (!links.length) return { added: [], crowded: [] };
    const rows = await tx.rows<{ contact_id: string; tag_id: string | null }>(ADD, [organization_id, ...columnsOf(links)]);
    return {
      added: rows.flatMap(({ contact_id, tag_id }) => (tag_id === null ? [] : { contact_id, tag_id })),
      crowded: rows.flatMap(({ contact_id, tag_id }) => (tag_id === null ? contact_id : [])),
    };
  }

  /** One statement, whatever their number; answers what there was. */
  async remove(tx: Tx, { organization_id }: Actor, links: readonly TagLink[]): Promise<TagLink[]> {
    return links.length ? tx.rows<TagLink>(REMOVE, [organization_id, ...columnsOf(links)]) : [];
  }

  /** Contacts that are deleted have none. */
  async removeAll(tx: Tx, { organization_id }: Actor, contact_ids: readonly string[]): Promise<void> {
    await tx.rows('DELETE FROM contact_tags WHERE organization_id = $1 AND contact_id = ANY($2)', [organization_id, contact_ids]);
  }

  /** By which contacts have any, or all, of the tags; null: nothing is asked. What nobody knows, and another organization's id, no contact has. */
  async condition(actor: Actor, row: string, refs: readonly string[] | undefined, match: 'any' | 'all' = 'any'): Promise<Condition | null> {
    if (!refs?.length) return null;
    const { found, unknown, missing } = await this.look(this.database, actor, refs, false);
    const ids = [...new Set([...found.values()].map(({ id }) => id))];
    if (!ids.length || (match === 'all' && unknown.length + missing.size)) return { sql: 'false', values: {} };
    const has = (tag: string): string =>
      `EXISTS (SELECT FROM contact_tags l WHERE l.organization_id = ${row}.organization_id AND l.contact_id = ${row}.id AND l.tag_id = ${tag})`;
    if (match === 'any') return { sql: has('ANY(:tag_ids)'), values: { tag_ids: ids } };
    return {
      sql: ids.map((_, n) => has(`:tag_${n}`)).join(' AND '),
      values: Object.fromEntries(ids.map((id, n) => [`tag_${n}`, id])),
    };
  }

  /** By id or key: what there is, which ids there are not, which names there are not by their keys. */
  private async look(
    sql: Pick<Tx, 'rows'>,
    { organization_id }: Actor,
    refs: readonly string[],
    strict: boolean,
  ): Promise<{ found: Map<string, TagDetail>; unknown: string[]; missing: Map<string, string> }> {
    const ids = refs.filter(isUuid).map((id) => id.toLowerCase());
    // Of two spellings the first counts.
    const names = new Map([...refs].reverse().flatMap((ref) => (isUuid(ref) ? [] : [[tagKey(ref), ref]])));
    const rows = refs.length ? await sql.rows<Named>(strict ? HOLD : FIND, [organization_id, ids, [...names.keys()]]) : [];
    const found = foundBy(rows);
    const unknown = ids.filter((id) => !found.has(id));
    if (strict && unknown.length) throw new NotFound('Tag');
    for (const key of found.keys()) names.delete(key);
    return { found, unknown, missing: names };
  }

  private async make(tx: Tx, actor: Actor, missing: ReadonlyMap<string, string>): Promise<Map<string, TagDetail>> {
    for (const name of missing.values()) assertName(name);
    // Who makes others waits here, and the limit holds for all of them together.
    await this.organizations.lock(tx, actor);
    const { found, missing: names } = await this.look(tx, actor, [...missing.values()], true);
    if (!names.size) return found;
    const { organization_id } = actor;
    const [{ used }] = await tx.rows<{ used: number }>('SELECT count(*)::int AS used FROM tags WHERE organization_id = $1', [
      organization_id,
    ]);
    await this.organizations.assertWithinPlan(actor, 'tags', used + names.size - 1, tx);
    const rows = [...names].map(([name_key, name]) => ({ id: newId(), organization_id, name, name_key, slug: slugify(name, 'tag') }));
    const made = await this.database.repository(Tag, tx).insertAll<Named>(rows, 'RETURNING id, name, name_key, color');
    for (const { id, name, color } of made) tx.audit(actor, 'tag.created', { resource: { id, name }, after: { name, color } });
    return new Map([...found, ...foundBy(made)]);
  }
}

const columnsOf = (links: readonly TagLink[]): [contact_ids: string[], tag_ids: string[]] => [
  links.map(({ contact_id }) => contact_id),
  links.map(({ tag_id }) => tag_id),
];

/** A tag by whatever it may be asked for. */
const foundBy = (rows: readonly Named[]): Map<string, TagDetail> =>
  new Map(
    rows.flatMap(({ id, name, name_key, color }) => {
      const tag = { id, name, color };
      return [
        [id, tag],
        [name_key, tag],
      ] as const;
    }),
  );

const inOrder = (refs: readonly string[], found: ReadonlyMap<string, TagDetail>): TagDetail[] => [
  ...new Set(refs.flatMap((ref) => found.get(isUuid(ref) ? ref.toLowerCase() : tagKey(ref)) ?? [])),
];

function assertName(name: string): void {
  const flaw = name.length > TAG_NAME_MAX ? `a tag’s name has at most ${TAG_NAME_MAX} characters` : flawOfTagName(name);
  if (flaw) throw Invalid.field('tags', flaw);
}

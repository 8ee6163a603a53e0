import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { changesOf } from '#common/changes';
import { Conflict } from '#common/errors';
import type { Page, PageQuery } from '#common/page.dto';
import { Database, type Tx } from '#database/database';
import { onDuplicate } from '#database/database-errors';
import { prepared } from '#database/sql';
import type { TenantRepository } from '#database/tenant-repository';
import { OrganizationsService } from '#modules/organizations/organizations.service';
import { slugify } from '#modules/organizations/slugs';
import type { TagCreate, TagUpdate, TagView } from './tag.dto';
import { Tag, tagKey } from './tag.entity';

onDuplicate('tags_name_key', () => {
  const msg = 'A tag of this name exists.';
  return new Conflict('tag_already_exists', msg, { details: [{ loc: ['body', 'name'], msg, type: 'duplicate' }] });
});

/** Off the index by tag alone: a contact that is deleted has no tags. */
const COUNTS = prepared(
  `SELECT a.id, (SELECT count(*)::int FROM contact_tags l WHERE l.organization_id = $1 AND l.tag_id = a.id) AS contacts_count
     FROM unnest($2::uuid[]) AS a(id)`,
);

/** The labels of contacts. */
@Injectable()
export class TagsService {
  constructor(
    private readonly database: Database,
    private readonly organizations: OrganizationsService,
  ) {}

  page(actor: Actor, query: PageQuery): Promise<Page<TagView>> {
    return this.database.alike.ask([actor.organization_id, 'tags', query], async () => {
      const page = await this.tags().page(actor, query, {
        search: ['name', 'description'],
        sort: ['name', 'created_at', 'updated_at'],
        default_sort: 'name:asc',
      });
      return { ...page, items: await this.presentAll(actor, page.items) };
    });
  }

  async get(actor: Actor, id: string): Promise<TagView> {
    return this.present(actor, await this.tags().get(actor, id));
  }

  /** @throws {Conflict} `tag_already_exists`. @throws {Forbidden} `plan_limit_exceeded`. */
  create(actor: Actor, input: TagCreate): Promise<TagView> {
    return this.database.tx(async (tx) => {
      await this.organizations.assertWithinPlan(actor, 'tags', undefined, tx);
      const tag = await this.tags(tx).insert(actor, { ...input, ...namesOf(input.name) });
      tx.audit(actor, 'tag.created', { resource: tag, after: shown(tag) });
      return this.present(actor, tag, tx);
    });
  }

  /** Its contacts keep it. @throws {Conflict} `tag_already_exists`. */
  update(actor: Actor, id: string, input: TagUpdate): Promise<TagView> {
    return this.database.tx(async (tx) => {
      const before = await this.tags(tx).lock(actor, id);
      const changes = changesOf<Tag>(before, input);
      tx.audit(actor, 'tag.updated', { resource: before, before, after: changes });
      const tag = await this.tags(tx).patch(actor, id, { ...changes, ...(changes.name !== undefined && namesOf(changes.name)) });
      return this.present(actor, tag, tx);
    });
  }

  /** From every contact, in one fact. @throws {Conflict} `system_tag`. */
  async remove(actor: Actor, id: string): Promise<void> {
    await this.database.tx(async (tx) => {
      const tag = await this.tags(tx).lock(actor, id);
      if (tag.is_system) throw new Conflict('system_tag', 'PyTake itself uses this tag: it cannot be deleted.');
      await this.tags(tx).remove(actor, id);
      tx.audit(actor, 'tag.deleted', { resource: tag, before: shown(tag) });
      tx.tell('tag.deleted', { organization_id: actor.organization_id, tag: shown(tag) });
    });
  }

  private async present(actor: Actor, tag: Tag, tx?: Tx): Promise<TagView> {
    const [view] = await this.presentAll(actor, [tag], tx);
    return view;
  }

  /** What they are on is counted in one query. */
  private async presentAll(actor: Actor, tags: readonly Tag[], tx?: Tx): Promise<TagView[]> {
    if (!tags.length) return [];
    const rows = await (tx ?? this.database).rows<{ id: string; contacts_count: number }>(COUNTS, [
      actor.organization_id,
      tags.map(({ id }) => id),
    ]);
    const counts = new Map(rows.map(({ id, contacts_count }) => [id, contacts_count]));
    return tags.map((tag) => ({ ...shown(tag), contacts_count: counts.get(tag.id) ?? 0 }));
  }

  private tags(tx?: Tx): TenantRepository<Tag> {
    return this.database.repository(Tag, tx);
  }
}

/** A name with what is made of it. */
const namesOf = (name: string): Pick<Tag, 'name' | 'name_key' | 'slug'> => ({ name, name_key: tagKey(name), slug: slugify(name, 'tag') });

/** A tag as the API shows it. */
const shown = ({ name_key: _, ...tag }: Tag): Tag => tag;

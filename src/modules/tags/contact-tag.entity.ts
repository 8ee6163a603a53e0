import { CreateDateColumn, Entity, Index, PrimaryColumn } from 'typeorm';
import { declareContactRows } from '#database/personal-data';
import { Reference } from '#database/references';
import { Tag } from './tag.entity';

/** A contact has so many tags at most. */
export const TAGS_OF_CONTACT_MAX = 50;

/** Which contact has which tag; a contact that is deleted has none, so that a tag's rows are its contacts. */
@Entity('contact_tags')
@Reference('Contact', 'contact_id', 'CASCADE')
@Reference(() => Tag, 'tag_id', 'CASCADE')
@Index('contact_tags_tag_idx', ['organization_id', 'tag_id', 'contact_id'])
export class ContactTag {
  @PrimaryColumn('uuid')
  organization_id: string;

  @PrimaryColumn('uuid')
  contact_id: string;

  @PrimaryColumn('uuid')
  tag_id: string;

  @CreateDateColumn({ type: 'timestamptz', precision: 3 })
  created_at: Date;
}

declareContactRows('contact_tags', {
  // Its own first, then what fits of the other's, the oldest first; the rest goes with the contact that does.
  merge: async (tx, { actor, keep, gone }) => {
    const ids = [actor.organization_id, keep, gone];
    await tx.rows(
      `INSERT INTO contact_tags (organization_id, contact_id, tag_id)
       SELECT $1, $2, g.tag_id FROM contact_tags g
        WHERE g.organization_id = $1 AND g.contact_id = $3
          AND NOT EXISTS (SELECT FROM contact_tags k WHERE k.organization_id = $1 AND k.contact_id = $2 AND k.tag_id = g.tag_id)
        ORDER BY g.created_at, g.tag_id
        LIMIT greatest(0, ${TAGS_OF_CONTACT_MAX} - (SELECT count(*) FROM contact_tags k WHERE k.organization_id = $1 AND k.contact_id = $2))
       ON CONFLICT DO NOTHING`,
      ids,
    );
    await tx.rows('DELETE FROM contact_tags WHERE organization_id = $1 AND contact_id = $3 AND $2::uuid IS NOT NULL', ids);
  },
  erase: 'delete',
  // A label may say who it was.
  anonymize: 'delete',
  export: ['tag_id', 'created_at'],
});

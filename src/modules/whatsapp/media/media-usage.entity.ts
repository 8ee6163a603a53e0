import { Column, Entity, PrimaryColumn } from 'typeorm';

/** How many bytes of files an organization keeps; moves with the rows of `media_files`, so that nobody has to add them up. */
@Entity('media_usage')
export class MediaUsage {
  @PrimaryColumn('uuid')
  organization_id: string;

  @Column('bigint', { default: 0 })
  size_bytes: string;
}

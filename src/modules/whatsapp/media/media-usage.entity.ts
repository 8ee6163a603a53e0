import { Column, Entity, PrimaryColumn } from 'typeorm';
import { declareResource } from '#modules/organizations/plan-resources';

/** How many bytes of files an organization keeps; moves with the rows of `media_files`, so that nobody has to add them up. */
@Entity('media_usage')
export class MediaUsage {
  @PrimaryColumn('uuid')
  organization_id: string;

  @Column('bigint', { default: 0 })
  size_bytes: string;
}

const GB = 1024 ** 3;

declareResource('media_bytes', {
  text: "What all files take, the team's uploads and what customers sent; uploads stop at the limit, what customers send is kept beyond it too.",
  limits: { free: 5 * GB, starter: 5 * GB, growth: 5 * GB, professional: 5 * GB, enterprise: -1 },
  usage: 'SELECT coalesce((SELECT size_bytes FROM media_usage WHERE organization_id = $1), 0)::float8',
  is_large: true,
});

declare module '#modules/organizations/plan-resources' {
  interface PlanResources {
    media_bytes: true;
  }
}

import { Field, ID, ObjectType } from '@nestjs/graphql';
import { Column, Entity, Index } from 'typeorm';
import { Json, type JsonObject } from '#common/json.scalar';
import { SoftDeletedEntity } from '#database/tenant.entity';

/** A text approved by Meta, required outside the window. */
@Entity('whatsapp_templates')
@ObjectType({ isAbstract: true })
@Index('whatsapp_templates_key', ['organization_id', 'whatsapp_number_id', 'name', 'language'], {
  unique: true,
  where: 'deleted_at IS NULL',
})
export class Template extends SoftDeletedEntity {
  @Column('uuid')
  @Field(() => ID)
  whatsapp_number_id: string;

  @Column('varchar', { length: 64, nullable: true })
  meta_template_id: string | null;

  @Column('varchar', { length: 512 })
  name: string;

  @Column('varchar', { length: 20, default: 'pt_BR' })
  language: string;

  /** MARKETING, UTILITY or AUTHENTICATION. */
  @Column('varchar', { length: 30 })
  category: string;

  /** Meta's word; only APPROVED is sendable. */
  @Column('varchar', { length: 30 })
  status: string;

  @Column('varchar', { length: 500, nullable: true })
  rejected_reason: string | null;

  @Column('varchar', { length: 20, nullable: true })
  quality_score: string | null;

  /** positional or named. */
  @Column('varchar', { length: 12, default: 'positional' })
  @Field(() => String)
  parameter_format: 'positional' | 'named';

  /** Meta's form. */
  @Column('jsonb', { default: [] })
  @Field(() => Json)
  components: JsonObject[];

  /** The local switch. */
  @Column('boolean', { default: true })
  is_enabled: boolean;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  last_synced_at: Date | null;
}

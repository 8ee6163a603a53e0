import { Field, HideField, ID, ObjectType } from '@nestjs/graphql';
import { CreateDateColumn, DeleteDateColumn, PrimaryColumn, UpdateDateColumn } from 'typeorm';
import { ApiHideProperty } from '@nestjs/swagger';

/** A row of one organization, which is part of its key. Reached through TenantRepository only. */
@ObjectType({ isAbstract: true })
export abstract class TenantEntity {
  /** UUIDv7: ids sort by time of creation. */
  @PrimaryColumn('uuid')
  @Field(() => ID)
  id: string;

  /** Whose row it is. */
  @PrimaryColumn('uuid')
  @Field(() => ID)
  organization_id: string;

  @CreateDateColumn({ type: 'timestamptz', precision: 3 })
  created_at: Date;

  @UpdateDateColumn({ type: 'timestamptz', precision: 3 })
  updated_at: Date;
}

/** A tenant row that leaves lists and reads when deleted, but stays for what refers to it. */
@ObjectType({ isAbstract: true })
export abstract class SoftDeletedEntity extends TenantEntity {
  @DeleteDateColumn({ type: 'timestamptz', precision: 3, nullable: true })
  @HideField()
  @ApiHideProperty()
  deleted_at?: Date | null;
}

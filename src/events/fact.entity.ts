import { Column, Entity, Index, PrimaryColumn, PrimaryGeneratedColumn } from 'typeorm';
import type { JsonObject } from '#common/json.scalar';
import { declareTraces } from '#database/personal-data';
import { declareRetention } from '#database/retention';

/** SQL: given up by its reader, under whose name it stands after this word. */
export const SET_ASIDE = "reader LIKE 'dead:%'";

/** Something that happened and that a reader has not worked through yet; written in the transaction in which it happened. */
@Entity('facts')
@Index('facts_set_aside_idx', ['due_at'], { where: SET_ASIDE })
@Index('facts_put_off_idx', ['reader', 'organization_id', 'aggregate'], { where: 'due_at IS NOT NULL' })
export class Fact {
  /** Who reads it. */
  @PrimaryColumn('varchar', { length: 40 })
  reader: string;

  @PrimaryColumn('uuid')
  organization_id: string;

  /** In the order in which things happened to one aggregate: who writes holds its lock. */
  @PrimaryGeneratedColumn('identity', { type: 'bigint' })
  id: string;

  /** `noun.verb`, past tense. */
  @Column('varchar', { length: 60 })
  name: string;

  /** The aggregate: facts of one are read in order. */
  @Column('varchar', { length: 40 })
  aggregate: string;

  /** Ids, and what changed. */
  @Column('jsonb')
  data: JsonObject;

  @Column({ type: 'timestamptz', precision: 3, default: () => 'now()' })
  told_at: Date;

  /** Tries that failed, the reason of the last one, and when the next may be. */
  @Column('int', { default: 0 })
  attempts: number;

  @Column('varchar', { length: 500, nullable: true })
  error: string | null;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  due_at: Date | null;
}

// As long as what could not be filed: until then somebody has looked at it.
declareRetention('facts', { where: `${SET_ASIDE} AND due_at < now() - interval '90 days'`, oldest: 'due_at' });

// Others are read within moments.
declareTraces('facts', { text: 'data::text', where: SET_ASIDE, walk: 'id' });

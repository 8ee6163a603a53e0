import { Column, Entity, PrimaryColumn } from 'typeorm';

/** What administrators were told of a limit of their plan that comes near or is reached: each once. */
@Entity('plan_warnings')
export class PlanWarning {
  @PrimaryColumn('uuid')
  organization_id: string;

  @PrimaryColumn('varchar', { length: 50 })
  resource: string;

  /** 80 or 100. */
  @PrimaryColumn('smallint')
  percent: number;

  /** The limit it was told of; another one is told anew. */
  @Column('bigint')
  max: string;

  /** `2026-11` where the count begins anew each month; else empty. */
  @Column('varchar', { length: 7 })
  period: string;

  @Column({ type: 'timestamptz', precision: 3, default: () => 'now()' })
  told_at: Date;
}

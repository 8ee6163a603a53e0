import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { declareErasure } from '#database/erasure';
import { declareUserRows } from '#database/personal-data';
import { declareRights } from '#database/rights';

export type AuditActorType = 'user' | 'system' | 'webhook' | 'api';
export type AuditResult = 'success' | 'failure';
export type AuditChanges = Record<string, { from?: unknown; to?: unknown }>;

/** Who did what, when, from where. Append-only: PyTake's role may only read and add, and a trigger refuses the owner all but retention and erasure. */
@Entity('audit_logs')
@Index('audit_logs_age_idx', ['created_at'])
@Index('audit_logs_organization_idx', ['organization_id', 'created_at'])
@Index('audit_logs_actor_idx', ['organization_id', 'actor_id', 'created_at'])
@Index('audit_logs_action_idx', ['organization_id', 'action', 'created_at'])
@Index('audit_logs_resource_idx', ['organization_id', 'resource_type', 'resource_id', 'created_at'])
@Index('audit_logs_request_idx', ['organization_id', 'request_id'])
@Index('audit_logs_address_idx', ['organization_id', 'ip_address', 'created_at'])
@Index('audit_logs_failure_idx', ['organization_id', 'created_at'], { where: "result = 'failure'" })
export class AuditLog {
  @PrimaryColumn('uuid')
  id: string;

  /** null: before an organization is known, e.g. a login that failed. */
  @Column('uuid', { nullable: true })
  organization_id: string | null;

  @Column('varchar', { length: 10 })
  actor_type: AuditActorType;

  @Column('uuid', { nullable: true })
  actor_id: string | null;

  /** actor_id again when the actor is a user; null for an API key. */
  @Column('uuid', { nullable: true })
  user_id: string | null;

  /** Of who is no user: what was typed. A user's is read from the user. */
  @Column('varchar', { length: 255, nullable: true })
  actor_email: string | null;

  @Column('varchar', { length: 20, nullable: true })
  actor_role: string | null;

  /** `resource.verb` */
  @Column('varchar', { length: 100 })
  action: string;

  @Column('varchar', { length: 50 })
  resource_type: string;

  @Column('varchar', { length: 100, nullable: true })
  resource_id: string | null;

  /** null of a user: theirs is read from the user. */
  @Column('varchar', { length: 255, nullable: true })
  resource_name: string | null;

  /** Per field what it was and what it became; secrets are `***`, message texts are left out. */
  @Column('jsonb', { default: {} })
  changes: AuditChanges;

  @Column('jsonb', { default: {} })
  metadata: Record<string, unknown>;

  @Column('varchar', { length: 10 })
  result: AuditResult;

  @Column('varchar', { length: 64, nullable: true })
  ip_address: string | null;

  @Column('varchar', { length: 512, nullable: true })
  user_agent: string | null;

  @Column('varchar', { length: 64, nullable: true })
  request_id: string | null;

  @Column({ type: 'timestamptz', precision: 3 })
  created_at: Date;
}

declareUserRows('audit_logs', {
  erase: { keep: 'proof of who did what, append-only; names nobody but by id: names and e-mails are read from the user' },
  export: ['action', 'resource_type', 'resource_id', 'result', 'ip_address', 'user_agent', 'created_at'],
});

// With organizations that nobody can have back.
declareErasure('audit_logs', { by: 'erase_audit_logs' });

declareRights('audit_logs', 'INSERT, SELECT');

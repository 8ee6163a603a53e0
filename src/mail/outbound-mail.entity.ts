import { Column, Entity, Index } from 'typeorm';
import { declareUserRows } from '#database/personal-data';
import { Reference } from '#database/references';
import { declareRetention } from '#database/retention';
import { declareSealed } from '#database/sealed-columns';
import { TenantEntity } from '#database/tenant.entity';

/** A mail that is to leave, or has left: written in the transaction of what it tells. */
@Entity('outbound_mails')
@Reference('User', 'user_id', 'CASCADE')
@Index('outbound_mails_due_idx', ['organization_id', 'due_at'], { where: "status = 'pending'" })
@Index('outbound_mails_recipient_idx', ['organization_id', 'recipient', 'mail', 'created_at'])
@Index('outbound_mails_settled_idx', ['settled_at'], { where: 'settled_at IS NOT NULL' })
export class OutboundMail extends TenantEntity {
  /** Whose it is; null: an address without an account. */
  @Column('uuid', { nullable: true })
  user_id: string | null;

  @Column('varchar', { length: 255 })
  recipient: string;

  /** Which mail, as its room declared it. */
  @Column('varchar', { length: 60 })
  mail: string;

  /** BCP-47, the recipient's or the organization's; null: neither says. */
  @Column('varchar', { length: 35, nullable: true })
  language: string | null;

  /** What its text takes, as encrypted JSON: there may be a token in it. null as soon as it is settled. */
  @Column('text', { nullable: true })
  values_encrypted: string | null;

  @Column('varchar', { length: 10, default: 'pending' })
  status: 'pending' | 'sent' | 'failed';

  @Column('int', { default: 0 })
  attempts: number;

  /** pending: when it is tried next. */
  @Column({ type: 'timestamptz', precision: 3, default: () => 'now()' })
  due_at: Date;

  /** Of the last try that failed. */
  @Column('varchar', { length: 500, nullable: true })
  error: string | null;

  /** Sent or given up. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  settled_at: Date | null;
}

declareSealed('outbound_mails', { columns: ['values_encrypted'], place: ['organization_id', 'id'] });

declareRetention('outbound_mails', { where: "settled_at < now() - interval '30 days'", oldest: 'settled_at' });

declareUserRows('outbound_mails', { erase: 'delete', export: ['recipient', 'mail', 'status', 'created_at', 'settled_at'] });

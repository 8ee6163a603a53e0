import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Place } from '#common/encryption';
import { Reference } from '#database/references';
import { declareSealed } from '#database/sealed-columns';
import { Webhook } from './webhook.entity';

/** What a webhook's deliveries are signed with, and the values of its headers. Never an answer, so not an object type. */
@Entity('webhook_secrets')
@Reference(() => Webhook, 'webhook_id', 'CASCADE')
export class WebhookSecret {
  @PrimaryColumn('uuid')
  organization_id: string;

  @PrimaryColumn('uuid')
  webhook_id: string;

  /** null: that of its number. */
  @Column('text', { nullable: true })
  secret: string | null;

  /** The one of before; signs too, for a while. */
  @Column('text', { nullable: true })
  previous_secret: string | null;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  previous_until: Date | null;

  /** JSON: names and values. */
  @Column('text', { nullable: true })
  headers: string | null;
}

declareSealed('webhook_secrets', { columns: ['secret', 'previous_secret', 'headers'], place: ['organization_id', 'webhook_id'] });

/** What the secrets of a webhook are sealed for. */
export const placeOfSecrets = ({ organization_id, id }: Pick<Webhook, 'organization_id' | 'id'>): Place => [organization_id, id];

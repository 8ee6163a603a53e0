import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import type { Place } from '#common/encryption';
import { Reference } from '#database/references';
import { declareSealed } from '#database/sealed-columns';
import { declareUntold } from '#database/untold';
import { WhatsAppNumber } from './whatsapp-number.entity';

/** A number's keys, encrypted (`#common/encryption`). Never an answer, so not an object type. Of a deleted number only app_secret is left. */
@Entity('whatsapp_number_secrets')
@Reference(() => WhatsAppNumber, 'whatsapp_number_id', 'CASCADE')
@Index('whatsapp_number_secrets_verify_idx', ['webhook_verify_token'])
@Index('whatsapp_number_secrets_webhook_idx', ['webhook_token'], { where: 'webhook_token IS NOT NULL' })
export class WhatsAppNumberSecret {
  @PrimaryColumn('uuid')
  whatsapp_number_id: string;

  @PrimaryColumn('uuid')
  organization_id: string;

  @Column('text', { nullable: true })
  access_token: string | null;

  /** Last four characters, so that a person knows which token it is. */
  @Column('varchar', { length: 4, nullable: true })
  access_token_hint: string | null;

  /** Verifies this number's webhooks; null: META_APP_SECRET. */
  @Column('text', { nullable: true })
  app_secret: string | null;

  /** Given to Meta by the admin, looked up by its value: not a key to anything but the verification handshake. Evolution shows it with each webhook. */
  @Column('varchar', { length: 128 })
  webhook_verify_token: string;

  /** Opens the Evolution server for this number; null: EVOLUTION_API_KEY. */
  @Column('text', { nullable: true })
  evolution_api_key: string | null;

  /** Of a number that is paired: the part of its webhook's address nobody guesses. */
  @Column('uuid', { nullable: true })
  webhook_token: string | null;
}

declareSealed('whatsapp_number_secrets', {
  columns: ['access_token', 'app_secret', 'evolution_api_key'],
  place: ['organization_id', 'whatsapp_number_id'],
});

declareUntold('whatsapp_number_secrets', { columns: ['webhook_verify_token', 'webhook_token'] });

/** What the keys of a number are sealed for. */
export const placeOfKeys = (organization_id: string, whatsapp_number_id: string): Place => [organization_id, whatsapp_number_id];

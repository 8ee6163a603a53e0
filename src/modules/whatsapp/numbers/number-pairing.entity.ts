import { Column, Entity, PrimaryColumn } from 'typeorm';
import { Reference } from '#database/references';
import { declareUntold } from '#database/untold';
import { WhatsAppNumber } from './whatsapp-number.entity';

/** A number whose connection is held for us by an instance at its provider: there from the first QR code until that instance is deleted. */
@Entity('whatsapp_number_pairings')
@Reference(() => WhatsAppNumber, 'whatsapp_number_id', 'CASCADE')
export class NumberPairing {
  @PrimaryColumn('uuid')
  organization_id: string;

  @PrimaryColumn('uuid')
  whatsapp_number_id: string;

  /** The newest code to scan, as a PNG data URL; null: none is waited for. Whoever scans it gives us their WhatsApp. */
  @Column('text', { nullable: true })
  qr_code: string | null;

  /** The same, as the text in it. */
  @Column('text', { nullable: true })
  code: string | null;

  /** To be typed in place of scanning. */
  @Column('varchar', { length: 32, nullable: true })
  pairing_code: string | null;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  expires_at: Date | null;
}

// Whoever scans it, or types it, gives us their WhatsApp: or has this one, while it waits.
declareUntold('whatsapp_number_pairings', { columns: ['qr_code', 'code', 'pairing_code'] });

import { Column, Entity, Index } from 'typeorm';
import { Reference } from '#database/references';
import { TenantEntity } from '#database/tenant.entity';
import { WhatsAppNumber } from '../numbers/whatsapp-number.entity';

/** A file: uploaded by an agent, or a contact's to be fetched from the provider. The bytes stand in the media storage. */
@Entity('media_files')
// A file of no message and never sent is swept, bytes and row together.
@Reference('Message', 'message_id', 'SET NULL')
@Reference(() => WhatsAppNumber, 'whatsapp_number_id', 'SET NULL')
@Index('media_files_due_idx', ['organization_id', 'due_at'], { where: "status = 'pending'" })
@Index('media_files_unused_idx', ['created_at'], { where: 'message_id IS NULL AND sent_at IS NULL' })
@Index('media_files_age_idx', ['organization_id', 'created_at'], { where: 'storage_key IS NOT NULL' })
@Index('media_files_message_idx', ['organization_id', 'message_id'])
export class MediaFile extends TenantEntity {
  @Column('uuid', { nullable: true })
  message_id: string | null;

  /** An upload: when a message first took it; null: nobody has sent it. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  sent_at: Date | null;

  /** The number it came to, or that sent it last. */
  @Column('uuid', { nullable: true })
  whatsapp_number_id: string | null;

  /** The provider's id: of the incoming file, or of ours once it was uploaded to the number. */
  @Column('varchar', { length: 128, nullable: true })
  provider_media_id: string | null;

  /** Type by content once it is here, the provider's word before. */
  @Column('varchar', { length: 255 })
  mime_type: string;

  @Column('varchar', { length: 255, nullable: true })
  filename: string | null;

  @Column('bigint', {
    nullable: true,
    transformer: { to: (value: number | null) => value, from: (value: string | null) => (value === null ? null : Number(value)) },
  })
  size_bytes: number | null;

  /** Hex. */
  @Column('varchar', { length: 64, nullable: true })
  sha256: string | null;

  @Column('varchar', { length: 10 })
  status: 'pending' | 'ready' | 'failed' | 'expired';

  /** Key in the media storage; null until the bytes are there. */
  @Column('varchar', { length: 255, nullable: true })
  storage_key: string | null;

  /** Of the image/webp that stands beside the file; null: it has none. */
  @Column('int', { nullable: true })
  thumbnail_bytes: number | null;

  @Column('int', { default: 0 })
  attempts: number;

  /** pending: when it is fetched next. ready: until when the number's provider_media_id is good. */
  @Column({ type: 'timestamptz', precision: 3, default: () => 'now()' })
  due_at: Date;
}

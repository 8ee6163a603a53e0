import { CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

/** A phone whose owner was erased or made nobody's: marketing does not come back with an import. Says no number: HMAC-SHA-256 with a key of the server's. */
@Entity('suppressed_phones')
export class SuppressedPhone {
  @PrimaryColumn('uuid')
  organization_id: string;

  /** Of the match key, hex. */
  @PrimaryColumn('char', { length: 64 })
  phone_hmac: string;

  @CreateDateColumn({ type: 'timestamptz', precision: 3 })
  created_at: Date;
}

import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';
import { declareUserRows } from '#database/personal-data';
import { declareSealed } from '#database/sealed-columns';
import { Reference } from '#database/references';
import { declareUntold } from '#database/untold';
import { User } from '#modules/users/user.entity';

/** The second factor of a user's login (TOTP). Never an answer, so not an object type. */
@Entity('two_factors')
@Reference(() => User, 'user_id', 'CASCADE')
export class TwoFactor {
  @PrimaryColumn('uuid')
  organization_id: string;

  @PrimaryColumn('uuid')
  user_id: string;

  /** What the user's app makes its codes of, sealed (`Encryption`). */
  @Column('text')
  secret: string;

  /** null: set up, and no code has shown yet that the app has it. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  enabled_at: Date | null;

  /** The newest code's time step (RFC 6238): codes up to it are spent. */
  @Column('int', { default: 0 })
  last_step: number;

  /** SHA-256 of the recovery codes that are left, hex. */
  @Column('text', { array: true, default: '{}' })
  recovery_hashes: string[];

  @CreateDateColumn({ type: 'timestamptz', precision: 3 })
  created_at: Date;
}

declareSealed('two_factors', { columns: ['secret'], place: ['organization_id', 'user_id'] });

declareUserRows('two_factors', { erase: 'delete', export: ['enabled_at'] });

declareUntold('two_factors', { columns: ['recovery_hashes'] });

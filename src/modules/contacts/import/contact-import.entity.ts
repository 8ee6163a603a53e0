import { ApiHideProperty, ApiProperty } from '@nestjs/swagger';
import { Column, Entity, Index } from 'typeorm';
import type { Role } from '#common/actor';
import { declareTraces } from '#database/personal-data';
import { Reference } from '#database/references';
import { declareRetention } from '#database/retention';
import { TenantEntity } from '#database/tenant.entity';
import type { Column as FileColumn } from './columns';
import type { StagedRow } from './import-rows';

/** queued → processing → completed or failed. */
export enum ImportStatus {
  queued = 'queued',
  processing = 'processing',
  completed = 'completed',
  failed = 'failed',
}

/** What becomes of a row whose person is a contact already. */
export enum OnDuplicate {
  skip = 'skip',
  update = 'update',
  error = 'error',
}

/** Why a row was left out. */
export class ImportError {
  /** As the spreadsheet numbers it, the header being row 1; null: it is about the whole import. */
  @ApiProperty({ type: 'integer', nullable: true, minimum: 1 })
  row: number | null;

  /** The field of the contact, `attributes.name` of an attribute; null: the row as such. */
  @ApiProperty({ type: String, nullable: true })
  field: string | null;

  /** The cell, its first 100 characters. */
  @ApiProperty({ type: String, nullable: true, maxLength: 100 })
  value: string | null;

  message: string;
}

/** How an import goes about its rows. */
export interface ImportSettings {
  columns: FileColumn[];
  country_code: string | null;
  tags: string[];
  replace_tags: boolean;
  /** Of new contacts whose row says nothing of it; null: the default. */
  opt_in: boolean | null;
  /** Who started it. */
  user_id: string | null;
  role: Role;
  api_key_id: string | null;
  home_organization_id: string | null;
}

/** A file of contacts that is, or was, taken in. The API answers a `ContactImportView`. */
@Entity('contact_imports')
@Index('contact_imports_newest_idx', ['organization_id', 'created_at', 'id'])
@Index('contact_imports_due_idx', ['organization_id', 'due_at'], { where: 'due_at IS NOT NULL' })
@Index('contact_imports_age_idx', ['created_at'])
export class ContactImport extends TenantEntity {
  @Column('varchar', { length: 10 })
  @ApiProperty({ enum: ImportStatus })
  status: ImportStatus;

  @Column('varchar', { length: 255 })
  filename: string;

  /** Nothing is written: the counts are what would happen. */
  @Column('boolean', { default: false })
  dry_run: boolean;

  @Column('varchar', { length: 10 })
  @ApiProperty({ enum: OnDuplicate })
  on_duplicate: OnDuplicate;

  /** Without the header and blank rows. */
  @Column('int')
  @ApiProperty({ type: 'integer', minimum: 0 })
  total_rows: number;

  /** Of them so far. */
  @Column('int', { default: 0 })
  @ApiProperty({ type: 'integer', minimum: 0 })
  processed_rows: number;

  @Column('int', { default: 0 })
  @ApiProperty({ type: 'integer', minimum: 0 })
  created_count: number;

  @Column('int', { default: 0 })
  @ApiProperty({ type: 'integer', minimum: 0 })
  updated_count: number;

  /** Duplicates that were left as they are. */
  @Column('int', { default: 0 })
  @ApiProperty({ type: 'integer', minimum: 0 })
  skipped_count: number;

  @Column('int', { default: 0 })
  @ApiProperty({ type: 'integer', minimum: 0 })
  failed_count: number;

  /** The first 100. */
  @Column('jsonb', { default: [] })
  @ApiProperty({ type: [ImportError] })
  errors: ImportError[];

  /** A user; null: an API key, or somebody of another organization. */
  @Column('uuid', { nullable: true })
  @ApiProperty({ type: String, format: 'uuid', nullable: true })
  created_by: string | null;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  started_at: Date | null;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  finished_at: Date | null;

  @Column('jsonb')
  @ApiHideProperty()
  settings?: ImportSettings;

  /** When somebody may go on with it: now while it waits, later while somebody is at it; null: it ended. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  @ApiHideProperty()
  due_at?: Date | null;

  /** Of whoever went on with it and did not come a batch further. */
  @Column('int', { default: 0 })
  @ApiHideProperty()
  attempts?: number;
}

declareRetention('contact_imports', { where: "created_at < now() - interval '30 days'", oldest: 'created_at' });

// The cells of rows that were left out.
declareTraces('contact_imports', { text: 'errors::text', where: 'finished_at IS NOT NULL', walk: 'id' });

/** Rows of a file that still wait: each goes in the transaction that takes it in, the last one with the end of the import. */
@Entity('contact_import_parts')
@Reference(() => ContactImport, 'import_id', 'CASCADE')
@Index('contact_import_parts_import_idx', ['organization_id', 'import_id', 'id'])
export class ContactImportPart extends TenantEntity {
  @Column('uuid')
  import_id: string;

  @Column('jsonb')
  rows: StagedRow[];
}

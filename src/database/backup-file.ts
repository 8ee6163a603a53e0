import { Client, escapeIdentifier } from 'pg';

/**
 * A backup is one tar.gz: `backup.json` (BackupHead), `secrets.json`, the rows of each table as COPY's text in pieces (`tables/NAME/000001`),
 * `media/KEY`, and last `end.json` (BackupEnd). Rows rather than PostgreSQL's own files: they fit a later PostgreSQL too, and the indexes stay out.
 */
export interface BackupHead {
  format: 1;
  made_at: string;
  /** Names of the migrations that made the tables, in their order. */
  migrations: string[];
  /** Columns by table, in the order of the rows' fields. */
  tables: Record<string, Column[]>;
  /** Where each sequence stands; null: not used yet. */
  sequences: Record<string, string | null>;
}

export interface Column {
  name: string;
  type: string;
}

export interface BackupEnd {
  /** Of every byte before this file; also says that the backup is whole. */
  sha256: string;
  rows: Record<string, number>;
  files: number;
  /** Media that rows name and the storage no longer had. */
  files_missing: number;
}

export const columnNames = (columns: readonly Column[]): string => columns.map(({ name }) => escapeIdentifier(name)).join(', ');

/** A connection of its own without limits of time; what breaks it also fails what waits on it. */
export async function connect(connectionString: string): Promise<Client> {
  const client = new Client({ connectionString, application_name: 'pytake-backup', options: '-c datestyle=ISO -c timezone=UTC' });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/**
 * `npm run migration:seal`: writes migrations/sealed.ts, the checksum of every migration and the schema they make. A migration is sealed when it is
 * merged; one that is sealed and differs is refused: it ran somewhere, so what it lacks is a new migration.
 */
import { createHash, randomBytes } from 'node:crypto';
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { DataSource } from 'typeorm';
import { dataSourceOptions } from '#database/database.module';
import { catalog } from '#database/schema';
import { migrations as sealed } from '../../migrations/sealed';
import { createDatabase, startTestPostgres } from './postgres';

const folder = resolve(__dirname, '..', '..', '..', 'migrations');

/** SHA-256 of each migration's source. */
export function migrationChecksums(): Record<string, string> {
  const files = globSync('[0-9]*.ts', { cwd: folder }).sort();
  return Object.fromEntries(
    files.map((file) => [
      file,
      createHash('sha256')
        .update(readFileSync(join(folder, file)))
        .digest('hex'),
    ]),
  );
}

/** The schema of a database, as it is sealed. */
export async function schemaLines(source: DataSource): Promise<string[]> {
  return (await catalog(source)).map(({ line }) => line).sort();
}

async function seal(): Promise<void> {
  const checksums = migrationChecksums();
  const changed = Object.keys(sealed).filter((file) => checksums[file] !== sealed[file]);
  if (changed.length)
    throw new Error(
      `Sealed and changed: ${changed.join(', ')}. Write a new migration. (Never merged yet? Take its line out of migrations/sealed.ts, then seal again.)`,
    );

  const server = await startTestPostgres();
  try {
    const database_url = await createDatabase(server.url, `seal_${randomBytes(4).toString('hex')}`);
    const source = await new DataSource(dataSourceOptions({ database_url, database_pool_size: 2 })).initialize();
    await source.runMigrations();
    const schema = await schemaLines(source);
    await source.destroy();
    const file = join(folder, 'sealed.ts');
    const text = `/** Written by \`npm run migration:seal\`; see src/database/schema.ts. */
export const migrations: Record<string, string> = ${JSON.stringify(checksums)};

export const schema: string[] = ${JSON.stringify(schema)};
`;
    writeFileSync(file, await format(text, { ...(await resolveConfig(file)), filepath: file }));
    console.log(`Sealed ${Object.keys(checksums).length} migrations, ${schema.length} objects.`);
  } finally {
    await server.stop();
  }
}

if (require.main === module)
  seal().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  });

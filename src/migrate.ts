import 'reflect-metadata';
import { openDatabase, whileMigrating } from './database/open-database';

/** `npm run migration:run | migration:revert | migration:show | migration:diff`. */
async function main(command: string): Promise<void> {
  const { config, release } = await openDatabase(process.env);
  try {
    await whileMigrating(config, async (source) => {
      switch (command) {
        case 'run':
          for (const { name } of await source.runMigrations()) console.log(`ran ${name}`);
          return;
        case 'revert':
          return source.undoLastMigration();
        case 'show':
          console.log((await source.showMigrations()) ? 'Migrations are pending.' : 'No migration is pending.');
          return;
        case 'diff': {
          // What a new migration would have to say to make the tables what the entities are.
          const { upQueries } = await source.driver.createSchemaBuilder().log();
          for (const { query } of upQueries) console.log(`${query};`);
          return;
        }
        default:
          throw new Error(`Say run, revert, show or diff, not "${command}".`);
      }
    });
  } finally {
    await release();
  }
}

main(process.argv[2] ?? '').catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});

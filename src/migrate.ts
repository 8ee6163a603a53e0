import 'reflect-metadata';
import { createInterface } from 'node:readline/promises';
import type { DataSource } from 'typeorm';
import { runCommand } from './command';
import { openDatabase, whileMigrating } from './database/open-database';
import { bringUpToDate, executed, nameOf } from './database/schema';

const COMMANDS: Record<string, (source: DataSource, yes: boolean) => Promise<void>> = { run, revert, show, diff };

/** `npm run migration:run | migration:revert [-- --yes] | migration:show | migration:diff`. */
runCommand(async ([command = '', ...options]) => {
  const work = COMMANDS[command];
  const yes = command === 'revert' && options[0] === '--yes';
  if (!work || options.length > Number(yes)) throw new Error('Say run, revert [--yes], show or diff.');
  const { config, release } = await openDatabase(process.env);
  try {
    await whileMigrating(config, (source) => work(source, yes));
  } finally {
    await release();
  }
});

async function run(source: DataSource): Promise<void> {
  const ran = await bringUpToDate(source);
  for (const name of ran) console.log(`ran ${name}`);
  if (!ran.length) console.log('No migration was pending.');
}

async function revert(source: DataSource, yes: boolean): Promise<void> {
  const last = (await executed(source)).at(-1);
  if (!last) throw new Error('No migration has run yet.');
  if (!yes) {
    if (!process.stdin.isTTY) throw new Error(`This would undo ${last}, with the data it holds. Add --yes to do so without being asked.`);
    const terminal = createInterface({ input: process.stdin, output: process.stdout });
    const answer = await terminal.question(`Undo ${last}? What only it holds is lost; "npm run backup" comes first. [y/N] `);
    terminal.close();
    if (!/^y(es)?$/i.test(answer.trim())) return console.log('Nothing was undone.');
  }
  await source.undoLastMigration();
  console.log(`reverted ${last}`);
}

async function show(source: DataSource): Promise<void> {
  const names = await executed(source);
  const ours = source.migrations.map(nameOf);
  for (const name of names) console.log(ours.includes(name) ? `[x] ${name}` : `[x] ${name} (not of this version)`);
  const pending = ours.filter((name) => !names.includes(name));
  for (const name of pending) console.log(`[ ] ${name}`);
  console.log(
    pending.length ? `${pending.length} pending: the next start runs them, or "npm run migration:run".` : 'No migration is pending.',
  );
}

/** What a new migration would have to say to make the tables what the entities are. */
async function diff(source: DataSource): Promise<void> {
  const { upQueries } = await source.driver.createSchemaBuilder().log();
  for (const { query } of upQueries) console.log(`${query};`);
  if (!upQueries.length) console.log('The tables are what the entities are.');
}

import 'reflect-metadata';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Client } from 'pg';
import { Config } from '#config/config';
import type { BackupEnd } from '#database/backup-file';
import { lockDataDir } from '#database/data-dir-lock';
import { syncDirectory } from '#database/embedded/data-directory';
import { startEmbeddedPostgres } from '#database/embedded-postgres';
import { checkBackup, loadBackup, secretsOf } from '#database/load-backup';
import { RESTORING, joinDatabase } from '#database/open-database';
import { sqlOf } from '#database/sql';
import { writeBackup } from '#database/write-backup';
import { mailNothingAgain } from '#mail/after-restore';
import { sendNothingAgain } from '#modules/conversations/messages/after-restore';
import { KEYS_OF_MEDIA, NO_KEYS } from '#modules/whatsapp/media/keys-of-media';
import { LocalFiles } from '#modules/whatsapp/media/local-files';
import { runCommand } from './command';

const FULL_PROFILE =
  'This is for the embedded profile, and DATABASE_URL is set. Save your database with pg_dump, and beside it the directory MEDIA_STORAGE and ENCRYPTION_KEY: README, "Backup, restore, upgrade".';
const WORKSHOP = 'restore-';
/** What a restore puts into DATA_DIR, the secrets last: without them the database does not open. */
const PLACES = ['postgres', 'media', 'secrets.json'];

/** For a database that is thrown away when the machine stops: no log to replay it from, but on the disk once it is closed. */
const LOADING = {
  wal_level: 'minimal',
  max_wal_senders: '0',
  archive_mode: 'off',
  synchronous_commit: 'off',
  maintenance_work_mem: '256MB',
};

/** `npm run backup -- FILE` and `npm run restore -- FILE [--force]`. */
runCommand(async ([command = '', ...args]) => {
  const { values, positionals } = parseArgs({ args, options: { force: { type: 'boolean', default: false } }, allowPositionals: true });
  const [file] = positionals;
  if (!file || positionals.length > 1) throw new Error(`Name one file: npm run ${command} -- FILE`);
  if (!Config.isEmbedded(process.env)) throw new Error(FULL_PROFILE);
  if (command === 'restore') return restore(resolve(file), values.force);
  if (values.force) throw new Error('--force is for restore.');
  return backup(resolve(file));
});

async function backup(file: string): Promise<void> {
  if (existsSync(file)) throw new Error(`${file} is there already. Name another file.`);
  const { config, release } = await joinDatabase(process.env);
  try {
    const files = new LocalFiles(config.media_storage);
    const end = await writeBackup(file, config.database_owner_url ?? '', {
      secrets: await readFile(join(config.data_dir, 'secrets.json')),
      media_keys: config.s3 ? NO_KEYS : KEYS_OF_MEDIA,
      openMedia: async (key) => {
        // Opened first: a file that is deleted while it is copied stays readable.
        const body = files.read(key);
        await once(body, 'open').catch((error: NodeJS.ErrnoException) => {
          if (error.code !== 'ENOENT') throw error;
        });
        const size = await files.size(key);
        if (size !== null) return { size, body };
        body.destroy();
        return null;
      },
    });
    console.log(`Wrote ${file}: ${sizeOf((await stat(file)).size)}, ${contentsOf(end)}, and the secrets of this DATA_DIR.`);
    if (config.s3)
      console.log(
        `Media stands in the bucket ${config.s3.bucket} and is NOT in it: keep that as your storage keeps buckets (versions, a replica).`,
      );
    if (end.files_missing) console.log(`${end.files_missing} media files that rows name were not there.`);
    console.log('Only you may read it (mode 0600): it holds every conversation and the keys. Keep it as safe as the data itself.');
    console.log(
      Config.comesFromOutside(process.env, 'ENCRYPTION_KEY') || Config.comesFromOutside(process.env, 'ENCRYPTION_KEYS')
        ? 'ENCRYPTION_KEY comes from the environment and is NOT in it. Keep it too: without it no stored token can be read.'
        : 'ENCRYPTION_KEY is in it. Whoever loses that key cannot read the stored tokens of WhatsApp numbers any more.',
    );
  } finally {
    await release();
  }
}

async function restore(file: string, force: boolean): Promise<void> {
  const data_dir = Config.dataDir(process.env);
  const lock = await lockDataDir(data_dir);
  try {
    const found = (await readdir(data_dir)).filter((name) => !name.startsWith('pytake.lock.') && !name.startsWith(WORKSHOP));
    if (found.length && !force)
      throw new Error(
        `DATA_DIR ${data_dir} is not empty (${found.slice(0, 3).join(', ')}). Set DATA_DIR to another directory, or add --force: what is there is then put aside.`,
      );
    const checked = await checkBackup(file);
    // What a restore that was killed has left.
    for (const name of await readdir(data_dir)) if (name.startsWith(WORKSHOP)) await rm(join(data_dir, name), { recursive: true });

    const workshop = await mkdtemp(join(data_dir, WORKSHOP));
    try {
      // The server, which may be another user when we are root, passes here on its way.
      await chmod(workshop, 0o711);
      await writeFile(join(workshop, 'secrets.json'), await secretsOf(file), { mode: 0o600, flush: true });
      await mkdir(join(workshop, 'media'), { mode: 0o700 });
      const unsent = await fill(new Config({ DATA_DIR: workshop }), file, checked);
      const aside = await putInPlace(workshop, data_dir);

      console.log(`Restored ${contentsOf(checked.end)} and the secrets, as they were at ${checked.head.made_at}, into ${data_dir}.`);
      if (aside) console.log(`What was there before is in ${aside}.`);
      if (unsent)
        console.log(
          `${unsent} messages waited to be sent in the backup. They may have left since, so they are not sent again: you find them as failed, and can resend them.`,
        );
      if (checked.end.files && Config.comesFromOutside(process.env, 'MEDIA_STORAGE'))
        console.log(`MEDIA_STORAGE is set: bring there what ${join(data_dir, 'media')} holds.`);
      console.log(`Start PyTake: ${Config.comesFromOutside(process.env, 'DATA_DIR') ? `DATA_DIR="${data_dir}" ` : ''}npm start`);
    } finally {
      await rm(workshop, { recursive: true, force: true });
    }
  } finally {
    await lock.release();
  }
}

/** Makes the database in the workshop; answers how many messages waited to be sent. */
async function fill(workshop: Config, file: string, checked: Parameters<typeof loadBackup>[1]): Promise<number> {
  const files = new LocalFiles(workshop.media_storage);
  const dir = join(workshop.data_dir, 'postgres');
  const server = await startEmbeddedPostgres({ dir, password: workshop.embedded_database_password, settings: LOADING });
  try {
    await loadBackup(file, checked, { database_url: server.url, keepMedia: (key, body) => files.putBack(key, body) });
    const client = new Client({ connectionString: server.url });
    await client.connect();
    try {
      await mailNothingAgain(sqlOf(client));
      return await sendNothingAgain(sqlOf(client));
    } finally {
      await client.end();
    }
  } finally {
    await server.stop();
  }
}

/** From the workshop into DATA_DIR; answers where it put what was there, null: nothing was. No start comes in between. */
async function putInPlace(workshop: string, data_dir: string): Promise<string | null> {
  const aside = join(data_dir, `before-restore-${new Date().toISOString().replace(/\D/g, '').slice(0, 14)}`);
  await writeFile(join(data_dir, RESTORING), '');
  for (const name of PLACES) {
    const place = join(data_dir, name);
    if (existsSync(place)) {
      await mkdir(aside, { recursive: true, mode: 0o711 });
      await rename(place, join(aside, name));
    }
    await rename(join(workshop, name), place);
  }
  await syncDirectory(data_dir);
  await rm(join(data_dir, RESTORING));
  return existsSync(aside) ? aside : null;
}

const contentsOf = ({ rows, files }: BackupEnd): string =>
  `${Object.keys(rows).length} tables with ${Object.values(rows).reduce((sum, count) => sum + count, 0)} rows, ${files} media files`;

const sizeOf = (bytes: number): string =>
  bytes < 1024 * 1024 ? `${Math.ceil(bytes / 1024)} KB` : `${(bytes / 1024 / 1024).toFixed(1)} MB`;

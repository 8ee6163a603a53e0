/**
 * A small PyTake to be killed: takes a DATA_DIR, starts its database, says so in one line of JSON and holds both until stdin closes.
 * `node postgres-holder.js DATA_DIR [lock]`; with `lock` it takes the lock only.
 */
import { lockDataDir } from '#database/data-dir-lock';
import { startEmbeddedPostgres } from '#database/embedded-postgres';

async function hold(dir: string, lockOnly: boolean): Promise<void> {
  const lock = await lockDataDir(dir);
  const server = lockOnly ? null : await startEmbeddedPostgres({ dir: `${dir}/postgres`, password: 'secret' });
  process.stdout.write(`${JSON.stringify({ pid: process.pid, url: server?.url, server: server?.pid })}\n`);
  process.stdin.resume().on('end', () => {
    void (async () => {
      await server?.stop();
      await lock.release();
    })();
  });
}

hold(process.argv[2] ?? '', process.argv[3] === 'lock').catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});

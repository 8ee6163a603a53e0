// `node scripts/run.mjs [--production] ENTRY ...`: runs dist/src/ENTRY.js as the npm scripts do, built and with what .env says.
import { spawnSync } from 'node:child_process';
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { DRAFTS, freshness } from './build.mjs';

const args = process.argv.slice(2);
const production = args[0] === '--production';
if (production) args.shift();

// The environment wins over .env, and both over what is said here.
try {
  process.loadEnvFile('.env');
} catch (error) {
  if (error.code !== 'ENOENT') throw error;
}

const state = freshness();
if (production) {
  process.env.NODE_ENV ||= 'production';
  if (state === 'missing') {
    console.error('PyTake is not built. Run: npm ci && npm run build');
    process.exit(1);
  }
  if (state === 'stale') console.warn('The sources are not those of this build. To run them: npm run build');
  if (process.env.NODE_ENV !== 'production')
    console.warn(`This is not production: NODE_ENV is "${process.env.NODE_ENV}". Weak secrets, the demo and the simulator are allowed.`);
} else if (state === 'missing' || state === 'stale') {
  console.log('Building PyTake ...');
  // A process of its own: the compiler takes memory that PyTake does not need.
  const { status } = spawnSync(process.execPath, [join(import.meta.dirname, 'build.mjs'), '--start'], { stdio: 'inherit' });
  if (status !== 0) process.exit(1);
}

// A second start reads what the first one parsed: a quarter of its time. Every build forgets it, with all in that folder.
enableCompileCache(join(DRAFTS, 'parsed'));

const [entry, ...rest] = args;
const script = join(import.meta.dirname, '..', 'dist', 'src', `${entry}.js`);
process.argv = [process.argv[0], script, ...rest];
await import(pathToFileURL(script).href);

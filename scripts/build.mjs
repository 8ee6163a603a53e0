// `node scripts/build.mjs [--start]`: compiles into dist what has changed since the last time.
//
// Without --start everything, types checked: what tests run. With it, in half the time, what a start and an image run: tests are left out and types
// go unchecked (`npm run check` does that). The code that comes out is the same, but for the order of some enums in the documents.
import { createHash } from 'node:crypto';
import { cpSync, existsSync, globSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';

const require = createRequire(import.meta.url);
const ROOT = join(import.meta.dirname, '..');
const DIST = join(ROOT, 'dist');
/** Builds under way, one folder per process. */
export const DRAFTS = join(ROOT, '.build');
/** In dist: what it was made from. */
const STAMP = 'built-from.json';

const SETTINGS = ['package.json', 'package-lock.json', 'tsconfig.json', 'nest-cli.json', 'scripts/build.mjs'];
const SCOPES = {
  start: { include: ['src', 'migrations'], exclude: ['**/*.spec.ts'], options: { noCheck: true, isolatedModules: true } },
  all: { include: ['src', 'migrations', 'test'], exclude: [], options: {} },
};

/** Whether dist is there, and made from the sources as they stand; null: nobody can tell, the sources are not here (an image). */
export function freshness() {
  if (!existsSync(join(DIST, 'src', 'main.js'))) return 'missing';
  if (!existsSync(join(ROOT, 'src'))) return null;
  return stampOf(DIST).start === digestOf('start') ? 'fresh' : 'stale';
}

async function build(scope) {
  const digest = digestOf(scope);
  if (stampOf(DIST)[scope] === digest) return;

  removeAbandonedDrafts();
  const draft = join(DRAFTS, String(process.pid));
  try {
    await compile(SCOPES[scope], draft);
    for (const file of assets()) cpSync(join(ROOT, file), join(draft, file));
    const stamp = { start: digestOf('start'), ...(scope === 'all' && { all: digest }) };
    // The sources changed under the compiler: what came out is neither the old nor the new.
    if (digestOf(scope) === digest) writeFileSync(join(draft, STAMP), JSON.stringify(stamp));
    // Another process may have built the same meanwhile, and may be loading it.
    if (stampOf(DIST)[scope] !== digest) replaceDist(draft);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

/** As `nest build` does it, with the plugins of nest-cli.json; but that one can write into dist only, where others may be reading. */
async function compile({ include, exclude, options: overrides }, draft) {
  const { default: ts } = await import('typescript');
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile);
  const { options, fileNames } = ts.parseJsonConfigFileContent({ ...config, include, exclude }, ts.sys, ROOT);
  const program = ts.createProgram(fileNames, { ...options, incremental: false, tsBuildInfoFile: undefined, ...overrides });
  const before = nest().plugins.map(({ name, options }) => require(`${name}/plugin`).before(options, program));
  const write = (file, text) => {
    const to = join(draft, relative(options.outDir, file));
    mkdirSync(dirname(to), { recursive: true });
    writeFileSync(to, text);
  };

  const mistakes = [...ts.getPreEmitDiagnostics(program)];
  if (!mistakes.length) mistakes.push(...program.emit(undefined, write, undefined, undefined, { before }).diagnostics);
  if (!mistakes.length) return;
  const host = { getCanonicalFileName: (file) => file, getCurrentDirectory: () => ROOT, getNewLine: () => '\n' };
  console.error(ts.formatDiagnosticsWithColorAndContext(mistakes, host));
  process.exit(1);
}

/** The files beside the code, which the compiler does not know. */
const assets = () =>
  nest()
    .assets.flatMap(({ include }) => globSync(`src/${include}`, { cwd: ROOT, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)));

/** Two renames, so that nobody finds half a build; a process that runs from the old one has it in memory. */
function replaceDist(draft) {
  const old = `${draft}.old`;
  for (let tries = 1; ; tries++) {
    try {
      if (existsSync(DIST)) renameSync(DIST, old);
      return renameSync(draft, DIST);
    } catch (error) {
      // A third process came between these steps with a build of its own.
      if (tries === 5) throw error;
    } finally {
      rmSync(old, { recursive: true, force: true });
    }
  }
}

/** Of builds that were killed; and what earlier code was parsed into. */
function removeAbandonedDrafts() {
  mkdirSync(DRAFTS, { recursive: true });
  for (const name of readdirSync(DRAFTS))
    if (!lives(Number.parseInt(name, 10))) rmSync(join(DRAFTS, name), { recursive: true, force: true });
}

function lives(pid) {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
}

const nest = () => JSON.parse(readFileSync(join(ROOT, 'nest-cli.json'), 'utf8')).compilerOptions;

function stampOf(dir) {
  try {
    return JSON.parse(readFileSync(join(dir, STAMP), 'utf8'));
  } catch {
    return {};
  }
}

function digestOf(scope) {
  const { include, exclude } = SCOPES[scope];
  const sources = include.flatMap((folder) => globSync(`${folder}/**/*.ts`, { cwd: ROOT, exclude }));
  const digest = createHash('sha256');
  for (const file of [...SETTINGS, ...sources.sort(), ...assets().sort()])
    digest
      .update(`${file}\0`)
      .update(readFileSync(join(ROOT, file)))
      .update('\0');
  return digest.digest('hex');
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await build(process.argv[2] === '--start' ? 'start' : 'all');

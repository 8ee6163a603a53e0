// `npm run image`: the Dockerfile makes a PyTake that starts and is healthy. Where Docker runs, with Docker; elsewhere its instructions are
// followed here in folders, `npm ci` by linking the packages of this checkout.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { cpSync, globSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join, matchesGlob, relative } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

const ROOT = join(import.meta.dirname, '..');
const HERE = join(ROOT, '.data', `image-${process.pid}`);
const started = performance.now();

/** Whatever the image's own HEALTHCHECK says within a minute. */
async function untilHealthy(check) {
  for (let tries = 0; tries < 120; tries++) {
    if (check()) return console.log(`The image is healthy (${Math.round((performance.now() - started) / 1000)} s in all).`);
    await sleep(500);
  }
  throw new Error('The image did not become healthy within a minute.');
}

async function withDocker() {
  const docker = (...args) => execFileSync('docker', args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim();
  docker('build', '--quiet', '--tag', 'pytake-gate', '.');
  const container = docker('run', '--detach', '--env', 'EMBEDDED_IN_PRODUCTION=true', 'pytake-gate');
  try {
    await untilHealthy(() => docker('inspect', '--format', '{{.State.Health.Status}}', container) === 'healthy');
  } finally {
    docker('rm', '--force', '--volumes', container);
  }
}

/** Each stage is a folder that stands for /. */
async function withoutDocker() {
  const stages = {};
  let stage;
  for (const { name, rest } of instructions()) {
    if (name === 'FROM') {
      const root = join(HERE, `stage${Object.keys(stages).length}`);
      stage = { root, workdir: '/', env: {} };
      stages[/ AS (\w+)$/.exec(rest)?.[1] ?? 'final'] = stage;
    } else if (name === 'WORKDIR') mkdirSync(join(stage.root, (stage.workdir = rest)), { recursive: true });
    else if (name === 'ENV') for (const [, key, value] of rest.matchAll(/(\w+)=(\S+)/g)) stage.env[key] = value;
    else if (name === 'COPY') copy(stage, rest, stages);
    else if (name === 'RUN') run(stage, rest);
    else if (name === 'HEALTHCHECK') stage.health = JSON.parse(/CMD (\[.*\])/.exec(rest)[1]);
    else if (name === 'CMD') stage.command = JSON.parse(rest);
    else if (!['USER', 'VOLUME', 'EXPOSE'].includes(name)) throw new Error(`test/image.mjs does not know ${name}`);
  }
  await start(stages.final);
}

/** Lines that end in a backslash are not used in it. */
const instructions = () =>
  readFileSync(join(ROOT, 'Dockerfile'), 'utf8')
    .split('\n')
    .filter((line) => line && !line.startsWith('#'))
    .map((line) => ({ name: line.split(' ')[0], rest: line.slice(line.indexOf(' ') + 1) }));

function copy(stage, rest, stages) {
  const from = /^--from=(\w+) /.exec(rest)?.[1];
  const paths = rest.replace(/^--from=\w+ /, '').split(' ');
  const target = join(stage.root, stage.workdir, paths.pop());
  for (const path of paths)
    if (from) execFileSync('cp', ['-al', join(stages[from].root, path), target]);
    else if (path === '.') for (const file of context()) copyFile(file, join(target, file));
    else copyFile(path, join(target, path));
}

function copyFile(file, to) {
  mkdirSync(dirname(to), { recursive: true });
  cpSync(join(ROOT, file), to, { recursive: true });
}

/** The top of the checkout without what .dockerignore leaves out. */
function context() {
  const ignored = readFileSync(join(ROOT, '.dockerignore'), 'utf8').split('\n').filter(Boolean);
  return globSync('{*,.*}', { cwd: ROOT }).filter((name) => !ignored.some((pattern) => matchesGlob(name, pattern)));
}

function run(stage, script) {
  const cwd = join(stage.root, stage.workdir);
  if (script === 'npm ci') return execFileSync('cp', ['-al', join(ROOT, 'node_modules'), cwd]);
  // What is not below the stage's folder would be this machine's.
  const words = script.replace(/(?<=\s)\/(?=\w)/g, `${stage.root}/`).replace(/ && chown \S+ \S+/, '');
  execFileSync('sh', ['-c', words], { cwd, env: environment(stage), stdio: 'inherit' });
}

/** node is the one of node_modules, as in the image: 24. */
const environment = (stage, more = {}) => ({
  PATH: `${join(ROOT, 'node_modules', '.bin')}:${process.env.PATH}`,
  HOME: HERE,
  ...stage.env,
  ...more,
});

async function start(stage) {
  const port = await new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
  const DATA_DIR = join(stage.root, stage.env.DATA_DIR);
  const env = environment(stage, { DATA_DIR, PORT: String(port), HOST: '127.0.0.1', EMBEDDED_IN_PRODUCTION: 'true' });
  const options = { cwd: join(stage.root, stage.workdir), env, stdio: 'inherit' };
  const [command, ...args] = stage.command;
  const product = spawn(command, args, options);
  const gone = new Promise((resolve) => product.once('exit', resolve));
  try {
    const [check, ...more] = stage.health;
    await untilHealthy(() => {
      if (product.exitCode !== null) throw new Error(`PyTake ended with ${product.exitCode}.`);
      return spawnSync(check, more, options).status === 0;
    });
  } finally {
    product.kill('SIGTERM');
    await gone;
  }
}

const docker = spawnSync('docker', ['info'], { stdio: 'ignore' }).status === 0;
console.log(docker ? 'Building the image with Docker.' : `No Docker here: following the Dockerfile in ${relative(ROOT, HERE)}.`);
try {
  await (docker ? withDocker() : withoutDocker());
} finally {
  rmSync(HERE, { recursive: true, force: true });
}

import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

export interface TestMongo {
  url: string;
  /** Away, as if killed; what was acknowledged is kept. */
  stop(): Promise<void>;
  /** Back on the same port with the same data. */
  start(): Promise<void>;
  /** Stopped for good, data removed. */
  close(): Promise<void>;
}

const run = promisify(execFile);
const HERE = resolve(__dirname, '../../../test/support/mongo');
/** Outside the repository and named for what is in it: fetched once per machine. */
const JARS = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'pytake', 'mongo-java-server-1.47.0');

/** A MongoDB-wire server on a free port; null, with the reason on the console, where Java or Maven is missing (in CI that is an error). */
export async function startTestMongo(): Promise<TestMongo | null> {
  try {
    await fetchJars();
    await run('java', ['-version']);
  } catch (error) {
    const reason = `no MongoDB for this test: ${(error as NodeJS.ErrnoException).code === 'ENOENT' ? 'Java or Maven is not installed' : (error as Error).message}`;
    if (process.env.CI === 'true') throw new Error(reason, { cause: error });
    console.warn(reason);
    return null;
  }

  const dir = await mkdtemp(join(tmpdir(), 'pytake-mongo-'));
  let port = 0;
  let child: ChildProcess | null = null;

  const start = async (): Promise<void> => {
    ({ child, port } = await launch(join(dir, 'data'), port));
  };
  const stop = async (): Promise<void> => {
    const stopping = child;
    child = null;
    if (!stopping) return;
    const gone = new Promise((done) => stopping.once('exit', done));
    stopping.stdin?.end();
    await gone;
  };
  await start();
  return {
    url: `mongodb://127.0.0.1:${port}/pytake`,
    start,
    stop,
    close: async () => {
      await stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

async function fetchJars(): Promise<void> {
  if (existsSync(JARS)) return;
  const partial = `${JARS}.${process.pid}`;
  await mkdir(partial, { recursive: true });
  // A copy of the pom, so that Maven leaves nothing in the repository.
  const pom = join(partial, 'pom.xml');
  await copyFile(join(HERE, 'pom.xml'), pom);
  await run('mvn', ['-q', '-B', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${partial}`], { timeout: 300_000 });
  // Two test files at once: whoever comes second keeps the first one's.
  await rename(partial, JARS).catch(() => rm(partial, { recursive: true, force: true }));
}

async function launch(file: string, wanted: number): Promise<{ child: ChildProcess; port: number }> {
  const child = spawn(
    'java',
    ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', join(JARS, '*'), join(HERE, 'Main.java'), file, String(wanted)],
    {
      stdio: ['pipe', 'pipe', 'pipe'],
    },
  );
  const complaints: string[] = [];
  child.stderr?.on('data', (text: Buffer) => complaints.push(text.toString()));
  const port = await new Promise<number>((resolvePort, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the MongoDB-wire server ended with ${code}: ${complaints.join('').slice(-1000)}`)));
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      const said = /^port (\d+)$/.exec(line);
      if (said) resolvePort(Number(said[1]));
    });
  });
  child.removeAllListeners('exit');
  return { child, port };
}

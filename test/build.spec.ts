import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const ROOT = resolve(__dirname, '..', '..');

/** A checkout as large as it must be: a program that says its word at once, and once more from another file when it is asked. */
function checkout(): { dir: string; write(file: string, text: string): void } {
  const dir = mkdtempSync(join(tmpdir(), 'pytake-build-'));
  dirs.push(dir);
  for (const file of ['scripts', 'package.json', 'package-lock.json', 'tsconfig.json', 'nest-cli.json'])
    cpSync(join(ROOT, file), join(dir, file), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(dir, 'node_modules'));
  const write = (file: string, text: string): void => {
    mkdirSync(join(dir, file, '..'), { recursive: true });
    writeFileSync(join(dir, file), text);
  };
  write('src/main.ts', program('one'));
  write('src/later.ts', `export const later = 'later';\n`);
  write('migrations/0.ts', 'export {};\n');
  write('src/modules/simulator/page/index.html', '<p>one</p>');
  return { dir, write };
}

const program = (word: string): string => `
import { env, stdin } from 'node:process';
console.log('${word}', env.WORD, env.NODE_ENV);
stdin.on('data', () => void import('./later.js').then(({ later }) => console.log(later)));
stdin.on('end', () => process.exit());
`;

const dirs: string[] = [];
const children: ChildProcess[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) if (child.exitCode === null && child.kill('SIGKILL')) await once(child, 'exit');
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true, force: true });
});

const clean = (env: Record<string, string> = {}): Record<string, string> => ({ PATH: process.env.PATH ?? '', ...env });

/** To its end, with nothing to read. */
function run(dir: string, args: string[], env?: Record<string, string>): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, args, { cwd: dir, env: clean(env), encoding: 'utf8', input: '' });
}

const start = (dir: string, env?: Record<string, string>): ReturnType<typeof run> => run(dir, ['scripts/run.mjs', 'main'], env);
const startProduction = (dir: string, env?: Record<string, string>): ReturnType<typeof run> =>
  run(dir, ['scripts/run.mjs', '--production', 'main'], env);
const build = (dir: string): ReturnType<typeof run> => run(dir, ['scripts/build.mjs']);

/** Stays, and answers a line with a line. */
function stay(dir: string): { said: Promise<string>; ask(): Promise<string> } {
  const child = spawn(process.execPath, ['scripts/run.mjs', 'main'], { cwd: dir, env: clean(), stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  const next = async (): Promise<string> => String((await once(child.stdout, 'data'))[0]);
  const said = (async () => {
    for (;;) {
      const line = await next();
      if (!line.startsWith('Building')) return line;
    }
  })();
  return { said, ask: () => (child.stdin.write('?\n'), next()) };
}

describe('npm start', () => {
  it('builds once, and again only when something changed', () => {
    const { dir, write } = checkout();

    const first = start(dir);
    const { ino } = statSync(join(dir, 'dist'));
    const second = start(dir);
    expect(first.stdout).toMatch(/^Building PyTake \.\.\.\none /);
    expect(second.stdout).toMatch(/^one /);
    expect(statSync(join(dir, 'dist')).ino).toBe(ino);

    write('src/main.ts', program('two'));
    expect(start(dir).stdout).toMatch(/^Building PyTake \.\.\.\ntwo /);
    write('src/modules/simulator/page/index.html', '<p>two</p>');
    start(dir);
    expect(readFileSync(join(dir, 'dist/src/modules/simulator/page/index.html'), 'utf8')).toBe('<p>two</p>');
    expect(readdirSync(join(dir, '.build')).filter((name) => name !== 'parsed')).toEqual([]);
  }, 240_000);

  it('is content with what npm run build made', () => {
    const { dir } = checkout();

    expect(build(dir)).toMatchObject({ status: 0, stderr: '' });

    expect(start(dir).stdout).toMatch(/^one /);
  }, 240_000);

  it('twice at once in one checkout: both come up', async () => {
    const { dir } = checkout();

    const both = [stay(dir), stay(dir)];

    for (const { said, ask } of both) {
      expect(await said).toMatch(/^one /);
      expect(await ask()).toBe('later\n');
    }
  }, 240_000);

  it('goes on while another build replaces what it was started from', async () => {
    const { dir, write } = checkout();
    const running = stay(dir);
    expect(await running.said).toMatch(/^one /);

    write('src/main.ts', program('two'));
    expect(build(dir).status).toBe(0);

    expect(await running.ask()).toBe('later\n');
    expect(start(dir).stdout).toMatch(/^two /);
  }, 240_000);

  it('reads .env, which the environment overrules', () => {
    const { dir, write } = checkout();
    write('.env', 'WORD=file\n');

    expect(start(dir).stdout).toContain('one file undefined');
    expect(start(dir, { WORD: 'mine' }).stdout).toContain('one mine undefined');
  }, 240_000);
});

describe('npm run build', () => {
  it('checks the types, and leaves the last good build where it is', () => {
    const { dir, write } = checkout();
    build(dir);

    write('src/main.ts', 'const word: number = "three";\nconsole.log(word);\n');
    const { status, stderr } = build(dir);

    expect(status).toBe(1);
    expect(stderr).toContain("Type 'string' is not assignable to type 'number'");
    expect(startProduction(dir).stdout).toMatch(/^one /);
  }, 240_000);
});

describe('npm run start:prod', () => {
  it('asks for a build and never makes one', () => {
    const { dir } = checkout();

    expect(startProduction(dir)).toMatchObject({ status: 1, stdout: '', stderr: 'PyTake is not built. Run: npm ci && npm run build\n' });
    expect(existsSync(join(dir, 'dist'))).toBe(false);
  });

  it('is production unless told otherwise, and says loudly when it is not, or when it is not what the sources are', () => {
    const { dir, write } = checkout();
    build(dir);

    expect(startProduction(dir)).toMatchObject({ stdout: 'one undefined production\n', stderr: '' });
    expect(startProduction(dir, { NODE_ENV: 'development' })).toMatchObject({
      stdout: 'one undefined development\n',
      stderr: expect.stringContaining('This is not production') as string,
    });
    write('src/main.ts', program('two'));
    expect(startProduction(dir)).toMatchObject({
      stdout: 'one undefined production\n',
      stderr: expect.stringContaining('npm run build') as string,
    });
  }, 240_000);
});

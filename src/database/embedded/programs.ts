import { execFile, type ExecFileOptions } from 'node:child_process';
import { lstat } from 'node:fs/promises';
import { promisify } from 'node:util';

export const windows = process.platform === 'win32';

/** Nothing of ours is inherited: no secrets, and no PG* or LC_* of the shell that would change the server. */
export const ENVIRONMENT: NodeJS.ProcessEnv = windows
  ? { LC_ALL: 'C' }
  : { LC_ALL: 'C', PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' };

const execute = promisify(execFile);
/** A program that cannot be spawned at all throws at once; here it rejects like any other. */
export const run = async (program: string, args: string[], options: ExecFileOptions): Promise<{ stdout: string; stderr: string }> =>
  execute(program, args, { ...options, encoding: 'utf8' });

/** A link is there even when what it points to is not. */
export const exists = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );
export const code = (error: unknown): string | undefined => (error as NodeJS.ErrnoException | null)?.code;
/** What a program that failed said last. */
export const complaint = (error: unknown): string =>
  (error as { stderr?: string }).stderr?.trim().split('\n').slice(-5).join(' ') || message(error);
export const message = (error: unknown): string => (error instanceof Error ? error.message : String(error));

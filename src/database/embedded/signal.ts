import type { Binaries } from './binaries';
import { code, run } from './programs';
import { command, type RunAs } from './run-as';

export const FAST_SHUTDOWN_MS = 15_000;
export const QUIT_MS = 5_000;

/** Who may not signal another user's process (root of a container without CAP_KILL) asks as that user. */
export async function signal(binaries: Binaries, as: RunAs, pid: number, name: 'INT' | 'QUIT' | 'KILL'): Promise<void> {
  try {
    process.kill(pid, `SIG${name}`);
  } catch (error) {
    if (!as || code(error) !== 'EPERM') return; // Gone, or not ours: who waits for it to go says so.
    const [program, args, options] = command(binaries.pg_ctl, ['kill', name, String(pid)], as);
    await run(program, args, options).catch(() => undefined);
  }
}

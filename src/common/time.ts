/** The work took longer than it may. */
export class Late extends Error {}

/** setTimeout takes no more, and fires at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** The work's answer; the work itself goes on, unless `onLate` stops it. @throws {Late} once the time is over. */
export async function within<T>(timeout_ms: number, work: () => Promise<T>, onLate?: (late: Late) => void): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const end = (): void => {
      const error = new Late(`no answer within ${timeout_ms} ms`);
      onLate?.(error);
      reject(error);
    };
    timer = setTimeout(end, Math.min(MAX_TIMER_MS, timeout_ms));
  });
  try {
    return await Promise.race([work(), late]);
  } finally {
    clearTimeout(timer);
  }
}

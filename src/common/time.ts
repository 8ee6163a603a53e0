/** The work took longer than it may. */
export class Late extends Error {}

/** The work's answer; the work itself goes on. @throws {Late} once the time is over. */
export async function within<T>(timeout_ms: number, work: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Late(`no answer within ${timeout_ms} ms`)), timeout_ms);
  });
  try {
    return await Promise.race([work(), late]);
  } finally {
    clearTimeout(timer);
  }
}

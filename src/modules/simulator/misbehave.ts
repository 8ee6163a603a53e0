import type { Request, Response } from 'express';
import type { Fault } from './faults';

const HANG_MS = 120_000;

/** Does the trouble, `answer` where it is an HTTP status; false where the fault is none of these. */
export function misbehave(req: Request, res: Response, fault: Fault, answer: (http_status: number) => void = outage(res)): boolean {
  if (fault.hang) {
    // Not for ever: a sender without a time-out of its own must not collect sockets here.
    const end = setTimeout(() => req.socket.destroy(), HANG_MS);
    res.on('close', () => clearTimeout(end));
  } else if (fault.reset) req.socket.resetAndDestroy();
  else if (fault.http_status !== undefined) {
    if (fault.retry_after_seconds !== undefined) res.set('retry-after', String(fault.retry_after_seconds));
    answer(fault.http_status);
  } else return false;
  return true;
}

/** What a proxy in front of the API says. */
export function outage(res: Response): (http_status: number) => void {
  return (http_status) =>
    void res
      .status(http_status)
      .type('html')
      .send(`<html><head><title>Error</title></head><body>Sorry, something went wrong. (${http_status})</body></html>`);
}

export function pause(ms: number): Promise<void> {
  return ms > 0 ? new Promise((next) => setTimeout(next, ms)) : Promise.resolve();
}

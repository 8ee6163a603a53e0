import { isKnownErrorCode } from './graph-error';

export const STATUS_ORDERS = ['in_order', 'reversed', 'shuffled', 'doubled', 'dropped', 'delayed'] as const;
export type StatusOrder = (typeof STATUS_ORDERS)[number];
export type StatusName = 'sent' | 'delivered' | 'read' | 'played' | 'failed';

/** What goes wrong with a call. Only one of code, http_status, hang and reset is meant at a time. */
export interface Fault {
  /** How many calls it meets; null: all, until reset. Default 1. */
  times?: number | null;
  /** Only this recipient (digits or BSUID). Default: anybody. */
  to?: string;
  phone_number_id?: string;
  /** Default `messages`. At Evolution `media` is the question for a file, `number` all that is neither a file nor a send. */
  route?: 'messages' | 'media' | 'templates' | 'number' | 'any';
  /** Meta's error code. Evolution says 190 as its 401, 131026 as "not on WhatsApp", and refuses all others with 400. */
  code?: number;
  /** `answer`: the call itself fails (default). `status`: 200, then a failed status. */
  as?: 'answer' | 'status';
  /** An answer from before the Graph API (proxy, outage): HTML, no error body. */
  http_status?: number;
  retry_after_seconds?: number;
  /** The answer never comes. */
  hang?: boolean;
  /** The connection breaks. */
  reset?: boolean;
  /** With hang, reset or http_status: whether Meta took the message before the trouble. Default false. */
  accepted?: boolean;
  /** The statuses of an accepted message: an order, or exactly these. */
  statuses?: StatusOrder | StatusName[];
  latency_ms?: number;
}

/** Recipients that end so provoke the trouble: `+55 11 9` + `00130429` is answered with error 130429. */
const MAGIC: Readonly<Record<string, Fault>> = {
  '00000500': { http_status: 500 },
  '00000503': { http_status: 503, retry_after_seconds: 2 },
  '00000408': { hang: true },
  '00000504': { hang: true, accepted: true },
  '00000444': { reset: true },
  '00000445': { reset: true, accepted: true },
  '00000200': { statuses: 'dropped' },
  '00000201': { statuses: ['sent'] },
  '00000222': { statuses: 'doubled' },
  '00000321': { statuses: 'reversed' },
};

/**
 * The trouble a recipient stands for.
 * `…00<code>`: the call fails with this code; `…01<code>`: it is accepted and fails by status.
 */
export function magicFault(digits: string): Fault | undefined {
  const ending = digits.slice(-8);
  const listed = MAGIC[ending];
  if (listed) return listed;
  const [, how, code] = /^(00|01)(\d{6})$/.exec(ending) ?? [];
  if (code === undefined || Number(code) < 1000 || !isKnownErrorCode(Number(code))) return undefined;
  return { code: Number(code), as: how === '00' ? 'answer' : 'status' };
}

/** The list for the page and the curious. */
export function magicEndings(): { ending: string; fault: Fault }[] {
  return Object.entries(MAGIC).map(([ending, fault]) => ({ ending, fault }));
}

interface Waiting extends Fault {
  left: number;
}

const MAX_WAITING = 1000;

/** Troubles ordered by the control route, met in the order they were given. */
export class Faults {
  private waiting: Waiting[] = [];

  /** @throws {RangeError} too many wait already. */
  add(fault: Fault): void {
    if (this.waiting.length >= MAX_WAITING) throw new RangeError(`faults: ${MAX_WAITING} at a time`);
    this.waiting.push({ ...fault, left: fault.times === null ? Infinity : (fault.times ?? 1) });
  }

  list(): Fault[] {
    return this.waiting.map(({ left, ...fault }) => ({ ...fault, times: left === Infinity ? null : left }));
  }

  clear(): void {
    this.waiting = [];
  }

  take(call: { route: string; phone_number_id?: string; to?: string }): Fault | undefined {
    const fault = this.waiting.find(
      (f) =>
        (f.route === 'any' || (f.route ?? 'messages') === call.route) &&
        (f.phone_number_id === undefined || f.phone_number_id === call.phone_number_id) &&
        (f.to === undefined || f.to.replace(/^\+/, '') === call.to),
    );
    if (fault && --fault.left <= 0) this.waiting = this.waiting.filter((f) => f !== fault);
    return fault;
  }
}

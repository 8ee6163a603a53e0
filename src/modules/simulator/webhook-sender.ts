import { createHmac } from 'node:crypto';
import { Agent, request } from 'undici';

export interface WebhookTarget {
  webhook_url: string | null;
  app_secret: string;
}

export interface Delivery {
  /** The last HTTP status; 0: no answer. */
  status_code: number;
  attempts: number;
}

interface Change {
  target: WebhookTarget;
  waba_id: string;
  field: string;
  value: object;
  tried: (() => void) | undefined;
  done: (delivery: Delivery) => void;
}

const MAX_UNDERWAY = 100_000;
const MAX_UNDERWAY_BYTES = 128 * 1024 * 1024;

/** Posts what happened to the product's webhook, as Meta does: signed over the bytes, at least once, again until 200. */
export class WebhookSender {
  /** Waits before the second, third … attempt. Meta goes on for 7 days; the simulator gives up at the end of the list. */
  retry_delays_ms: readonly number[] = [0, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000, 60_000, 60_000];
  /** Up to `max` updates in one POST, waiting `wait_ms` for company; null: each on its own. */
  batch: { max: number; wait_ms: number } | null = null;
  timeout_ms = 20_000;

  readonly counts = { posted: 0, acknowledged: 0, refused: 0, given_up: 0, dropped: 0 };

  private readonly agent = new Agent({ connections: 32, keepAliveTimeout: 10_000 });
  private gathering: Change[] = [];
  private gatherTimer: NodeJS.Timeout | undefined;
  private readonly sleeping = new Map<NodeJS.Timeout, () => void>();
  private underway = 0;
  private bytes = 0;
  private closed = false;

  /** Deliveries not yet over, gathered ones too. */
  get pending(): number {
    return this.underway + this.gathering.length;
  }

  /** One update; resolves when its POST was acknowledged or given up; `tried` hears of the first attempt, whatever came of it. */
  change(target: WebhookTarget, waba_id: string, field: string, value: object, tried?: () => void): Promise<Delivery> {
    return new Promise((done) => {
      const change = { target, waba_id, field, value, tried, done };
      if (!this.batch) return void this.send([change]);
      this.gathering.push(change);
      if (this.gathering.length >= this.batch.max) this.flush();
      else this.gatherTimer ??= setTimeout(() => this.flush(), this.batch.wait_ms);
    });
  }

  /** Posts a whole payload as it is. */
  async post(target: WebhookTarget, payload: unknown, tried?: () => void): Promise<Delivery> {
    if (this.closed || target.webhook_url === null) return { status_code: 0, attempts: 0 };
    const body = wireBytes(payload);
    // A product that is down for long must not fill the simulator's memory.
    if (this.underway >= MAX_UNDERWAY || this.bytes + body.length > MAX_UNDERWAY_BYTES) {
      this.counts.dropped++;
      return { status_code: 0, attempts: 0 };
    }
    const signature = sign(body, target.app_secret);
    this.underway++;
    this.bytes += body.length;
    try {
      let status_code = 0;
      for (let attempts = 1; ; attempts++) {
        status_code = await this.attempt(target.webhook_url, body, signature);
        this.counts.posted++;
        if (attempts === 1) tried?.();
        if (status_code === 200) {
          this.counts.acknowledged++;
          return { status_code, attempts };
        }
        this.counts.refused++;
        const wait = this.retry_delays_ms[attempts - 1];
        if (wait === undefined || this.closed) {
          this.counts.given_up++;
          return { status_code, attempts };
        }
        await this.sleep(wait);
      }
    } finally {
      this.underway--;
      this.bytes -= body.length;
    }
  }

  flush(): void {
    clearTimeout(this.gatherTimer);
    this.gatherTimer = undefined;
    const gathered = this.gathering;
    this.gathering = [];
    const groups = Map.groupBy(gathered, (change) => `${change.target.webhook_url} ${change.target.app_secret}`);
    for (const group of groups.values()) void this.send(group);
  }

  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.gatherTimer);
    for (const [timer, wake] of this.sleeping) {
      clearTimeout(timer);
      wake();
    }
    await this.agent.destroy();
  }

  private async send(changes: Change[]): Promise<void> {
    const [first] = changes;
    if (!first) return;
    const entry = [...Map.groupBy(changes, (change) => change.waba_id)].map(([id, list]) => ({
      id,
      time: Math.floor(Date.now() / 1000),
      changes: list.map(({ value, field }) => ({ value, field })),
    }));
    const delivery = await this.post(first.target, { object: 'whatsapp_business_account', entry }, () => {
      for (const change of changes) change.tried?.();
    });
    for (const change of changes) {
      change.tried?.();
      change.done(delivery);
    }
  }

  private async attempt(url: string, body: Buffer, signature: string): Promise<number> {
    try {
      const answer = await request(url, {
        method: 'POST',
        body,
        dispatcher: this.agent,
        headersTimeout: this.timeout_ms,
        bodyTimeout: this.timeout_ms,
        headers: { 'content-type': 'application/json', 'user-agent': 'facebookexternalua', 'x-hub-signature-256': `sha256=${signature}` },
      });
      await answer.body.dump();
      return answer.statusCode;
    } catch {
      return 0;
    }
  }

  private sleep(ms: number): Promise<void> {
    return new Promise((wake) => {
      const timer = setTimeout(() => {
        this.sleeping.delete(timer);
        wake();
      }, ms);
      this.sleeping.set(timer, wake);
    });
  }
}

export function sign(body: Buffer, app_secret: string): string {
  return createHmac('sha256', app_secret).update(body).digest('hex');
}

/** Meta's JSON: non-ASCII escaped, slashes too. A receiver that re-serialises before it checks the signature fails here. */
function wireBytes(payload: unknown): Buffer {
  const json = JSON.stringify(payload)
    .replace(/\//g, '\\/')
    .replace(/[\u0080-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return Buffer.from(json);
}

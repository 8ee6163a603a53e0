import { createHmac } from 'node:crypto';
import { Deliveries, type Delivery } from './deliveries';

export interface WebhookTarget {
  webhook_url: string | null;
  app_secret: string;
}

interface Change {
  target: WebhookTarget;
  waba_id: string;
  field: string;
  value: object;
  tried: (() => void) | undefined;
  done: (delivery: Delivery) => void;
}

/** Posts what happened to the product's webhook, as Meta does: signed over the bytes, at least once, again until 200. */
export class WebhookSender extends Deliveries {
  /** Meta goes on for 7 days; the simulator does not. */
  retry_delays_ms: readonly number[] = [0, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000, 60_000, 60_000];
  /** Up to `max` updates in one POST, waiting `wait_ms` for company; null: each on its own. */
  batch: { max: number; wait_ms: number } | null = null;

  private gathering: Change[] = [];
  private gatherTimer: NodeJS.Timeout | undefined;

  /** Deliveries not yet over, gathered ones too. */
  override get pending(): number {
    return super.pending + this.gathering.length;
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
  async post({ webhook_url, app_secret }: WebhookTarget, payload: unknown, tried?: () => void): Promise<Delivery> {
    if (webhook_url === null) return { status_code: 0, attempts: 0 };
    const body = wireBytes(payload);
    const headers = { 'user-agent': 'facebookexternalua', 'x-hub-signature-256': `sha256=${sign(body, app_secret)}` };
    return this.deliver({ url: webhook_url, body, headers }, tried);
  }

  flush(): void {
    clearTimeout(this.gatherTimer);
    this.gatherTimer = undefined;
    const gathered = this.gathering;
    this.gathering = [];
    const groups = Map.groupBy(gathered, (change) => `${change.target.webhook_url} ${change.target.app_secret}`);
    for (const group of groups.values()) void this.send(group);
  }

  override async close(): Promise<void> {
    clearTimeout(this.gatherTimer);
    await super.close();
  }

  protected isTaken(status_code: number): boolean {
    return status_code === 200;
  }

  protected isFinal(): boolean {
    return false;
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

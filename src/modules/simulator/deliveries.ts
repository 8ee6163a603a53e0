import { Agent, request } from 'undici';

export interface Delivery {
  /** The last HTTP status; 0: no answer. */
  status_code: number;
  attempts: number;
}

export interface Post {
  url: string;
  body: Buffer;
  headers: Record<string, string>;
}

const MAX_UNDERWAY = 100_000;
const MAX_UNDERWAY_BYTES = 128 * 1024 * 1024;

/** Posts what happened to the product, again until it is taken. What "taken" and "for good" mean, says each provider. */
export abstract class Deliveries {
  /** Waits before the second, third … attempt. The simulator gives up at the end of the list. */
  abstract retry_delays_ms: readonly number[];
  timeout_ms = 20_000;

  readonly counts = { posted: 0, acknowledged: 0, refused: 0, given_up: 0, dropped: 0 };

  protected closed = false;
  private readonly agent = new Agent({ connections: 32, keepAliveTimeout: 10_000 });
  private readonly sleeping = new Map<NodeJS.Timeout, () => void>();
  private underway = 0;
  private bytes = 0;

  protected abstract isTaken(status_code: number): boolean;
  /** Whether another attempt would be of no use. */
  protected abstract isFinal(status_code: number): boolean;

  /** Deliveries not yet over. */
  get pending(): number {
    return this.underway;
  }

  /** Resolves when the post was taken or given up; `tried` hears of the first attempt, whatever came of it. */
  protected async deliver(post: Post, tried?: () => void): Promise<Delivery> {
    if (this.closed) return { status_code: 0, attempts: 0 };
    // A product that is down for long must not fill the simulator's memory.
    if (this.underway >= MAX_UNDERWAY || this.bytes + post.body.length > MAX_UNDERWAY_BYTES) {
      this.counts.dropped++;
      return { status_code: 0, attempts: 0 };
    }
    this.underway++;
    this.bytes += post.body.length;
    try {
      let status_code = 0;
      for (let attempts = 1; ; attempts++) {
        status_code = await this.attempt(post);
        this.counts.posted++;
        if (attempts === 1) tried?.();
        if (this.isTaken(status_code)) {
          this.counts.acknowledged++;
          return { status_code, attempts };
        }
        this.counts.refused++;
        const wait = this.retry_delays_ms[attempts - 1];
        if (wait === undefined || this.closed || this.isFinal(status_code)) {
          this.counts.given_up++;
          return { status_code, attempts };
        }
        await this.sleep(wait);
      }
    } finally {
      this.underway--;
      this.bytes -= post.body.length;
    }
  }

  async close(): Promise<void> {
    this.closed = true;
    for (const [timer, wake] of this.sleeping) {
      clearTimeout(timer);
      wake();
    }
    await this.agent.destroy();
  }

  private async attempt({ url, body, headers }: Post): Promise<number> {
    try {
      const answer = await request(url, {
        method: 'POST',
        body,
        dispatcher: this.agent,
        headersTimeout: this.timeout_ms,
        bodyTimeout: this.timeout_ms,
        headers: { 'content-type': 'application/json', ...headers },
      });
      await answer.body.dump();
      return answer.statusCode;
    } catch {
      return 0;
    }
  }

  protected sleep(ms: number): Promise<void> {
    return new Promise((wake) => {
      const timer = setTimeout(() => {
        this.sleeping.delete(timer);
        wake();
      }, ms);
      this.sleeping.set(timer, wake);
    });
  }
}

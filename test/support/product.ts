import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { passwordOf } from './commands';
import { INHERITED } from './inherited';
import { freePort } from './ports';

/** PyTake as a process of its own, started as `npm start` does after the build. */
export class Product {
  output = '';
  private child: ChildProcess;

  private constructor(
    readonly url: string,
    readonly data_dir: string,
    private readonly env: Record<string, string>,
  ) {}

  /** `env` on top of nothing: only `INHERITED` is inherited. */
  static async start(env: Record<string, string> = {}): Promise<Product> {
    const port = await freePort();
    const data_dir = env.DATA_DIR ?? (await mkdtemp(join(tmpdir(), 'pytake-product-')));
    const product = new Product(`http://127.0.0.1:${port}`, data_dir, {
      ...INHERITED,
      PORT: String(port),
      HOST: '127.0.0.1',
      DATA_DIR: data_dir,
      LOG_LEVEL: 'warn',
      RATE_LIMIT_ENABLED: 'false',
      ...env,
    });
    await product.boot();
    return product;
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** Of the demo's administrator, as the first start on an empty DATA_DIR printed it. */
  get password(): string {
    return passwordOf(this.output);
  }

  /** What REST answers. @throws on any answer but a success. */
  async call<T = Record<string, unknown>>(method: string, path: string, body?: object, token = ''): Promise<T> {
    const form = body instanceof FormData;
    const answer = await fetch(`${this.url}/api/v1${path}`, {
      method,
      headers: { ...(!form && { 'content-type': 'application/json' }), ...(token && { authorization: `Bearer ${token}` }) },
      body: form ? body : body && JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as T;
  }

  /** Starts it (again) and waits for the first answer; a worker for its word. */
  async boot(): Promise<void> {
    this.output = '';
    const main = join(__dirname, '..', '..', 'src', 'main.js');
    this.child = spawn(process.execPath, [main], { env: this.env, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.child.stdout, this.child.stderr]) stream?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    for (let tries = 0; tries < 600; tries++) {
      if (this.child.exitCode !== null) throw new Error(`PyTake ended with ${this.child.exitCode}:\n${this.output}`);
      if (/PyTake (worker )?is running/.test(this.output)) return;
      await sleep(100);
    }
    throw new Error(`PyTake did not start:\n${this.output}`);
  }

  /** SIGTERM (or another signal); resolves with the exit code, null after SIGKILL. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return this.child.exitCode;
    const gone = new Promise<number | null>((resolve) => this.child.once('exit', (code) => resolve(code)));
    this.child.kill(signal);
    return gone;
  }

  async end(): Promise<void> {
    await this.stop();
    await rm(this.data_dir, { recursive: true, force: true });
  }
}

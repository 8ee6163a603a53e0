import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, type Socket, connect } from 'node:net';
import { type Webhooks, bodyOf, requestOf } from './webhooks';

/** One bounded run. */
export interface Volley extends Webhooks {
  port: number;
  path: string;
  connections: number;
  /** At most so many, from number `first` on. */
  count: number;
  first?: number;
  /** Ends after this, also when not all are sent. */
  seconds?: number;
  /** Open loop: so many a second, whether the server keeps up or not; latency counts from the moment a request was due. Else: closed loop. */
  rate?: number;
  /** Which webhook is the n-th; null ends the volley. In this process only. */
  pick?: (n: number) => number | null;
  /** Ends the volley. In this process only. */
  until?: () => boolean;
}

/** Hears of each answer: its webhook, its status (0: none), when it left or was due, and whether not even a connection was had. */
type OnAnswer = (n: number, status: number, since: number, refused: boolean) => void;

export interface VolleyResult {
  sent: number;
  /** Answers by status; `0`: no answer. */
  statuses: Record<number, number>;
  seconds: number;
  p50: number;
  p95: number;
  p99: number;
  max: number;
  slowest_second: number;
}

/** No answer within this counts as none. */
const ANSWER_MS = 30_000;

/** HTTP/1.1 on keep-alive connections, one request at a time on each; as little work as can be, so that the server is what is measured. */
export class Connection {
  private socket: Socket | null = null;
  private answered: ((status: number) => void) | null = null;
  private text = '';
  /** The last request did not even find a connection. */
  refused = false;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly port: number,
    private readonly answer_ms = ANSWER_MS,
  ) {}

  /** The answer's status; 0 when there was none. */
  send(request: Buffer): Promise<number> {
    return new Promise((resolve) => {
      this.answered = resolve;
      this.timer ??= setTimeout(() => this.fail(), this.answer_ms);
      this.timer.refresh();
      this.refused = false;
      this.socket ??= this.open();
      this.socket.write(request);
    });
  }

  end(): void {
    clearTimeout(this.timer);
    const { socket } = this;
    this.socket = null;
    socket?.destroy();
  }

  private open(): Socket {
    const socket = connect({ port: this.port, host: '127.0.0.1', noDelay: true });
    const over = (): void => {
      if (this.socket === socket) this.fail();
    };
    socket.setEncoding('latin1');
    socket.on('data', (data) => this.read(data as unknown as string));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (this.socket === socket) this.refused = error.code === 'ECONNREFUSED';
      over();
    });
    socket.on('close', over);
    return socket;
  }

  private read(data: string): void {
    this.text += data;
    const end = this.text.indexOf('\r\n\r\n');
    if (end < 0) return;
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(this.text)?.[1] ?? 0);
    if (this.text.length < end + 4 + length) return;
    const status = Number(this.text.slice(9, 12));
    const closes = /\r\nconnection: *close/i.test(this.text.slice(0, end + 2));
    this.text = '';
    if (closes) this.end();
    this.answer(status);
  }

  private fail(): void {
    this.end();
    this.text = '';
    this.answer(0);
  }

  private answer(status: number): void {
    const { answered } = this;
    this.answered = null;
    answered?.(status);
  }
}

/** Sends the volley. */
export async function fire(volley: Volley, onAnswer: OnAnswer = () => undefined): Promise<VolleyResult> {
  const { first = 0, count, path, port, secret, rate, pick = (n) => first + n, until = () => false } = volley;
  // Signed before the clock starts, unless there is time enough in between.
  const ready = rate || volley.pick ? null : Array.from({ length: count }, (_, n) => requestOf(bodyOf(volley, first + n), secret, path));
  const latencies: number[] = [];
  const statuses: Record<number, number> = {};
  const perSecond: number[] = [];
  const started = performance.now();
  const ends = started + (volley.seconds ?? 3600) * 1000;
  let next = 0;

  const worker = async (): Promise<void> => {
    const connection = new Connection(port);
    while (next < count && !until()) {
      let since = performance.now();
      if (since >= ends) break;
      const n = next++;
      if (rate) {
        const due = started + (n * 1000) / rate;
        if (due >= ends) break;
        if (due > since) await new Promise((resolve) => setTimeout(resolve, due - since));
        since = due;
      }
      const picked = pick(n);
      if (picked === null) break;
      const status = await connection.send(ready ? ready[n] : requestOf(bodyOf(volley, picked), secret, path));
      const now = performance.now();
      latencies.push(now - since);
      statuses[status] = (statuses[status] ?? 0) + 1;
      const second = Math.floor((now - started) / 1000);
      perSecond[second] = (perSecond[second] ?? 0) + 1;
      onAnswer(picked, status, since, connection.refused);
    }
    connection.end();
  };
  await Promise.all(Array.from({ length: volley.connections }, worker));
  const seconds = (performance.now() - started) / 1000;
  latencies.sort((a, b) => a - b);
  return {
    sent: latencies.length,
    statuses,
    seconds,
    p50: percentile(latencies, 0.5),
    p95: percentile(latencies, 0.95),
    p99: percentile(latencies, 0.99),
    max: latencies.at(-1) ?? 0,
    // The last second is not a whole one.
    slowest_second: Math.min(...Array.from(perSecond.slice(0, -1), (answers) => answers ?? 0)),
  };
}

/** Of sorted values. */
export const percentile = (sorted: readonly number[], part: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;

/** A generator in a process of its own. */
export class Generator {
  private readonly child = fork(__filename, ['generator'], { stdio: 'inherit' });

  async fire(volley: Volley): Promise<VolleyResult> {
    this.child.send(volley);
    const [result] = (await once(this.child, 'message')) as [VolleyResult];
    return result;
  }

  /** Answers a second of a server that does nothing: more than this the generator cannot measure. */
  async ceiling(volley: Omit<Volley, 'port' | 'path'>): Promise<number> {
    const server = fork(__filename, ['trivial'], { stdio: 'inherit' });
    try {
      const [port] = (await once(server, 'message')) as [number];
      await this.fire({ ...volley, port, path: '/', count: 5000 });
      const { sent, seconds } = await this.fire({ ...volley, port, path: '/' });
      return sent / seconds;
    } finally {
      server.kill();
    }
  }

  stop(): void {
    this.child.kill();
  }
}

if (require.main === module) {
  const say = (message: unknown): void => void process.send?.(message as object);
  if (process.argv[2] === 'generator') process.on('message', (volley: Volley) => void fire(volley).then(say));
  else {
    const server = createServer((request, response) => {
      request.resume().on('end', () => response.writeHead(200, { 'content-length': 2 }).end('ok'));
    });
    server.listen(0, '127.0.0.1', () => say((server.address() as AddressInfo).port));
  }
  process.on('disconnect', () => process.exit());
}

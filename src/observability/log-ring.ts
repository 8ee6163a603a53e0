import type { DestinationStream } from 'pino';
import { Bounded } from '#common/bounded';

const LINES = { count: 5000, bytes: 8 * 1024 * 1024 };

/** The last lines of this process as they were written, beside where they go; nobody parses one before it is asked for. */
export class LogRing implements DestinationStream {
  private readonly kept = new Bounded<number, string>(LINES, (line) => line.length);
  private readonly listeners: ((line: string) => void)[] = [];
  private written = 0;

  private destination: DestinationStream | undefined;

  /** Where its lines go on to. */
  to(destination: DestinationStream): this {
    this.destination = destination;
    return this;
  }

  write(line: string): void {
    this.destination?.write(line);
    this.kept.set(this.written++, line);
    for (const listener of this.listeners) listener(line);
  }

  /** Newest first. */
  lines(): string[] {
    return [...this.kept.values()].reverse();
  }

  /** Hears of every line; must not throw. */
  listen(listener: (line: string) => void): void {
    this.listeners.push(listener);
  }
}

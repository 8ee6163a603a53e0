import type { Request, Response } from 'express';

const MAX_READERS = 100;
/** What may wait for a reader beside what its socket holds. */
const MAX_UNREAD_BYTES = 256 * 1024;
const BEAT_MS = 15_000;

/** Server-sent events. A reader that does not read is dropped: a browser comes back by itself, and the page then asks for the thread anew. */
export class EventStreams {
  private readonly readers = new Set<Response>();
  private beat: NodeJS.Timeout | undefined;

  get count(): number {
    return this.readers.size;
  }

  /** @throws {RangeError} too many read already. */
  open(request: Request, response: Response): void {
    if (this.readers.size >= MAX_READERS) throw new RangeError(`events: ${MAX_READERS} readers are the most`);
    response.set({ 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' });
    response.flushHeaders();
    response.write('retry: 1000\n\n');
    this.readers.add(response);
    this.beat ??= setInterval(() => this.write(': beat\n\n'), BEAT_MS);
    request.on('close', () => this.forget(response));
  }

  tell(event: string, data: unknown): void {
    if (this.readers.size) this.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  close(): void {
    for (const reader of this.readers) reader.end();
    clearInterval(this.beat);
  }

  private write(text: string): void {
    for (const reader of this.readers) {
      if (reader.writableLength <= MAX_UNREAD_BYTES) reader.write(text);
      else {
        this.forget(reader);
        reader.destroy();
      }
    }
  }

  private forget(reader: Response): void {
    this.readers.delete(reader);
    if (this.readers.size) return;
    clearInterval(this.beat);
    this.beat = undefined;
  }
}

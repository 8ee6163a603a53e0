import { once } from 'node:events';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { Turns } from '#common/turns';
import { getsThumbnail } from './file-kind';
import type { ReceivedFile } from './file-store';

/** One at a time leaves a core to everybody else; the organizations in turn. */
const AT_ONCE = 1;
const LINE_MAX = 10;
const WAIT_MS = 10_000;
/** The thread ends earlier by itself, if it can. */
const MAKE_MS = 10_000;
const IDLE_MS = 30_000;
const HEAP_MB = 64;

/** What the thread is told. */
export type Image = { path: string };
/** And answers. */
export type Made = { thumbnail: Uint8Array } | { flaw: string };

/** Small pictures of images, made by a thread of its own: it is there as long as there is work. */
@Injectable()
export class Thumbnails implements OnApplicationShutdown {
  private readonly logger = new Logger('thumbnails');
  private readonly turns = new Turns(AT_ONCE, { line_max: LINE_MAX, wait_ms: WAIT_MS });
  private worker: Worker | undefined;
  private idle: NodeJS.Timeout | undefined;

  /** image/webp, at most 320 pixels on the longer side; null: it is no image, broken, animated, too large, or there is no time for it. Never throws. */
  async make(file: ReceivedFile, mime_type: string, organization_id: string): Promise<Uint8Array | null> {
    if (!getsThumbnail({ mime_type, size_bytes: file.size_bytes })) return null;
    try {
      const made = await this.turns.run(() => this.ask({ path: file.path }), organization_id);
      if ('thumbnail' in made) return made.thumbnail;
      this.logger.debug({ msg: 'an image has no thumbnail', flaw: made.flaw });
    } catch (error) {
      this.logger.warn({ msg: 'no thumbnail could be made', reason: (error as Error).message });
    }
    return null;
  }

  async onApplicationShutdown(): Promise<void> {
    await this.end();
  }

  private async ask(image: Image): Promise<Made> {
    clearTimeout(this.idle);
    const worker = (this.worker ??= this.begin());
    try {
      const answer = once(worker, 'message', { signal: AbortSignal.timeout(MAKE_MS) }) as Promise<[Made]>;
      worker.postMessage(image);
      const [made] = await answer;
      this.idle = setTimeout(() => void this.end(), IDLE_MS).unref();
      return made;
    } catch (error) {
      // It is late, or came to its end.
      void this.end();
      throw error;
    }
  }

  private begin(): Worker {
    // Without the process's settings, which hold its secrets.
    const worker = new Worker(join(__dirname, 'thumbnail.worker.js'), {
      env: {},
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
    });
    const forget = (): void => {
      if (this.worker === worker) this.worker = undefined;
    };
    // Who waits for its answer hears of it.
    worker.on('error', forget).on('exit', forget).unref();
    return worker;
  }

  private async end(): Promise<void> {
    const { worker } = this;
    this.worker = undefined;
    clearTimeout(this.idle);
    await worker?.terminate();
  }
}

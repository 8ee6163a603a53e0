import { on } from 'node:events';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { Logger } from '@nestjs/common';
import { Invalid } from '#common/errors';
import { type SheetBatch, isSmallText, readBatches } from './read-batches';
import { SheetFlaw } from './sheet-row';
import type { SheetJob, SheetNews } from './sheet.worker';

/** A file of 10 MB takes a few seconds on a busy machine. */
const READ_MS = 30_000;
/** Of the thread: the texts of a sheet of 50,000 rows fit, what is made to be too much ends it alone. */
const HEAP_MB = 128;

const logger = new Logger('contacts-import');

/**
 * Reads a sheet: first its header, then its rows, a batch each time one is asked for; blank rows are left out. What is no small text is read in a thread
 * of its own.
 * @throws {Invalid} `unsupported_file`: it is none, broken, or more than the thread is given.
 */
export async function* readSheet(path: string, batch: number): AsyncGenerator<string[] | SheetBatch, void> {
  try {
    yield* (await isSmallText(path)) ? readBatches(path, batch) : readApart({ path, batch });
  } catch (error) {
    throw error instanceof SheetFlaw ? unsupported(`The file cannot be read: ${error.message}.`) : error;
  }
}

async function* readApart(job: SheetJob): AsyncGenerator<string[] | SheetBatch, void> {
  // Without the process's settings, which hold its secrets.
  const worker = new Worker(join(__dirname, 'sheet.worker.js'), {
    workerData: job,
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB, maxYoungGenerationSizeMb: 16 },
    execArgv: [],
  });
  const timer = setTimeout(() => void worker.terminate(), READ_MS);
  try {
    for await (const news of newsOf(worker)) {
      if (news.kind === 'end') return;
      if (news.kind === 'flaw') {
        if (news.cause) logger.warn({ msg: 'a sheet could not be read', cause: news.cause });
        throw new SheetFlaw(news.message ?? 'it is broken, or protected by a password');
      }
      yield news.read;
      worker.postMessage('next');
    }
  } finally {
    clearTimeout(timer);
    await worker.terminate();
  }
  throw new SheetFlaw('it takes too long to read');
}

/** Until the thread has ended. @throws {SheetFlaw} It ran out of its memory. */
async function* newsOf(worker: Worker): AsyncGenerator<SheetNews, void> {
  try {
    for await (const [news] of on(worker, 'message', { close: ['exit'] }) as AsyncIterable<[SheetNews]>) yield news;
  } catch (error) {
    logger.warn({ msg: 'a sheet could not be read', err: error });
    throw new SheetFlaw('it is too large when it is unfolded');
  }
}

export const unsupported = (message: string): Invalid => Invalid.field('file', message, 'unsupported_file', 'unsupported_file');

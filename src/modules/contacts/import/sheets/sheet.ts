import { on } from 'node:events';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { Logger } from '@nestjs/common';
import { Invalid } from '#common/errors';
import type { SheetJob, SheetNews } from './sheet.worker';

/** Rows of a file, as JSON: a list of `[row, cells]`. */
export interface SheetBatch {
  count: number;
  json: string;
}

/** A file of 10 MB takes a few seconds on a busy machine. */
const READ_MS = 60_000;
/** Of the thread: the texts of a sheet of 50,000 rows fit, what is made to be too much ends it alone. */
const HEAP_MB = 128;

const logger = new Logger('contacts-import');

/**
 * Reads a sheet in a thread of its own: first its header, then its rows, a batch each time one is asked for. Blank rows are left out.
 * @throws {Invalid} `unsupported_file`: it is none, broken, or more than the thread is given.
 */
export async function* readSheet(path: string, batch: number): AsyncGenerator<string[] | SheetBatch, void> {
  const worker = new Worker(join(__dirname, 'sheet.worker.js'), {
    workerData: { path, batch } satisfies SheetJob,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB, maxYoungGenerationSizeMb: 16 },
    execArgv: [],
  });
  const timer = setTimeout(() => void worker.terminate(), READ_MS);
  try {
    for await (const [news] of on(worker, 'message', { close: ['exit'] }) as AsyncIterable<[SheetNews]>) {
      if (news.kind === 'end') return;
      if (news.kind === 'flaw') throw broken(news.message, news.cause);
      yield news.kind === 'header' ? news.cells : news;
      if (news.kind === 'rows') worker.postMessage('next');
    }
  } catch (error) {
    if (error instanceof Invalid) throw error;
    throw broken('it is too large when it is unfolded', String(error));
  } finally {
    clearTimeout(timer);
    await worker.terminate();
  }
  throw broken('it takes too long to read');
}

function broken(message: string | null, cause?: string): Invalid {
  if (cause) logger.warn({ msg: 'a sheet could not be read', cause });
  return unsupported(`The file cannot be read: ${message ?? 'it is broken, or protected by a password'}.`);
}

export const unsupported = (message: string): Invalid => Invalid.field('file', message, 'unsupported_file', 'unsupported_file');

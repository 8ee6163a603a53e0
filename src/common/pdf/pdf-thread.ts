import { on } from 'node:events';
import { Worker, parentPort, workerData } from 'node:worker_threads';
import { Unavailable } from '../errors';

const MEMORY_MB = 256;

/** What the thread is told. */
type ToPdf<T> = { given: T } | { is_over: true };
/** And tells: that it wants more, a part of the file, or its end. */
type FromPdf = { wants: true } | { part: Uint8Array } | { is_over: true };

interface Work<Head, T> {
  /** The thread's file, which calls `setPdf`. */
  worker: string;
  head: Head;
  source: AsyncIterable<T>;
  /** It never takes longer. */
  make_ms: number;
}

/**
 * A document as its reader takes it: a thread of its own sets the pages, and is given what stands on them as it asks for it, so that little is held at
 * a time. @throws {Unavailable} `busy`: it took too long.
 */
export async function* pdfOf<Head, T>({ worker: path, head, source, make_ms }: Work<Head, T>): AsyncGenerator<Uint8Array> {
  // Without the process's settings, which hold its secrets.
  const worker = new Worker(path, { workerData: head, env: {}, resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB } });
  const late = setTimeout(() => void worker.terminate(), make_ms);
  const given = source[Symbol.asyncIterator]();
  try {
    for await (const [told] of on(worker, 'message', { close: ['exit'] }) as AsyncIterable<[FromPdf]>) {
      if ('is_over' in told) return;
      if ('part' in told) yield told.part;
      else {
        const next = await given.next();
        worker.postMessage((next.done ? { is_over: true } : { given: next.value }) satisfies ToPdf<T>);
      }
    }
    throw new Unavailable('The document took too long. Try again in a moment.', 'busy');
  } finally {
    clearTimeout(late);
    await worker.terminate();
    await given.return?.();
  }
}

interface Document<T> {
  add(given: T): void;
  end(): Promise<void>;
}

/** The thread's side of `pdfOf`. */
export function setPdf<Head, T>(begin: (head: Head, part: (bytes: Uint8Array) => void) => Document<T>): void {
  const port = parentPort;
  if (!port) throw new Error('a thread of pdfOf');
  const tell = (told: FromPdf): void => port.postMessage(told);

  const document = begin(workerData as Head, (part) => tell({ part }));
  port.on('message', (told: ToPdf<T>) => {
    if ('is_over' in told) return void document.end().then(() => tell({ is_over: true }));
    document.add(told.given);
    return tell({ wants: true });
  });
  tell({ wants: true });
}

import { once } from 'node:events';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { type SheetBatch, readBatches } from './read-batches';
import { SheetFlaw } from './sheet-row';

// A thread of its own, with a memory of its own: whatever a stranger's file unfolds to ends this, and nothing else.

export interface SheetJob {
  path: string;
  /** Rows of a batch. */
  batch: number;
}

/** What the thread says: the header, then batches; after each it waits for a word. */
export type SheetNews =
  | { kind: 'read'; read: string[] | SheetBatch }
  | { kind: 'end' }
  /** What is wrong with the file; null: nobody knows, `cause` is for the log. */
  | { kind: 'flaw'; message: string | null; cause?: string };

async function read({ path, batch }: SheetJob, port: MessagePort): Promise<void> {
  const say = (news: SheetNews): void => port.postMessage(news);
  try {
    for await (const read of readBatches(path, batch)) {
      say({ kind: 'read', read });
      await once(port, 'message');
    }
    say({ kind: 'end' });
  } catch (error) {
    if (error instanceof SheetFlaw) say({ kind: 'flaw', message: error.message });
    else say({ kind: 'flaw', message: null, cause: String(error) });
  } finally {
    port.close();
  }
}

if (parentPort) void read(workerData as SheetJob, parentPort);

import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { csvRows } from './read-csv';
import { xlsRows } from './read-xls';
import { xlsxRows } from './read-xlsx';
import { SheetFlaw, type SheetRow } from './sheet-row';

// A thread of its own, with a memory of its own: whatever a stranger's file unfolds to ends this, and nothing else.

export interface SheetJob {
  path: string;
  /** Rows of a batch. */
  batch: number;
}

/** What the thread says, in this order; after each batch it waits for a word. */
export type SheetNews =
  | { kind: 'header'; cells: string[] }
  /** `json`: a list of `[row, cells]`. */
  | { kind: 'rows'; count: number; json: string }
  | { kind: 'end' }
  /** What is wrong with the file; null: nobody knows, `cause` is for the log. */
  | { kind: 'flaw'; message: string | null; cause?: string };

const ZIP = '504b0304';
const OLE = 'd0cf11e0';

/** By its content, whatever it is called. */
async function rowsOf(path: string): Promise<AsyncGenerator<SheetRow>> {
  const file = await open(path);
  const head = await file.read(Buffer.alloc(4), 0, 4, 0).finally(() => file.close());
  const magic = head.buffer.toString('hex');
  return magic === ZIP ? xlsxRows(path) : magic === OLE ? xlsRows(path) : csvRows(path);
}

const isBlank = ({ cells }: SheetRow): boolean => cells.every((cell) => !cell.trim());
/** Excel's word for the delimiter. */
const isSeparator = ({ cells }: SheetRow): boolean => cells.length <= 2 && /^sep=/i.test(cells[0]);

async function read({ path, batch }: SheetJob, port: MessagePort): Promise<void> {
  const say = (news: SheetNews): void => port.postMessage(news);
  let has_header = false;
  let rows: [number, string[]][] = [];
  const give = async (): Promise<void> => {
    if (!rows.length) return;
    say({ kind: 'rows', count: rows.length, json: JSON.stringify(rows) });
    rows = [];
    await once(port, 'message');
  };
  for await (const row of await rowsOf(path)) {
    if (isBlank(row) || isSeparator(row)) continue;
    if (has_header) rows.push([row.row, row.cells]);
    else say({ kind: 'header', cells: row.cells });
    has_header = true;
    if (rows.length === batch) await give();
  }
  await give();
  say({ kind: 'end' });
}

if (parentPort) {
  const port = parentPort;
  read(workerData as SheetJob, port)
    .catch((error: unknown) => {
      const news: SheetNews =
        error instanceof SheetFlaw
          ? { kind: 'flaw', message: error.message }
          : { kind: 'flaw', message: null, cause: error instanceof Error ? error.message : String(error) };
      port.postMessage(news);
    })
    .finally(() => port.close());
}

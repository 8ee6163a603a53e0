import { parentPort, workerData } from 'node:worker_threads';
import type { TranscriptHead } from '../transcript';
import { PdfDocument } from './pdf-document';
import type { FromPdf, ToPdf } from './pdf-transcripts';

// The thread that sets a transcript's pages (pdf-transcripts.ts).

const port = parentPort;
if (!port) throw new Error('a thread of pdf-transcripts.ts');

const tell = (told: FromPdf): void => port.postMessage(told);

const pdf = new PdfDocument(workerData as TranscriptHead, (part) => tell({ part }));
port.on('message', (told: ToPdf) => {
  if ('is_over' in told) return void pdf.end().then(() => tell({ is_over: true }));
  for (const entry of told.entries) pdf.add(entry);
  return tell({ wants: true });
});
tell({ wants: true });

import { setPdf } from '#common/pdf/pdf-thread';
import type { TranscriptEntry, TranscriptHead } from '../transcript';
import { PdfDocument } from './pdf-document';

// The thread that sets a transcript's pages (pdf-transcripts.ts).

setPdf<TranscriptHead, readonly TranscriptEntry[]>((head, part) => new PdfDocument(head, part));

import { randomUUID } from 'node:crypto';
import { open, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { pdfOf } from '#common/pdf/pdf-thread';
import { Turns } from '#common/turns';
import type { TranscriptHead } from '../transcript';
import type { Entries } from '../transcript-texts';

/** A thread of its own sets the pages; one at a time leaves a core to everybody else. */
const AT_ONCE = 1;
const LINE_MAX = 5;
const WAIT_MS = 60_000;
/** The longest document takes a few seconds. */
const MAKE_MS = 60_000;
const WORKER = join(__dirname, 'pdf.worker.js');

/** Conversations as PDF. */
@Injectable()
export class PdfTranscripts {
  private readonly turns = new Turns(AT_ONCE, { line_max: LINE_MAX, wait_ms: WAIT_MS });

  /** The whole document, ready to be read as slowly as its reader likes. @throws {Unavailable} `busy`. */
  async make(actor: Actor, head: TranscriptHead, entries: Entries): Promise<Readable> {
    return this.turns.run(() => write(head, entries), actor.organization_id);
  }
}

async function write(head: TranscriptHead, entries: Entries): Promise<Readable> {
  const path = join(tmpdir(), `pytake-${randomUUID()}.pdf`);
  const file = await open(path, 'wx+', 0o600);
  try {
    // Nobody else finds it, and it goes with whoever has it open.
    await unlink(path);
    await file.writeFile(pdfOf({ worker: WORKER, head, source: entries, make_ms: MAKE_MS }));
    return file.createReadStream({ start: 0 });
  } catch (error) {
    await file.close();
    throw error;
  }
}

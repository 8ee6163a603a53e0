import { randomUUID } from 'node:crypto';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { Worker } from 'node:worker_threads';
import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { Unavailable } from '#common/errors';
import { Turns } from '#common/turns';
import type { TranscriptEntry, TranscriptHead } from '../transcript';
import type { Entries } from '../transcript-texts';

/** A thread of its own sets the pages; one at a time leaves a core to everybody else. */
const AT_ONCE = 1;
const LINE_MAX = 5;
const WAIT_MS = 60_000;
/** The longest document takes a few seconds. */
const MAKE_MS = 60_000;
const MEMORY_MB = 256;

/** What the thread is told. */
export type ToPdf = { entries: readonly TranscriptEntry[] } | { is_over: true };
/** And tells: that it wants more entries, a part of the file, or its end. */
export type FromPdf = { wants: true } | { part: Uint8Array } | { is_over: true };

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
    await set(head, entries, file);
    return file.createReadStream({ start: 0 });
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Gives the thread what is to be set as it asks for it, and writes down what it makes. */
async function set(head: TranscriptHead, entries: Entries, file: FileHandle): Promise<void> {
  // Without the process's settings, which hold its secrets.
  const worker = new Worker(join(__dirname, 'pdf.worker.js'), {
    workerData: head,
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB },
  });
  const late = setTimeout(() => void worker.terminate(), MAKE_MS);
  const source = entries[Symbol.asyncIterator]();
  try {
    await new Promise<void>((resolve, reject) => {
      let written = Promise.resolve();
      const feed = async (): Promise<void> => {
        const { value, done } = await source.next();
        worker.postMessage((done ? { is_over: true } : { entries: value as readonly TranscriptEntry[] }) satisfies ToPdf);
      };
      worker.on('message', (told: FromPdf) => {
        if ('wants' in told) feed().catch(reject);
        else if ('part' in told) {
          written = written.then(async () => void (await file.write(told.part)));
          written.catch(reject);
        } else written.then(resolve, reject);
      });
      worker.on('error', reject);
      worker.on('exit', () => reject(new Unavailable('The document took too long. Try again in a moment.', 'busy')));
    });
  } finally {
    clearTimeout(late);
    await worker.terminate();
    await source.return?.();
  }
}

import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { ZipFile } from 'yazl';

/** A file of an archive, opened when its turn comes. */
export interface ZipEntry {
  /** Its path in the archive, with `/`. */
  name: string;
  /** What is compressed already is only stored. */
  compress?: boolean;
  /** Default: now. */
  modified_at?: Date;
  /** null: there is nothing, and no entry of it. */
  read(): Readable | null | Promise<Readable | null>;
}

/**
 * An archive that is made as it is read: one entry after the other, none of them whole in memory. What breaks off is told by the stream that is handed out, and who
 * leaves it ends the work: the entry that is open is destroyed, and no other one is asked for.
 */
export function zipOf(entries: AsyncIterable<ZipEntry> | Iterable<ZipEntry>): Readable {
  const zip = new ZipFile();
  const archive = zip.outputStream as Readable;
  // Until somebody reads it nobody would hear of an error, and that ends the process.
  archive.on('error', () => undefined);
  zip.on('error', (error: Error) => archive.destroy(error));
  void fill(zip, archive, entries).catch((error: Error) => archive.destroy(error));
  return archive;
}

async function fill(zip: ZipFile, archive: Readable, entries: AsyncIterable<ZipEntry> | Iterable<ZipEntry>): Promise<void> {
  const left = new AbortController();
  archive.once('close', () => left.abort());
  for await (const { name, compress = true, modified_at = new Date(), read } of entries) {
    if (left.signal.aborted) return;
    const source = await read();
    if (!source) continue;
    if (left.signal.aborted) return void source.destroy();
    const stop = (): void => void source.destroy();
    archive.once('close', stop);
    zip.addReadStream(source, name, { compress, mtime: modified_at });
    try {
      await finished(source);
    } catch (error) {
      // Its reader left it: nobody is to hear of that.
      if (left.signal.aborted) return;
      throw error;
    } finally {
      archive.off('close', stop);
    }
  }
  zip.end();
}

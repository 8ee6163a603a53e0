import type { Hash } from 'node:crypto';

// POSIX ustar, of it what a backup needs: plain files with short names. Any `tar` lists and unpacks it.

const BLOCK = 512;

export interface TarEntry {
  name: string;
  size: number;
  /** Read whole or not at all before the next entry is asked for. */
  body: AsyncIterable<Buffer>;
}

/** What ends an archive. */
export const TAR_END = Buffer.alloc(2 * BLOCK);

/** One file in tar's form. @throws When the body is not `size` bytes long. */
export async function* tarFile(name: string, size: number, body: AsyncIterable<Buffer> | Iterable<Buffer>): AsyncGenerator<Buffer> {
  yield headerOf(name, size);
  let left = size;
  for await (const chunk of body) {
    left -= chunk.length;
    yield chunk;
  }
  if (left !== 0) throw new Error(`${name} changed while it was read`);
  yield Buffer.alloc(padding(size));
}

/**
 * The files of an archive, one after the other. When an entry is given out, `digest` has been fed every byte before it.
 * @throws When it is no archive, or ends too early.
 */
export async function* readTar(source: AsyncIterable<Buffer>, digest: Hash): AsyncGenerator<TarEntry> {
  const bytes = new Bytes(source);
  for (;;) {
    const header = await bytes.take(BLOCK);
    if (header.every((byte) => byte === 0)) return;
    if (header.toString('latin1', 257, 262) !== 'ustar' || octal(header, 148, 8) !== checksum(header)) throw new Error('it is no archive');
    const name = header.toString('utf8', 0, 100).replace(/\0.*$/s, '');
    const size = octal(header, 124, 12);
    const body = (async function* (): AsyncGenerator<Buffer> {
      digest.update(header);
      for await (const chunk of bytes.pass(size)) {
        digest.update(chunk);
        yield chunk;
      }
    })();
    yield { name, size, body };
    while (!(await body.next()).done) continue;
    digest.update(await bytes.take(padding(size)));
  }
}

/** A stream's bytes by number. */
class Bytes {
  private readonly chunks: AsyncIterator<Buffer>;
  private rest: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.chunks = source[Symbol.asyncIterator]();
  }

  async take(length: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    for await (const part of this.pass(length)) parts.push(part);
    return Buffer.concat(parts);
  }

  async *pass(length: number): AsyncGenerator<Buffer> {
    for (let left = length; left > 0;) {
      if (this.rest.length === 0) {
        const next = await this.chunks.next();
        if (next.done) throw new Error('it ends too early');
        this.rest = next.value;
      }
      const part = this.rest.subarray(0, left);
      this.rest = this.rest.subarray(part.length);
      left -= part.length;
      yield part;
    }
  }
}

function headerOf(name: string, size: number): Buffer {
  const header = Buffer.alloc(BLOCK);
  if (Buffer.byteLength(name) > 100) throw new Error(`${name} is too long a name for a backup`);
  header.write(name, 0);
  header.write('0000600\0' + '0000000\0' + '0000000\0', 100); // mode, user, group
  header.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
  header.write(
    `${Math.floor(Date.now() / 1000)
      .toString(8)
      .padStart(11, '0')}\0`,
    136,
  );
  header.write('0', 156); // a plain file
  header.write('ustar\x0000', 257);
  header.write(`${checksum(header).toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}

/** The header's bytes added up, its own sum read as spaces. */
const checksum = (header: Buffer): number => header.reduce((sum, byte, at) => sum + (at >= 148 && at < 156 ? 32 : byte), 0);

const octal = (header: Buffer, at: number, length: number): number =>
  parseInt(header.toString('latin1', at, at + length).replace(/[\0 ].*$/s, ''), 8) || 0;

const padding = (size: number): number => (BLOCK - (size % BLOCK)) % BLOCK;

import { once } from 'node:events';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { unzip } from '../../test/support/unzip';
import { type ZipEntry, zipOf } from './zip';

const text = (name: string, ...parts: string[]): ZipEntry => ({ name, read: () => Readable.from(parts, { objectMode: false }) });

/** What was asked for, by name; the last one ends when the reader does. */
function watched(entries: readonly ZipEntry[]): { entries: AsyncGenerator<ZipEntry>; asked: string[] } {
  const asked: string[] = [];
  async function* each(): AsyncGenerator<ZipEntry> {
    try {
      for (const entry of entries) {
        asked.push(entry.name);
        yield entry;
      }
    } finally {
      asked.push('(end)');
    }
  }
  return { entries: each(), asked };
}

describe('an archive', () => {
  it('has its entries, compressed or stored, the empty ones too', async () => {
    const files = unzip(await buffer(zipOf([text('a.txt', 'á', 'b'), { ...text('b/c.bin', 'xyz'), compress: false }, text('empty')])));

    expect([...files].map(([name, bytes]) => [name, bytes.toString()])).toEqual([
      ['a.txt', 'áb'],
      ['b/c.bin', 'xyz'],
      ['empty', ''],
    ]);
  });

  it('breaks off with an entry that does, and asks for no other one', async () => {
    const breaking: ZipEntry = {
      name: 'bad',
      read: () =>
        Readable.from(
          (function* () {
            yield 'some';
            throw new Error('The database is away.');
          })(),
        ),
    };
    const { entries, asked } = watched([text('good', 'a'), breaking, text('never', 'b')]);

    await expect(buffer(zipOf(entries))).rejects.toThrow('The database is away.');
    expect(asked).toEqual(['good', 'bad', '(end)']);
  });

  it('ends the work of an entry that is open when its reader leaves', async () => {
    const endless = Readable.from(
      (function* () {
        for (;;) yield Buffer.alloc(65_536, Math.random().toString());
      })(),
      { objectMode: false },
    );
    const { entries, asked } = watched([{ name: 'endless', compress: false, read: () => endless }, text('never', 'b')]);
    const archive = zipOf(entries);
    await once(archive, 'readable');

    archive.destroy();

    await once(endless, 'close');
    await new Promise(setImmediate);
    expect(asked).toEqual(['endless', '(end)']);
  });
});

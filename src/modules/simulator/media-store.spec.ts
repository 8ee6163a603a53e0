import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { MediaStore } from './media-store';

const NUMBER = '999000000000001';
const AS = { mime_type: 'text/plain', filename: null };
const KB = 1024;

let dir: string;
let store: MediaStore;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'pytake-media-store-'));
  writeFileSync(join(dir, 'left-behind'), 'by a process that was killed');
  store = new MediaStore(dir, { bytes: 10 * KB, files: 3 });
});
afterEach(() => {
  store.close();
  rmSync(dir, { recursive: true, force: true });
});

const file = (size: number): Readable => Readable.from([Buffer.alloc(size)]);
const keep = async (size: number): Promise<string> => store.keep(NUMBER, await store.receive(file(size)), AS).id;
const known = (ids: string[]): boolean[] => ids.map((id) => store.get(id) !== undefined);

it('drops the oldest files when they are too many or too large together', async () => {
  const many = [await keep(1), await keep(1), await keep(1), await keep(1)];
  expect(known(many)).toEqual([false, true, true, true]);

  const large = await keep(10 * KB);

  expect(known([...many, large])).toEqual([false, false, false, false, true]);
  expect(readdirSync(dir)).toHaveLength(1);
});

it('refuses what fills it alone, and leaves nothing of it', async () => {
  await expect(store.receive(file(10 * KB + 1))).rejects.toThrow('no room');
  await expect(
    store.receive(
      Readable.from(
        (function* () {
          yield Buffer.alloc(5 * KB);
          throw new Error('the caller hung up');
        })(),
      ),
    ),
  ).rejects.toThrow('hung up');

  expect(readdirSync(dir)).toEqual([]);
  expect(known([await keep(10 * KB)])).toEqual([true]);
});

it('goes on with the files an earlier process kept, and with no others', async () => {
  const id = await keep(KB);
  const kept = store.kept();
  store.close();
  writeFileSync(join(dir, 'left-behind'), 'by a process that was killed');

  store = new MediaStore(dir, { bytes: 10 * KB, files: 3 });
  store.restore([...kept, { ...kept[0], id: '1', file: 'gone' }]);
  const another = await keep(KB);

  expect(known([id, '1', another])).toEqual([true, false, true]);
  expect(readdirSync(dir)).toHaveLength(2);
});

it('forgets a file nobody kept, and a kept one only when told', async () => {
  const arrived = await store.receive(file(1));
  const kept = await store.receive(file(1));
  const { id, path } = store.keep(NUMBER, kept, AS);

  store.discard(arrived);
  store.discard(kept);
  expect(existsSync(arrived.path)).toBe(false);
  expect(existsSync(path)).toBe(true);

  expect(store.delete(id)).toBe(true);
  expect(readdirSync(dir)).toEqual([]);
});

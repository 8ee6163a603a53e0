import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { Base64Field } from './base64-field';
import { cutFiles, decoded } from './cut-files';

describe('a body with files', () => {
  const PIXELS = Buffer.alloc(100_000, 'pytake').toString('base64');

  it('is cut where its files stand, and nowhere else', () => {
    const text = 'diz "base64":"nada" — ação';
    const raw = Buffer.from(JSON.stringify({ data: [{ message: { conversation: text } }, { message: { base64: PIXELS } }], base64: '' }));

    const cut = cutFiles(raw, 1000);

    expect(JSON.parse(cut?.text ?? '')).toEqual({ data: [{ message: { conversation: text } }, { message: { base64: '0' } }], base64: '1' });
    expect(cut?.files.map((file) => file.toString())).toEqual([PIXELS, '']);
    expect(cutFiles(raw, 20)).toBeNull();
    expect(cutFiles(Buffer.from('{"base64":"unfinished'), 1000)?.files).toEqual([]);
  });

  it.each([1, 7, 10, 11, 64 * 1024])('gives its file away in pieces of %i', async (size) => {
    const text = Buffer.from(
      JSON.stringify({
        mediaType: 'image',
        caption: '\\"base64\\":\\"',
        base64: PIXELS.slice(0, size < 20 ? 400 : undefined),
        buffer: null,
      }),
    );
    const pieces = Array.from({ length: Math.ceil(text.length / size) }, (_, n) => text.subarray(n * size, (n + 1) * size));

    expect(
      (await buffer(Base64Field.of(Readable.from(pieces)))).equals(Buffer.from(PIXELS.slice(0, size < 20 ? 400 : undefined), 'base64')),
    ).toBe(true);
  });

  it('takes them in lines, spaced, and with escaped slashes', async () => {
    const file = Buffer.alloc(10_001, 'pyt\xff\xfe');
    const lines = file.toString('base64').replace(/.{76}/g, '$&\r\n');
    const json = JSON.stringify({ base64: lines }, null, 2).replaceAll('/', '\\/');

    const pieces = json.match(/[^]{1,7}/g) ?? [];

    expect((await buffer(Base64Field.of(Readable.from(pieces.map((piece) => Buffer.from(piece)))))).equals(file)).toBe(true);
    const [cut] = cutFiles(Buffer.from(json), 1000)?.files ?? [];
    expect((await buffer(decoded(cut))).equals(file)).toBe(true);
  });

  it('fails where there is none, or half of one', async () => {
    await expect(buffer(Base64Field.of(Readable.from([Buffer.from('{"error":true}')])))).rejects.toThrow('no file');
    await expect(buffer(Base64Field.of(Readable.from([Buffer.from('{"base64":"aGVsbG8')])))).rejects.toThrow('no file');
  });
});

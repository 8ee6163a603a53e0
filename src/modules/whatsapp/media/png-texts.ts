import { open } from 'node:fs/promises';

const SIGNATURE = Buffer.from('89504e470d0a1a0a', 'hex');
/** Length, type; a check follows the data. */
const HEAD_BYTES = 8;
const CHECK_BYTES = 4;
/** An image of 20 MB has some thousand. */
const CHUNKS_MAX = 10_000;
/** Compressed, or may be: who reads the image unfolds them first, each to a thousand times its size. */
const FOLDED = new Set(['zTXt', 'iTXt', 'iCCP']);

/** How much of a PNG is texts and profiles; Infinity: it is in more pieces than a picture has. 0: it is no PNG. */
export async function textBytesOf(path: string): Promise<number> {
  const file = await open(path);
  try {
    const head = Buffer.alloc(HEAD_BYTES);
    const read = async (at: number): Promise<boolean> => (await file.read(head, 0, HEAD_BYTES, at)).bytesRead === HEAD_BYTES;
    if (!(await read(0)) || !head.equals(SIGNATURE)) return 0;
    let bytes = 0;
    let at = SIGNATURE.length;
    for (let count = 0; count < CHUNKS_MAX; count++) {
      if (!(await read(at))) return bytes;
      const length = head.readUInt32BE(0);
      if (FOLDED.has(head.toString('latin1', 4, 8))) bytes += length;
      at += HEAD_BYTES + length + CHECK_BYTES;
    }
    return Infinity;
  } finally {
    await file.close();
  }
}

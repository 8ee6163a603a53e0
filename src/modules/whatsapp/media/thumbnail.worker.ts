import { parentPort } from 'node:worker_threads';
import sharp from 'sharp';
import { textBytesOf } from './png-texts';
import type { Image, Made } from './thumbnails';

// The thread that makes thumbnails (thumbnails.ts).

const LONGER_SIDE_PIXELS = 320;
/** A photo of a phone; unfolded it takes 200 MB at most. */
const MAX_PIXELS = 50_000_000;
/** What editors write into a PNG is less; a megabyte of it kept the one thread busy for ten seconds. */
const MAX_TEXT_BYTES = 256 * 1024;
const TIMEOUT_SECONDS = 5;
const QUALITY = 75;

const port = parentPort;
if (!port) throw new Error('the thread of thumbnails.ts');

sharp.cache(false);
sharp.concurrency(1);
// What a file is, its bytes say: nothing else is opened, whatever they claim to be.
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({ operation: ['VipsForeignLoadJpegFile', 'VipsForeignLoadPngFile', 'VipsForeignLoadWebpFile'] });

/** As WebP, which keeps what is transparent; turned as it was taken, and without where and when. */
async function thumbnailOf({ path }: Image): Promise<Made> {
  if ((await textBytesOf(path)) > MAX_TEXT_BYTES) return { flaw: 'it is mostly text' };
  const image = sharp(path, { limitInputPixels: MAX_PIXELS, failOn: 'error', sequentialRead: true });
  const { pages = 1 } = await image.metadata();
  if (pages > 1) return { flaw: 'it is animated' };
  const thumbnail = await image
    .autoOrient()
    .resize(LONGER_SIDE_PIXELS, LONGER_SIDE_PIXELS, { fit: 'inside', withoutEnlargement: true })
    .webp({ quality: QUALITY })
    .timeout({ seconds: TIMEOUT_SECONDS })
    .toBuffer();
  return { thumbnail };
}

port.on('message', (image: Image) => {
  thumbnailOf(image).then(
    (made) => port.postMessage(made),
    (error: Error) => port.postMessage({ flaw: error.message } satisfies Made),
  );
});

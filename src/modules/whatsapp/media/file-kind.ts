import { open } from 'node:fs/promises';
import { extname } from 'node:path';
import { fileTypeFromFile } from 'file-type';

const KB = 1024;
const MB = 1024 * KB;

/** Meta, Cloud API "Media": no file is larger. */
export const MAX_FILE_BYTES = 100 * MB;

const WITH_THUMBNAIL: ReadonlySet<string> = new Set(['image/jpeg', 'image/png', 'image/webp']);
/** Larger than what phones make. */
const WITH_THUMBNAIL_MAX_BYTES = 20 * MB;

/** Whether it is an image that has a thumbnail, unless it is broken or moves. */
export const getsThumbnail = ({ mime_type, size_bytes }: { mime_type: string; size_bytes: number | null }): boolean =>
  WITH_THUMBNAIL.has(mime_type) && size_bytes !== null && size_bytes <= WITH_THUMBNAIL_MAX_BYTES;

const OFFICE: Readonly<Record<string, string>> = {
  '.doc': 'application/msword',
  '.xls': 'application/vnd.ms-excel',
  '.ppt': 'application/vnd.ms-powerpoint',
};

/** Types by content as file-type says them, in Meta's words. */
const SAME: Readonly<Record<string, string>> = {
  'audio/x-m4a': 'audio/mp4',
  'audio/ogg; codecs=opus': 'audio/ogg',
  'application/xml': 'text/plain',
};

/** Meta, Cloud API "Media": what may be sent, and how large (contract 20, MediaUploadForm). */
const LIMITS: Readonly<Record<string, number>> = {
  'image/jpeg': 5 * MB,
  'image/png': 5 * MB,
  'video/mp4': 16 * MB,
  'video/3gpp': 16 * MB,
  'audio/aac': 16 * MB,
  'audio/amr': 16 * MB,
  'audio/mpeg': 16 * MB,
  'audio/mp4': 16 * MB,
  'audio/ogg': 16 * MB,
  'application/pdf': MAX_FILE_BYTES,
  ...Object.fromEntries(Object.values(OFFICE).map((type) => [type, MAX_FILE_BYTES])),
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document': MAX_FILE_BYTES,
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet': MAX_FILE_BYTES,
  'application/vnd.openxmlformats-officedocument.presentationml.presentation': MAX_FILE_BYTES,
  'text/plain': MAX_FILE_BYTES,
  // Kept and handed out as attachments only.
  'text/html': MAX_FILE_BYTES,
  'image/svg+xml': MAX_FILE_BYTES,
};

const STICKER_BYTES = 100 * KB;
const ANIMATED_STICKER_BYTES = 500 * KB;
/** Enough to tell text from bytes and markup from text. */
const HEAD_BYTES = 64 * KB;

/** The type by content; the name only tells Word from Excel inside the old Office container. null: neither a known format nor text. */
export async function sniff(path: string, filename: string | null): Promise<string | null> {
  const found = (await fileTypeFromFile(path))?.mime;
  if (found === 'application/x-cfb') return OFFICE[extname(filename ?? '').toLowerCase()] ?? found;
  if (found && found !== 'application/xml') return SAME[found] ?? found;
  return textType(await head(path));
}

/** How large a file of this type may be to be sent; null: WhatsApp does not take it. */
export async function sendLimit(path: string, mime_type: string): Promise<number | null> {
  if (mime_type !== 'image/webp') return LIMITS[mime_type] ?? null;
  return isAnimatedWebp(await head(path)) ? ANIMATED_STICKER_BYTES : STICKER_BYTES;
}

/** Markup travels as text: Meta takes no other, and nobody's browser shall run it. */
export const metaType = (mime_type: string): string =>
  mime_type === 'text/html' || mime_type === 'image/svg+xml' ? 'text/plain' : mime_type;

async function head(path: string): Promise<Buffer> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

function textType(start: Buffer): string | null {
  if (!start.length || start.includes(0)) return null;
  // Latin-1 text is text too, so only control characters tell bytes from it.
  const text = start.toString('latin1');
  // eslint-disable-next-line no-control-regex -- they are what is looked for
  if (/[\x01-\x08\x0e-\x1a\x1c-\x1f]/.test(text)) return null;
  if (/<svg[\s>]/i.test(text)) return 'image/svg+xml';
  return /<(?:!doctype html|html|head|body|script|iframe)[\s>]/i.test(text) ? 'text/html' : 'text/plain';
}

/** WebP container: the animation bit of the VP8X chunk. */
const isAnimatedWebp = (start: Buffer): boolean => start.toString('latin1', 12, 16) === 'VP8X' && (start[20] & 0x02) !== 0;

import { setImmediate as nextTurn } from 'node:timers/promises';
import { Readable } from 'node:stream';
import { Base64Text, base64At } from './base64-text';

const QUOTE = 0x22;
/** A webhook is one message, rarely a few. */
const MAX_FILES = 50;
/** Letters decoded in one turn of the event loop. */
const PIECE = 256 * 1024;

/** A webhook without its files. */
export interface Cut {
  /** JSON, in which each field `base64` is the number of its file. */
  text: string;
  /** In base64. */
  files: Buffer[];
}

/**
 * Takes the values of all fields `base64` out of a body before it is parsed: they are nearly all of it, and nobody needs them in JSON. Base64 has no
 * quote. null: there are too many of them, or more than `max_text_bytes` of anything else.
 */
export function cutFiles(raw: Buffer, max_text_bytes: number): Cut | null {
  const files: Buffer[] = [];
  const text: [from: number, to: number][] = [];
  let from = 0;
  let text_bytes = raw.length;
  for (;;) {
    const start = base64At(raw, from);
    const end = start < 0 ? -1 : raw.indexOf(QUOTE, start);
    if (end < 0) break;
    files.push(raw.subarray(start, end));
    text.push([from, start]);
    text_bytes -= end - start;
    if (files.length > MAX_FILES) return null;
    from = end;
  }
  if (text_bytes > max_text_bytes) return null;
  return { text: text.map(([begin, end], n) => raw.toString('utf8', begin, end) + n).join('') + raw.toString('utf8', from), files };
}

/** The bytes of a file, piece by piece. */
export const decoded = (base64: Buffer): Readable =>
  Readable.from(
    (async function* (): AsyncGenerator<Buffer> {
      const text = new Base64Text();
      for (let at = 0; at < base64.length; at += PIECE) {
        yield text.add(base64.toString('latin1', at, at + PIECE));
        await nextTurn();
      }
      yield text.end();
    })(),
    { objectMode: false },
  );

import { type Readable, Transform, type TransformCallback, pipeline } from 'node:stream';

const KEY = Buffer.from('"base64":"');
const QUOTE = 0x22;

/**
 * The decoded value of the field `base64` of a JSON text, as the text comes: files have a hundred megabytes. Base64 has no character that JSON would
 * escape, so its string ends at the next quote; and the quotes of a key inside another string are escaped, so the key found is one.
 */
export class Base64Field extends Transform {
  private head = Buffer.alloc(0);
  private state: 'before' | 'inside' | 'after' = 'before';
  /** Letters that are no whole group of four yet. */
  private rest = '';

  static of(source: Readable): Readable {
    return pipeline(source, new Base64Field(), () => undefined);
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    let piece = chunk;
    if (this.state === 'before') {
      const text = Buffer.concat([this.head, chunk]);
      const at = text.indexOf(KEY);
      if (at < 0) {
        this.head = text.subarray(-(KEY.length - 1));
        return done();
      }
      this.state = 'inside';
      piece = text.subarray(at + KEY.length);
    }
    if (this.state === 'inside') {
      const end = piece.indexOf(QUOTE);
      if (end >= 0) this.state = 'after';
      const letters = this.rest + piece.toString('latin1', 0, end < 0 ? piece.length : end);
      const whole = end < 0 ? letters.length - (letters.length % 4) : letters.length;
      this.rest = letters.slice(whole);
      if (whole) this.push(Buffer.from(letters.slice(0, whole), 'base64'));
    }
    done();
  }

  override _flush(done: TransformCallback): void {
    done(this.state === 'after' ? null : new Error('the provider handed out no file'));
  }
}

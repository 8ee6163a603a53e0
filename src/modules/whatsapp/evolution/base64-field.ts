import { type Readable, Transform, type TransformCallback, pipeline } from 'node:stream';
import { Base64Text, FIELD_MAX, base64At } from './base64-text';

const QUOTE = 0x22;

/** The decoded value of the field `base64` of a JSON text, as the text comes: files have a hundred megabytes. Base64 has no quote, so its string ends at the next. */
export class Base64Field extends Transform {
  private head = Buffer.alloc(0);
  private state: 'before' | 'inside' | 'after' = 'before';
  private readonly text = new Base64Text();

  static of(source: Readable): Readable {
    return pipeline(source, new Base64Field(), () => undefined);
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    let piece = chunk;
    if (this.state === 'before') {
      const json = Buffer.concat([this.head, chunk]);
      const at = base64At(json);
      if (at < 0) {
        this.head = json.subarray(-FIELD_MAX);
        return done();
      }
      this.state = 'inside';
      piece = json.subarray(at);
    }
    if (this.state === 'inside') {
      const end = piece.indexOf(QUOTE);
      this.push(this.text.add(piece.toString('latin1', 0, end < 0 ? piece.length : end)));
      if (end >= 0) {
        this.push(this.text.end());
        this.state = 'after';
      }
    }
    done();
  }

  override _flush(done: TransformCallback): void {
    done(this.state === 'after' ? null : new Error('the provider handed out no file'));
  }
}

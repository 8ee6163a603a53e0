const NAME = Buffer.from('"base64"');
/** White space a printer puts around a colon, at most. */
const GAP_MAX = 64;
/** So much of a piece of JSON may be the beginning of a field that goes on in the next. */
export const FIELD_MAX = NAME.length + GAP_MAX;

/** Where the next value of a field `base64` begins; -1: nowhere. In another string the quotes of such a key are escaped, so a key found is one. */
export function base64At(json: Buffer, from = 0): number {
  for (let at = json.indexOf(NAME, from); at >= 0; at = json.indexOf(NAME, at + 1)) {
    const gap = at + NAME.length;
    const opening = /^\s*:\s*"/.exec(json.toString('latin1', gap, gap + GAP_MAX));
    if (opening) return gap + opening[0].length;
  }
  return -1;
}

/** What says nothing in base64, as JSON writes it: lines are broken for readers (MIME, PEM), and some escape the slash. */
const SILENT = /\\[nrt]|[\\\s]/g;

/** Decodes base64 as it stands in JSON, piece by piece. */
export class Base64Text {
  /** Letters that are no whole group of four yet. */
  private rest = '';

  add(piece: string): Buffer {
    const text = this.rest + piece;
    // An escape may be cut in two.
    const end = text.endsWith('\\') ? text.length - 1 : text.length;
    const letters = text.slice(0, end).replace(SILENT, '');
    const whole = letters.length - (letters.length % 4);
    this.rest = letters.slice(whole) + text.slice(end);
    return Buffer.from(letters.slice(0, whole), 'base64');
  }

  /** What was left over, of a text without its padding. */
  end(): Buffer {
    return Buffer.from(this.rest, 'base64');
  }
}

/** The faces of a document: of each text the first that has its signs. */
export type Face = 'text' | 'bold' | 'emoji';

const FACES: Record<Face, string> = {
  text: '@expo-google-fonts/noto-sans/400Regular/NotoSans_400Regular.ttf',
  bold: '@expo-google-fonts/noto-sans/700Bold/NotoSans_700Bold.ttf',
  emoji: '@expo-google-fonts/noto-emoji/400Regular/NotoEmoji_400Regular.ttf',
};

/** A part of a line in one face. */
interface Run {
  face: Face;
  text: string;
  /** At one point of size. */
  width: number;
}

export interface Line {
  runs: Run[];
  width: number;
}

/** Stands for what no face has; Noto Sans has it. */
const MISSING = '\uFFFD';
/** Say how the sign before is drawn, and are none themselves. */
const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\p{Cc}]/gu;
/** Latin letters and usual signs, all of them in Noto Sans: most of what is written here. */
const PLAIN = /^[\x20-\x7e\u00a0-\u024f\u2010-\u2027\u2030-\u203a\u20ac]*$/;
const CACHE_MAX = 50_000;
/** A run is measured as a whole, and again when a line ends in it: a word of thousands of letters is many runs. */
const RUN_MAX = 64;
/** Of a letter with more marks than that the first are drawn; the longest emoji has fewer parts. */
const SIGN_MAX = 32;
const PIECES = new RegExp(`.{1,${RUN_MAX}}`, 'gs');

/** PDFKit's own fonts, of which its types tell nothing. */
interface OpenFont {
  font: { hasGlyphForCodePoint(code_point: number): boolean };
  /** The glyphs of each word it ever drew or measured. */
  layoutCache: Record<string, object>;
}

/** Breaks texts into lines, each sign in a face that has it. */
export class Typeset {
  private readonly graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
  private readonly faces = new Map<string, Face | null>();
  private readonly widths = new Map<string, number>();
  private readonly fonts: Record<Face, OpenFont>;
  /** Something could not be shown. */
  is_missing = false;

  constructor(private readonly pdf: PDFKit.PDFDocument) {
    const fontOf = (face: Face): OpenFont => {
      pdf.registerFont(face, require.resolve(FACES[face]));
      return (pdf.font(face) as unknown as { _font: OpenFont })._font;
    };
    this.fonts = { text: fontOf('text'), bold: fontOf('bold'), emoji: fontOf('emoji') };
  }

  /** PDFKit forgets no word by itself, and there may be no two that are the same. */
  forgetWords(): void {
    for (const font of Object.values(this.fonts)) font.layoutCache = Object.create(null) as OpenFont['layoutCache'];
  }

  /** The lines of a text in a width; its own breaks stay. */
  lines(text: string, base: 'text' | 'bold', size: number, width: number): Line[] {
    return text
      .split(/\r\n|[\r\n\v\f\u0085\u2028\u2029]/)
      .flatMap((paragraph) => this.broken(paragraph.replaceAll('\t', '    '), base, width / size));
  }

  /** As much of a text as fits on one line. */
  line(text: string, base: 'text' | 'bold', size: number, width: number): Line {
    const [first, second] = this.lines(text.replace(/\s+/g, ' '), base, size, width);
    if (!second) return first;
    const [cut] = this.lines(text.replace(/\s+/g, ' '), base, size, width - size);
    return lineOf([...cut.runs, ...this.runs('…', base)]);
  }

  private broken(paragraph: string, base: 'text' | 'bold', width: number): Line[] {
    const lines: Line[] = [];
    let runs: Run[] = [];
    let used = 0;
    const close = (): void => {
      lines.push(lineOf(runs));
      runs = [];
      used = 0;
    };
    for (const [word] of paragraph.matchAll(/\s*\S+|\s+$/g)) {
      let rest = this.runs(used ? word : word.replace(/^ (?=\S)/, ''), base);
      if (used && used + widthOf(rest) > width) {
        close();
        rest = this.runs(word.trimStart(), base);
      }
      // Longer than a line: an address, or a script without blanks.
      while (used + widthOf(rest) > width) {
        const [fits, left] = this.parted(rest, width - used);
        runs.push(...fits);
        close();
        rest = left;
      }
      runs.push(...rest);
      used += widthOf(rest);
    }
    close();
    return lines;
  }

  /** What of runs fits into a width, one sign at least, and what is left. */
  private parted(runs: readonly Run[], width: number): [Run[], Run[]] {
    const fits: Run[] = [];
    let used = 0;
    for (const [n, run] of runs.entries()) {
      if (used + run.width <= width) {
        fits.push(run);
        used += run.width;
        continue;
      }
      const signs = [...this.graphemes.segment(run.text)].map(({ segment }) => segment);
      let count = 0;
      for (let at = used; count < signs.length; count++) if ((at += this.width(run.face, signs[count])) > width) break;
      if (!count && !fits.length) count = 1;
      const part = (from: number, to?: number): Run[] => {
        const text = signs.slice(from, to).join('');
        return text ? [{ face: run.face, text, width: this.width(run.face, text) }] : [];
      };
      return [
        [...fits, ...part(0, count)],
        [...part(count), ...runs.slice(n + 1)],
      ];
    }
    return [fits, []];
  }

  private runs(text: string, base: 'text' | 'bold'): Run[] {
    if (PLAIN.test(text)) {
      const pieces = text.match(PIECES) ?? [''];
      return pieces.map((piece) => ({ face: base, text: piece, width: this.width(base, piece) }));
    }
    const parts: { face: Face; text: string }[] = [];
    for (const { segment: sign } of this.graphemes.segment(text)) {
      const segment = sign.slice(0, SIGN_MAX).toWellFormed();
      const face = this.faceOf(segment, base);
      // In Noto Sans a joiner or selector alone would be an empty box.
      const shown = face === null ? MISSING : face === 'emoji' ? segment : segment.replace(INVISIBLE, '');
      if (face === null) this.is_missing = true;
      const last = parts.at(-1);
      if (last && last.face === (face ?? base) && last.text.length < RUN_MAX) last.text += shown;
      else if (shown) parts.push({ face: face ?? base, text: shown });
    }
    return parts.map(({ face, text: part }) => ({ face, text: part, width: this.width(face, part) }));
  }

  /** null: none has it. */
  private faceOf(sign: string, base: 'text' | 'bold'): Face | null {
    const key = `${base} ${sign}`;
    let face = this.faces.get(key);
    if (face === undefined) {
      const visible = [...sign.replace(INVISIBLE, '')];
      const has = (of: Face): boolean => visible.every((letter) => this.fonts[of].font.hasGlyphForCodePoint(letter.codePointAt(0) ?? 0));
      // A sign that is asked for as emoji, or joined to one, is drawn as one.
      const order: Face[] = /\u200d|\ufe0f|\u20e3/.test(sign) ? ['emoji', base] : [base, 'emoji'];
      face = order.find(has) ?? null;
      if (this.faces.size >= CACHE_MAX) this.faces.clear();
      this.faces.set(key, face);
    }
    return face;
  }

  private width(face: Face, text: string): number {
    const key = `${face} ${text}`;
    let width = this.widths.get(key);
    if (width === undefined) {
      width = this.pdf.font(face).fontSize(1).widthOfString(text);
      if (this.widths.size >= CACHE_MAX) this.widths.clear();
      this.widths.set(key, width);
    }
    return width;
  }
}

const widthOf = (runs: readonly Run[]): number => runs.reduce((sum, { width }) => sum + width, 0);

/** Neighbours of one face are one run: each is a statement in the file. */
function lineOf(parts: readonly Run[]): Line {
  const runs: Run[] = [];
  for (const run of parts) {
    const last = runs.at(-1);
    if (last?.face === run.face) runs[runs.length - 1] = { ...last, text: last.text + run.text, width: last.width + run.width };
    else runs.push(run);
  }
  return { runs, width: widthOf(runs) };
}

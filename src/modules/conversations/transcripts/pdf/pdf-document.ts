import PDFDocument from 'pdfkit';
import type { Side, TranscriptEntry, TranscriptHead } from '../transcript';
import { factsOf } from '../transcript-texts';
import { TRANSCRIPT_WORDS } from '../transcript-words';
import { PDF_LINES_MAX, PDF_TEXT_MAX } from './pdf-limits';
import { type Line, Typeset } from './typeset';

// Points; A4 is 595 by 842.
const MARGIN = 48;
const FOOT = 36;
const GAP = 8;
const PADDING = 9;
const RADIUS = 8;
const BUBBLE_SHARE = 0.74;
const LEADING = 1.35;
/** Where in a line its letters stand. */
const ASCENT = 1.02;

const INK = '#1b1f24';
const SOFT = '#687076';
const RULE = '#d7dbdf';
const ACCENT = '#0b7a5b';

const FILLS: Record<Side, string> = { contact: '#f1f3f5', business: '#dcf5e7', note: '#fff4d1', system: '#ffffff' };
const NAMES: Record<Side, string> = { contact: '#3b5bdb', business: ACCENT, note: '#9a6700', system: SOFT };

/** PDFKit's own page, of which its types tell little. */
interface OpenPage {
  content: { buffer: Uint8Array[] };
}

/** One line of a bubble, or a part of it that stays together. */
interface Row {
  height: number;
  draw: (x: number, y: number) => void;
}

/** Sets a transcript: a head with the facts, the days, bubbles by side, numbered pages. */
export class PdfDocument {
  private readonly pdf: PDFKit.PDFDocument;
  private readonly type: Typeset;
  private readonly ended: Promise<void>;
  private y = MARGIN;
  private day = '';

  constructor(
    private readonly head: TranscriptHead,
    part: (bytes: Uint8Array) => void,
  ) {
    const { organization, contact, language } = head;
    const title = this.words.title(contact.name);
    this.pdf = new PDFDocument({
      size: 'A4',
      margin: 0,
      // Their number is told on each of them.
      bufferPages: true,
      lang: language,
      displayTitle: true,
      info: { Title: title, Author: organization, Producer: 'PyTake', Creator: 'PyTake' },
    });
    this.pdf.on('data', part);
    this.ended = new Promise((resolve) => this.pdf.on('end', resolve));
    this.type = new Typeset(this.pdf);
    this.setHead(title);
  }

  add(entry: TranscriptEntry): void {
    if (entry.at.day !== this.day) this.setDay((this.day = entry.at.day));
    if (entry.side === 'system') this.setSystem(entry);
    else this.setBubble(entry);
  }

  async end(): Promise<void> {
    if (this.type.is_missing) this.setRemark(this.words.unreadable);
    const { start, count } = this.pdf.bufferedPageRange();
    for (let page = start; page < start + count; page++) {
      this.pdf.switchToPage(page);
      this.setFoot(page + 1, count);
    }
    this.pdf.end();
    await this.ended;
  }

  private get words(): (typeof TRANSCRIPT_WORDS)[TranscriptHead['language']] {
    return TRANSCRIPT_WORDS[this.head.language];
  }

  private get width(): number {
    return this.pdf.page.width - 2 * MARGIN;
  }

  private get bottom(): number {
    return this.pdf.page.height - MARGIN - FOOT / 2;
  }

  // --- parts

  private setHead(title: string): void {
    const { pdf, width } = this;
    pdf.rect(0, 0, pdf.page.width, 6).fill(ACCENT);
    this.put(this.type.line(this.head.organization, 'bold', 11, width), 11, MARGIN, ACCENT);
    this.y += 20;
    for (const line of this.type.lines(title, 'bold', 19, width).slice(0, 3)) {
      this.put(line, 19, MARGIN, INK);
      this.y += 19 * LEADING;
    }
    this.y += 8;
    const labels = factsOf(this.head).map(([label, fact]) => ({
      label: this.type.line(label, 'text', 9, width / 3),
      facts: this.type.lines(fact, 'text', 9, width - 100),
    }));
    for (const { label, facts } of labels) {
      this.put(label, 9, MARGIN, SOFT);
      for (const line of facts.slice(0, 4)) {
        this.put(line, 9, MARGIN + 100, INK);
        this.y += 9 * LEADING + 2;
      }
    }
    this.y += 8;
    pdf
      .moveTo(MARGIN, this.y)
      .lineTo(MARGIN + width, this.y)
      .lineWidth(0.7)
      .stroke(RULE);
    this.y += 14;
  }

  private setDay(day: string): void {
    const size = 8.5;
    const line = this.type.line(day, 'bold', size, this.width);
    const height = size * LEADING + 8;
    // With room for the beginning of what was said.
    this.need(height + 2 * GAP + 60);
    const [width, x] = [line.width * size + 22, MARGIN + (this.width - line.width * size) / 2];
    this.pdf.roundedRect(x - 11, this.y, width, height, height / 2).fill('#e9ecef');
    this.put(line, size, x, SOFT, this.y + 4);
    this.y += height + GAP + 2;
  }

  private setSystem(entry: TranscriptEntry): void {
    const lines = this.type.lines(`${entry.text ?? entry.kind ?? '…'} · ${entry.at.time}`, 'text', 8.5, this.width * 0.8);
    this.need(lines.length * 8.5 * LEADING + GAP);
    for (const line of lines) {
      this.put(line, 8.5, MARGIN + (this.width - line.width * 8.5) / 2, SOFT);
      this.y += 8.5 * LEADING;
    }
    this.y += GAP;
  }

  private setRemark(text: string): void {
    const lines = this.type.lines(text, 'text', 8, this.width);
    this.need(lines.length * 8 * LEADING + 12);
    this.y += 6;
    for (const line of lines) {
      this.put(line, 8, MARGIN, SOFT);
      this.y += 8 * LEADING;
    }
  }

  private setFoot(page: number, pages: number): void {
    const y = this.pdf.page.height - FOOT;
    this.pdf
      .moveTo(MARGIN, y - 6)
      .lineTo(MARGIN + this.width, y - 6)
      .lineWidth(0.5)
      .stroke(RULE);
    const number = this.type.line(this.words.page(page, pages), 'text', 8, 120);
    const title = `${this.head.organization} · ${this.words.title(this.head.contact.name)}`;
    this.put(this.type.line(title, 'text', 8, this.width - 130), 8, MARGIN, SOFT, y);
    this.put(number, 8, MARGIN + this.width - number.width * 8, SOFT, y);
  }

  private setBubble(entry: TranscriptEntry): void {
    const inner = this.width * BUBBLE_SHARE - 2 * PADDING;
    const { rows, width } = this.rowsOf(entry, inner);
    const x = entry.side === 'business' ? MARGIN + this.width - width - 2 * PADDING : MARGIN;
    const height = (some: readonly Row[]): number => some.reduce((sum, row) => sum + row.height, 0);
    // What fits on a page stays whole.
    if (height(rows) + 2 * PADDING <= this.bottom - MARGIN) this.need(height(rows) + 2 * PADDING);
    for (let left = rows; left.length;) {
      if (this.bottom - this.y < 2 * PADDING + left[0].height) this.turn();
      let count = 1;
      while (count < left.length && height(left.slice(0, count + 1)) + 2 * PADDING <= this.bottom - this.y) count++;
      const here = left.slice(0, count);
      this.pdf.roundedRect(x, this.y, width + 2 * PADDING, height(here) + 2 * PADDING - 4, RADIUS).fill(FILLS[entry.side]);
      let y = this.y + PADDING - 2;
      for (const row of here) {
        row.draw(x + PADDING, y);
        y += row.height;
      }
      this.y += height(here) + 2 * PADDING - 4 + GAP;
      left = left.slice(count);
    }
  }

  /** The lines of a bubble and how wide it is: as wide as its widest, time beside the name. */
  private rowsOf(entry: TranscriptEntry, inner: number): { rows: Row[]; width: number } {
    const { side, name, kind, file, text, quoted, reactions, remark, at } = entry;
    const { type } = this;
    const rows: Row[] = [];
    let width = 0;
    const add = (lines: readonly Line[], size: number, color: string, indent = 0): void => {
      for (const line of lines) {
        width = Math.max(width, line.width * size + indent);
        rows.push({ height: size * LEADING, draw: (x, y) => this.put(line, size, x + indent, color, y) });
      }
    };
    const time = type.line(at.time, 'text', 8, 60);
    const who = type.line(side === 'note' ? `${name} · ${this.words.note}` : name, 'bold', 9, inner - time.width * 8 - 16);
    const first = who.width * 9 + 16 + time.width * 8;
    width = first;
    rows.push({
      height: 9 * LEADING + 2,
      draw: (x, y) => {
        this.put(who, 9, x, NAMES[side], y);
        this.put(time, 8, x + width - time.width * 8, SOFT, y + 1);
      },
    });
    if (quoted) {
      const line = type.line(quoted, 'text', 8.5, inner - 10);
      width = Math.max(width, line.width * 8.5 + 10);
      rows.push({
        height: 8.5 * LEADING + 5,
        draw: (x, y) => {
          this.pdf.rect(x, y, 2, 8.5 * LEADING + 1).fill(NAMES[side]);
          this.put(line, 8.5, x + 9, SOFT, y + 0.5);
        },
      });
    }
    const label = kind && (file ? `${kind}: ${file}` : kind);
    if (label) add(type.lines(label, 'bold', 9.5, inner), 9.5, INK);
    if (text) add(this.clipped(text, inner), 10, INK);
    if (remark) add(type.lines(`(${remark})`, 'text', 8.5, inner), 8.5, SOFT);
    if (reactions.length)
      add(type.lines(reactions.map(({ emoji, name: by }) => `${emoji} ${by}`).join('   '), 'text', 8.5, inner), 8.5, SOFT);
    return { rows, width };
  }

  private clipped(text: string, width: number): Line[] {
    const cut = text.length > PDF_TEXT_MAX ? `${text.slice(0, PDF_TEXT_MAX).toWellFormed()}…` : text;
    const lines = this.type.lines(cut, 'text', 10, width);
    return lines.length > PDF_LINES_MAX ? [...lines.slice(0, PDF_LINES_MAX), this.type.line('…', 'text', 10, width)] : lines;
  }

  // --- places

  /** So much room on this page, or else the next. */
  private need(height: number): void {
    if (this.y + height > this.bottom) this.turn();
  }

  private turn(): void {
    this.pack();
    this.pdf.addPage();
    this.y = MARGIN;
  }

  /**
   * PDFKit keeps each statement of a page as an object of its own, and a page is kept to the end: where every other sign wants another face, or each
   * letter its marks, these took all the memory there is.
   */
  private pack(): void {
    const { content } = this.pdf.page as unknown as OpenPage;
    content.buffer = [Buffer.concat(content.buffer)];
    this.type.forgetWords();
  }

  private put({ runs }: Line, size: number, x: number, color: string, y = this.y): void {
    let at = x;
    for (const { face, text, width } of runs) {
      this.pdf
        .font(face)
        .fontSize(size)
        .fillColor(color)
        .text(text, at, y + size * ASCENT, { lineBreak: false, baseline: 'alphabetic' });
      at += width * size;
    }
  }
}

import PDFDocument from 'pdfkit';
import { type Line, Typeset } from './typeset';

// Points; A4 is 595 by 842.
export const MARGIN = 48;
const FOOT = 36;
export const LEADING = 1.35;
/** Where in a line its letters stand. */
const ASCENT = 1.02;
const LABEL_WIDTH = 100;

export const INK = '#1b1f24';
export const SOFT = '#687076';
export const RULE = '#d7dbdf';
export const ACCENT = '#0b7a5b';

/** What every document begins with. */
export interface PdfHead {
  organization: string;
  title: string;
  language: string;
  facts: readonly (readonly [label: string, fact: string])[];
}

/** PDFKit's own page, of which its types tell little. */
interface OpenPage {
  content: { buffer: Uint8Array[] };
}

/** Pages that are set from their top to their bottom: a head with the facts, what the document is about, a foot on each. */
export abstract class PdfPages {
  protected readonly pdf: PDFKit.PDFDocument;
  protected readonly type: Typeset;
  protected y = MARGIN;
  private readonly ended: Promise<void>;

  /** `are_kept`: until the end, when it is known how many there are; else each leaves as soon as it is full. */
  constructor(
    private readonly cover: PdfHead,
    are_kept: boolean,
    part: (bytes: Uint8Array) => void,
  ) {
    const { organization, title, language } = cover;
    this.pdf = new PDFDocument({
      size: 'A4',
      margin: 0,
      bufferPages: are_kept,
      lang: language,
      displayTitle: true,
      info: { Title: title, Author: organization, Producer: 'PyTake', Creator: 'PyTake' },
    });
    this.pdf.on('data', part);
    this.ended = new Promise((resolve) => this.pdf.on('end', resolve));
    this.type = new Typeset(this.pdf);
    this.setHead();
  }

  async end(): Promise<void> {
    this.pdf.end();
    await this.ended;
  }

  protected get width(): number {
    return this.pdf.page.width - 2 * MARGIN;
  }

  protected get bottom(): number {
    return this.pdf.page.height - MARGIN - FOOT / 2;
  }

  // --- parts

  private setHead(): void {
    const { pdf, width } = this;
    const { organization, title, facts } = this.cover;
    pdf.rect(0, 0, pdf.page.width, 6).fill(ACCENT);
    this.put(this.type.line(organization, 'bold', 11, width), 11, MARGIN, ACCENT);
    this.y += 20;
    for (const line of this.type.lines(title, 'bold', 19, width).slice(0, 3)) {
      this.put(line, 19, MARGIN, INK);
      this.y += 19 * LEADING;
    }
    this.y += 8;
    for (const [label, fact] of facts) {
      this.put(this.type.line(label, 'text', 9, width / 3), 9, MARGIN, SOFT);
      for (const line of this.type.lines(fact, 'text', 9, width - LABEL_WIDTH).slice(0, 4)) {
        this.put(line, 9, MARGIN + LABEL_WIDTH, INK);
        this.y += 9 * LEADING + 2;
      }
    }
    this.y += 8;
    this.rule(this.y, 0.7);
    this.y += 14;
  }

  protected setRemark(text: string): void {
    const lines = this.type.lines(text, 'text', 8, this.width);
    this.need(lines.length * 8 * LEADING + 12);
    this.y += 6;
    for (const line of lines) {
      this.put(line, 8, MARGIN, SOFT);
      this.y += 8 * LEADING;
    }
  }

  protected setFoot(text: string): void {
    const y = this.pdf.page.height - FOOT;
    this.rule(y - 6, 0.5);
    const number = this.type.line(text, 'text', 8, 120);
    const { organization, title } = this.cover;
    this.put(this.type.line(`${organization} · ${title}`, 'text', 8, this.width - 130), 8, MARGIN, SOFT, y);
    this.put(number, 8, MARGIN + this.width - number.width * 8, SOFT, y);
  }

  private rule(y: number, thickness: number): void {
    this.pdf
      .moveTo(MARGIN, y)
      .lineTo(MARGIN + this.width, y)
      .lineWidth(thickness)
      .stroke(RULE);
  }

  // --- places

  /** So much room on this page, or else the next. */
  protected need(height: number): void {
    if (this.y + height > this.bottom) this.turn();
  }

  protected turn(): void {
    this.pack();
    this.pdf.addPage();
    this.y = MARGIN;
  }

  /**
   * PDFKit keeps each statement of a page as an object of its own, and a page may be kept to the end: where every other sign wants another face, or
   * each letter its marks, these took all the memory there is.
   */
  private pack(): void {
    const { content } = this.pdf.page as unknown as OpenPage;
    content.buffer = [Buffer.concat(content.buffer)];
    this.type.forgetWords();
  }

  protected put({ runs }: Line, size: number, x: number, color: string, y = this.y): void {
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

import { ACCENT, INK, LEADING, MARGIN, PdfPages, SOFT } from '#common/pdf/pdf-pages';
import type { Line } from '#common/pdf/typeset';
import type { Side, TranscriptEntry, TranscriptHead } from '../transcript';
import { factsOf } from '../transcript-texts';
import { TRANSCRIPT_WORDS } from '../transcript-words';
import { PDF_LINES_MAX, PDF_TEXT_MAX } from './pdf-limits';

const GAP = 8;
const PADDING = 9;
const RADIUS = 8;
const BUBBLE_SHARE = 0.74;

const FILLS: Record<Side, string> = { contact: '#f1f3f5', business: '#dcf5e7', note: '#fff4d1', system: '#ffffff' };
const NAMES: Record<Side, string> = { contact: '#3b5bdb', business: ACCENT, note: '#9a6700', system: SOFT };

/** One line of a bubble, or a part of it that stays together. */
interface Row {
  height: number;
  draw: (x: number, y: number) => void;
}

/** Sets a transcript: a head with the facts, the days, bubbles by side, numbered pages. */
export class PdfDocument extends PdfPages {
  private day = '';

  constructor(
    private readonly head: TranscriptHead,
    part: (bytes: Uint8Array) => void,
  ) {
    const { organization, language, contact } = head;
    super({ organization, language, title: TRANSCRIPT_WORDS[language].title(contact.name), facts: factsOf(head) }, true, part);
  }

  add(entries: readonly TranscriptEntry[]): void {
    for (const entry of entries) this.set(entry);
  }

  private set(entry: TranscriptEntry): void {
    if (entry.at.day !== this.day) this.setDay((this.day = entry.at.day));
    if (entry.side === 'system') this.setSystem(entry);
    else this.setBubble(entry);
  }

  override async end(): Promise<void> {
    if (this.type.is_missing) this.setRemark(this.words.unreadable);
    const { start, count } = this.pdf.bufferedPageRange();
    for (let page = start; page < start + count; page++) {
      this.pdf.switchToPage(page);
      this.setFoot(this.words.page(page + 1, count));
    }
    await super.end();
  }

  private get words(): (typeof TRANSCRIPT_WORDS)[TranscriptHead['language']] {
    return TRANSCRIPT_WORDS[this.head.language];
  }

  // --- parts

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
}

import { isObject } from '#common/is-object';
import type { Language } from '#common/languages';
import { type LocalTime, localClock } from '#common/local-clock';
import { oneLine } from '#common/one-line';
import { ACCENT, INK, LEADING, MARGIN, PdfPages, SOFT } from '#common/pdf/pdf-pages';
import { PERSONAL_WORDS } from './personal-words';

export interface PersonalHead {
  request_id: string;
  organization: string;
  language: Language;
  time_zone: string;
  made_at: Date;
  subject: { type: 'contact' | 'user'; id: string; name: string };
}

/** Some rows of a table, in their order; none: the table has none. */
export interface PersonalRows {
  table: string;
  rows: readonly Record<string, unknown>[];
}

const LABEL_WIDTH = 150;
const SIZE = 9;
const LINE = SIZE * LEADING;
/** Lines of so many signs are broken at a time: a value may be longer than a page, and than many. */
const PIECES = /[^]{1,4000}/gu;
/** As PostgreSQL writes a time into JSON. */
const INSTANT = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}(:?\d{2})?)$/;
/** Said by the head of a message. */
const IN_HEAD = new Set(['id', 'conversation_id', 'direction', 'created_at', 'content']);

/** Sets what there is of a person: a section for each table, its rows as labelled values, messages by day and time. */
export class PersonalDocument extends PdfPages {
  private readonly clock: (at: Date) => LocalTime;
  private readonly empty: string[] = [];
  private table = '';
  private day = '';
  private page = 1;

  constructor(
    private readonly head: PersonalHead,
    part: (bytes: Uint8Array) => void,
  ) {
    const { organization, language, time_zone, made_at, request_id, subject } = head;
    const words = PERSONAL_WORDS[language];
    const clock = localClock(time_zone, language);
    const { day, time } = clock(made_at);
    const facts = [
      [words.subject, oneLine(`${subject.name} (${words[subject.type]} ${subject.id})`)],
      [words.request, request_id],
      [words.time_zone, time_zone],
      [words.made_at, `${day}, ${time}`],
    ] as const;
    super({ organization: oneLine(organization), language, title: words.title(oneLine(subject.name)), facts }, false, part);
    this.clock = clock;
  }

  add({ table, rows }: PersonalRows): void {
    if (!rows.length) return void this.empty.push(this.nameOf(table));
    if (table !== this.table) this.setSection((this.table = table));
    for (const row of rows) {
      if (table === 'messages') this.setMessage(row);
      else this.setRow(row);
    }
  }

  override async end(): Promise<void> {
    if (this.empty.length) this.setRemark(`${this.words.nothing_in}: ${this.empty.join(', ')}.`);
    if (this.type.is_missing) this.setRemark(this.words.unreadable);
    this.setFoot(this.words.page(this.page));
    await super.end();
  }

  protected override turn(): void {
    this.setFoot(this.words.page(this.page++));
    super.turn();
  }

  private get words(): (typeof PERSONAL_WORDS)[Language] {
    return PERSONAL_WORDS[this.head.language];
  }

  // --- parts

  private setSection(table: string): void {
    this.need(80);
    this.y += 10;
    this.put(this.type.line(this.nameOf(table), 'bold', 13, this.width), 13, MARGIN, ACCENT);
    this.y += 13 * LEADING + 6;
  }

  private setRow(row: Record<string, unknown>): void {
    this.need(3 * LINE);
    for (const [column, value] of Object.entries(row)) this.setValue(column, value);
    this.y += 10;
  }

  /** What a conversation was, in its order; files and the like below the text. */
  private setMessage(row: Record<string, unknown>): void {
    const { direction, content, created_at } = row;
    const { day, time } = this.clock(new Date(created_at as string));
    this.need(4 * LINE);
    if (day !== this.day) {
      this.put(this.type.line((this.day = day), 'bold', SIZE, this.width), SIZE, MARGIN, INK);
      this.y += LINE + 4;
    }
    const way = direction === 'incoming' ? this.words.incoming : direction === 'outgoing' ? this.words.outgoing : null;
    this.put(this.type.line([time, way].filter(Boolean).join(' · '), 'bold', 8, this.width), 8, MARGIN, SOFT);
    this.y += 8 * LEADING;
    if (typeof content === 'string') this.setText(content, MARGIN);
    for (const [column, value] of Object.entries(row)) if (!IN_HEAD.has(column)) this.setValue(column, value);
    this.y += 8;
  }

  private setValue(column: string, value: unknown): void {
    const text = this.textOf(value);
    if (text === '') return;
    this.need(LINE);
    this.put(this.type.line(this.nameOf(column), 'text', SIZE, LABEL_WIDTH - 8), SIZE, MARGIN, SOFT);
    this.setText(text, MARGIN + LABEL_WIDTH);
  }

  private setText(text: string, x: number): void {
    for (const [piece] of text.matchAll(PIECES))
      for (const line of this.type.lines(piece, 'text', SIZE, this.width + MARGIN - x)) {
        this.need(LINE);
        this.put(line, SIZE, x, INK);
        this.y += LINE;
      }
  }

  // --- words

  private nameOf(name: string): string {
    const words = name.replaceAll('_', ' ');
    return this.words.names[name] ?? words.charAt(0).toUpperCase() + words.slice(1);
  }

  /** Empty: there is nothing to say. */
  private textOf(value: unknown): string {
    if (value === null || value === undefined) return '';
    if (typeof value === 'boolean') return value ? this.words.yes : this.words.no;
    if (value instanceof Date || (typeof value === 'string' && INSTANT.test(value))) {
      const at = new Date(value);
      if (Number.isNaN(at.getTime())) return String(value);
      const { day, time } = this.clock(at);
      return `${day}, ${time}`;
    }
    if (Array.isArray(value))
      return value
        .map((one) => this.textOf(one))
        .filter(Boolean)
        .join(isObject(value[0]) ? '\n' : ', ');
    if (!isObject(value)) return String(value);
    return Object.entries(value)
      .map(([name, one]) => [name, this.textOf(one)])
      .flatMap(([name, text]) => (text ? [`${this.nameOf(name)}: ${text}`] : []))
      .join('; ');
  }
}

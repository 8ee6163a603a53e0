import { Readable, pipeline } from 'node:stream';
import { stringify } from 'csv-stringify';
import { oneLine, withoutUnfit } from '#common/one-line';
import type { TranscriptEntry, TranscriptHead } from './transcript';
import { TRANSCRIPT_WORDS } from './transcript-words';

/** Entries as they are read, some at a time. */
export type Entries = AsyncIterable<readonly TranscriptEntry[]>;

/** The facts of a head as a person reads them. */
export function factsOf(head: TranscriptHead): [label: string, fact: string][] {
  const words = TRANSCRIPT_WORDS[head.language];
  const { contact, number, team, first_at, last_at, rating } = head;
  const named = ({ name, phone }: { name: string | null; phone: string | null }): string =>
    [name, phone === name ? null : phone].filter(Boolean).join(' · ');
  const facts: [string, string | null][] = [
    [words.contact, named(contact)],
    [words.number, number && named(number)],
    [words.team, team.join(', ')],
    [words.period, first_at && last_at && (first_at.day === last_at.day ? first_at.day : `${first_at.day} – ${last_at.day}`)],
    [words.messages, head.left_out ? `${head.messages} (${words.left_out(head.left_out)})` : String(head.messages)],
    [words.rating, rating === null ? null : `${rating}/5`],
    [words.time_zone, head.time_zone],
    [words.exported_at, `${head.exported_at.day}, ${head.exported_at.time}`],
  ];
  return facts.flatMap(([label, fact]) => (fact ? [[label, oneLine(fact)]] : []));
}

/** `[09:00] Ana: text`, a line for each of the text's; further ones are set in, so that nobody writes what looks like another message. */
async function* linesOf(head: TranscriptHead, entries: Entries): AsyncGenerator<string> {
  const words = TRANSCRIPT_WORDS[head.language];
  const facts = factsOf(head).map(([label, fact]) => `${label}: ${fact}`);
  yield [oneLine(head.organization), words.title(oneLine(head.contact.name)), '', ...facts, ''].join('\n');
  let day = '';
  for await (const some of entries) {
    let text = '';
    for (const entry of some) {
      if (entry.at.day !== day) text += `\n--- ${(day = entry.at.day)} ---\n\n`;
      text += `[${entry.at.time}] ${said(entry, head)}\n`;
    }
    yield text;
  }
}

function said({ name, side, kind, file, text, quoted, reactions, remark }: TranscriptEntry, { language }: TranscriptHead): string {
  const words = TRANSCRIPT_WORDS[language];
  const who = side === 'system' ? '' : `${oneLine(name)}${side === 'note' ? ` (${words.note})` : ''}: `;
  const label = kind && `[${kind}${file ? `: ${oneLine(file)}` : ''}]`;
  const parts = [quoted && `> ${oneLine(quoted)}`, label, text, remark && `(${remark})`].filter(Boolean) as string[];
  const lines = parts.flatMap((part) => part.split(/\r\n|[\r\n\u0085\u2028\u2029]/).map(withoutUnfit));
  const reacted = reactions.map(({ emoji, name: by }) => `${emoji} ${oneLine(by)}`).join(', ');
  return [who + (lines[0] ?? ''), ...lines.slice(1), ...(reacted ? [reacted] : [])].join('\n    ');
}

export const textTranscript = (head: TranscriptHead, entries: Entries): Readable => Readable.from(linesOf(head, entries));

const COLUMNS = ['at', 'direction', 'sender', 'message_type', 'text', 'file', 'reply_to', 'reactions', 'status', 'remark', 'message_id'];

async function* recordsOf(entries: Entries): AsyncGenerator<Record<string, string | null>> {
  for await (const some of entries)
    for (const { at, name: sender, quoted: reply_to, reactions, id: message_id, ...entry } of some)
      yield {
        ...entry,
        at: at.iso,
        sender,
        reply_to,
        reactions: reactions.map(({ emoji, name }) => `${emoji} ${name}`).join(', '),
        message_id,
      };
}

/** Opens in a spreadsheet, where no cell is taken for a formula. What breaks off is told by the stream that is handed out. */
export const csvTranscript = (entries: Entries): Readable =>
  pipeline(
    Readable.from(recordsOf(entries)),
    stringify({ header: true, bom: true, columns: COLUMNS, escape_formulas: true }),
    () => undefined,
  );

async function* jsonOf(head: TranscriptHead, entries: Entries): AsyncGenerator<string> {
  const { exported_at, first_at, last_at, left_out: _, ...facts } = head;
  const times = { exported_at: exported_at.iso, first_at: first_at?.iso ?? null, last_at: last_at?.iso ?? null };
  yield `{"conversation":${JSON.stringify({ ...facts, ...times })},\n"messages":[`;
  let before = '\n';
  for await (const some of entries) {
    let text = '';
    for (const { at, ...entry } of some) {
      text += before + JSON.stringify({ ...entry, at: at.iso });
      before = ',\n';
    }
    yield text;
  }
  yield ']}\n';
}

export const jsonTranscript = (head: TranscriptHead, entries: Entries): Readable => Readable.from(jsonOf(head, entries));

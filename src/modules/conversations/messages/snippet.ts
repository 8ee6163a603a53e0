import { breather } from '#common/breath';

/** Characters of a snippet, and how many of them stand before what was found. */
const SNIPPET_MAX = 200;
const LEAD = 60;
/** Words of a page that are looked at; whoever writes longer texts than that finds them without marks. */
const WORDS_MAX = 5000;
const WORD_MAX = 100;

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (letter) => ESCAPES[letter]);

/** What stands between blanks or tags, without the signs around it: as the search takes words apart. */
const WORD = /[\p{L}\p{N}](?:[^\s<>]*[\p{L}\p{N}])?/gu;

/** The different words of texts. */
export async function wordsOf(texts: readonly (string | null)[]): Promise<string[]> {
  const breathe = breather();
  const words = new Set<string>();
  for (const text of texts) {
    await breathe();
    for (const [word] of (text ?? '').matchAll(WORD)) {
      if (words.size >= WORDS_MAX) return [...words];
      if (word.length <= WORD_MAX) words.add(word);
    }
  }
  return [...words];
}

/** A text around the first word that was found, as HTML with all that were found marked. */
export function snippetOf(content: string | null, found: ReadonlySet<string>): string {
  const text = (content ?? '').replace(/\s+/g, ' ').trim();
  const words = [...text.matchAll(WORD)].map((match) => ({ start: match.index, end: match.index + match[0].length, word: match[0] }));
  const marks = words.filter(({ word }) => found.has(word));
  const lead = Math.max(0, (marks[0]?.start ?? 0) - LEAD);
  // Whole words, unless one alone is longer than the rest of the snippet.
  const start = lead === 0 ? 0 : (words.find((word) => word.start >= lead)?.start ?? lead);
  const end = start + SNIPPET_MAX >= text.length ? text.length : cut(text, start, start + SNIPPET_MAX);
  let html = start > 0 ? '…' : '';
  let at = start;
  for (const mark of marks) {
    if (mark.start < at || mark.start >= end) continue;
    const mark_end = Math.min(mark.end, end);
    html += `${escapeHtml(text.slice(at, mark.start))}<mark>${escapeHtml(text.slice(mark.start, mark_end))}</mark>`;
    at = mark_end;
  }
  return `${html}${escapeHtml(text.slice(at, end))}${end < text.length ? '…' : ''}`;
}

/** Before the last blank; where there is none, not through a pair of surrogates. */
function cut(text: string, from: number, to: number): number {
  const blank = text.lastIndexOf(' ', to);
  if (blank > from + SNIPPET_MAX / 2) return blank;
  return /[\udc00-\udfff]/.test(text[to]) ? to - 1 : to;
}

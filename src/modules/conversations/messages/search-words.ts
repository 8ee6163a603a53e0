import type { Database } from '#database/database';
import { prepared } from '#database/sql';

/** A search for the full text of messages, as PostgreSQL reads it. */
export interface SearchWords {
  /** What a message has to say: all words but those that are excluded. */
  words: string;
  /** Any of the words, as they are marked in a text. */
  marked: string;
}

/** A message `row` that says `:words`; word for word as messages_search_idx has it. */
export const SAYS = `NOT row.is_deleted AND row.message_type <> 'note' AND to_tsvector('portuguese', fold(row.content)) @@ :words::tsquery`;

/** Of shorter words the beginning says too little: they are found whole. */
const BEGUN_MIN = 3;
/** The part of an ending that has to be there before the rest is guessed; of a participle its vowel ("retira": the stemmer takes it for another verb). */
const leastOf = (ending: string): number => (ending.length > 3 ? 2 : 1);

/** What the Portuguese stemmer takes off: who types `atendim` means a word whose stem, `atend`, is shorter than that. Without accents, as words are kept. */
const ENDINGS = [
  'amento',
  'imento',
  'adora',
  'ador',
  'ante',
  'mente',
  'idade',
  'ista',
  'ismo',
  'ado',
  'ido',
  'ando',
  'endo',
  'indo',
  'aram',
  'eram',
  'iram',
  'avam',
  'amos',
  'emos',
  'imos',
  'asse',
  'esse',
  'isse',
  'aria',
  'eria',
  'iria',
];

/** A word, and whether it is excluded: `-word`, as in other searches; a hyphen inside of a word is its own. */
const WORD = /(?<![\p{L}\p{N}])(-?)([\p{L}\p{N}][^\s<>]*)/gu;

const LEXEMES = prepared(
  `SELECT fold(said) AS folded, nullif(plainto_tsquery('portuguese', fold(said))::text, '') AS lexemes FROM unnest($1::text[]) AS said`,
);

/** null: the words say nothing ("de", "o"), or only exclude. */
export async function searchWords(database: Database, search: string): Promise<SearchWords | null> {
  const terms = [...search.normalize('NFC').matchAll(WORD)].map(([, minus, word]) => ({
    word,
    is_excluded: minus !== '',
    wholes: wholesOf(word),
  }));
  const said = [...new Set(terms.flatMap(({ word, wholes }) => [word, ...wholes]))];
  const rows = await database.rows<{ folded: string; lexemes: string | null }>(LEXEMES, [said]);
  const known = new Map(said.map((text, n) => [text, rows[n]]));
  const begun = (word: string): string[] => {
    const folded = known.get(word)?.folded ?? '';
    return isWord(folded) && folded.length >= BEGUN_MIN ? [`'${folded}':*`] : [];
  };
  const found: string[] = [];
  const excluded: string[] = [];
  for (const { word, is_excluded, wholes } of terms) {
    const own = known.get(word)?.lexemes;
    if (!own) continue;
    if (is_excluded) {
      excluded.push(`!(${own})`);
      continue;
    }
    const stems = wholes.flatMap((whole) => known.get(whole)?.lexemes ?? []);
    found.push(`(${[...new Set([own, ...begun(word), ...stems])].join(' | ')})`);
  }
  // Of words that say nothing the last may be another's beginning ("com": "comum").
  const last = terms.at(-1);
  if (!found.length && last && !last.is_excluded) found.push(...begun(last.word));
  return found.length ? { words: [...found, ...excluded].join(' & '), marked: found.join(' | ') } : null;
}

const isWord = (text: string): boolean => /^[\p{L}\p{N}]+$/u.test(text);

/** Whole words that may be meant by one whose ending is begun. */
function wholesOf(word: string): string[] {
  const begun = word.toLowerCase();
  if (!isWord(begun)) return [];
  return ENDINGS.flatMap((ending) => {
    for (let length = ending.length - 1; length >= leastOf(ending); length--)
      if (begun.endsWith(ending.slice(0, length))) return [begun + ending.slice(length)];
    return [];
  });
}

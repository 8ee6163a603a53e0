import { applyDecorators } from '@nestjs/common';
import { ArrayMaxSize, ArrayUnique, IsArray, IsString, Length, Matches } from 'class-validator';

/** Decisions, 30: what contacts write who want no more of it, or want it again. */
export const STOP_WORDS_DEFAULTS = {
  opt_out_words: ['parar', 'pare', 'sair', 'stop', 'unsubscribe', 'descadastrar', 'remover', 'nao quero mais', 'parar de receber'],
  opt_in_words: ['voltar', 'start'],
};

const WORDS_MAX = 50;
const WORD_LENGTH_MAX = 60;
/** Nothing longer is one of them, whatever signs stand around it. */
const SAID_LENGTH_MAX = 200;

/** As words are compared: without case, accents, punctuation and emoji. */
const folded = (text: string): string =>
  text
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[\p{M}\p{P}\p{S}\p{Cf}]/gu, '')
    .replace(/\s+/g, ' ')
    .trim();

/** A list of them; a word of signs alone would be any message of signs. */
export const AreStopWords = (): PropertyDecorator =>
  applyDecorators(
    IsArray(),
    ArrayMaxSize(WORDS_MAX),
    IsString({ each: true }),
    Length(1, WORD_LENGTH_MAX, { each: true }),
    Matches(/[\p{L}\p{N}]/u, { each: true, message: 'each value in $property must have a letter or a digit' }),
    ArrayUnique((word: unknown) => (typeof word === 'string' ? folded(word) : word), {
      message: '$property must not say a word twice, whatever its case, accents and punctuation',
    }),
  );

/** Each word as it is compared, and whether it gives the leave to write again. */
export type StopWords = ReadonlyMap<string, boolean>;

export interface StopWord {
  word: string;
  opt_in: boolean;
}

/** What stands in both lists is an opt-out. */
const wordsOf = ({ opt_out_words, opt_in_words }: typeof STOP_WORDS_DEFAULTS): StopWords =>
  new Map([...opt_in_words.map((word) => [folded(word), true] as const), ...opt_out_words.map((word) => [folded(word), false] as const)]);

const DEFAULTS = wordsOf(STOP_WORDS_DEFAULTS);

/** Of an organization's stored lists. What is no list of words (they were keys of anybody's once) counts as absent. */
export function stopWordsOf(opt_out_words: unknown, opt_in_words: unknown): StopWords {
  if (!areWords(opt_out_words) && !areWords(opt_in_words)) return DEFAULTS;
  return wordsOf(stopWordLists({ opt_out_words, opt_in_words }));
}

export const stopWordLists = (stored: Partial<Record<keyof typeof STOP_WORDS_DEFAULTS, unknown>>): typeof STOP_WORDS_DEFAULTS => ({
  opt_out_words: areWords(stored.opt_out_words) ? stored.opt_out_words : STOP_WORDS_DEFAULTS.opt_out_words,
  opt_in_words: areWords(stored.opt_in_words) ? stored.opt_in_words : STOP_WORDS_DEFAULTS.opt_in_words,
});

const areWords = (stored: unknown): stored is string[] => Array.isArray(stored) && stored.every((word) => typeof word === 'string');

/** The word a whole text is; null: an ordinary text. */
export function stopWordIn(words: StopWords, text: string): StopWord | null {
  if (text.length > SAID_LENGTH_MAX) return null;
  const word = folded(text);
  const opt_in = words.get(word);
  return opt_in === undefined ? null : { word, opt_in };
}

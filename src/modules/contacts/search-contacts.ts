import type { SelectQueryBuilder } from 'typeorm';
import type { Condition } from '#database/sql';
import { escapeLike } from '#database/tenant-repository';
import type { ContactQuery } from './contact.dto';
import type { Contact } from './contact.entity';

/** Digits beside letters that are worth looking for among the phones: fewer are a part of a name ("Loja 24"). */
const DIGITS_BESIDE_WORDS = 4;

/** Shorter words are sought at the beginning of a word: the index knows of three letters that stand together, or of two after a blank. */
const LETTERS_ANYWHERE = 3;

/**
 * The index is asked for each three letters of a word and pays for each, above all where all the world has them (`@gmail.com`): so many
 * letters tell a long word apart, an address best by the last before its @.
 */
const LETTERS_ASKED = 14;

/** By which a search finds a contact, in terms of contacts_search_idx and contacts_alternative_idx; null: it says nothing. */
export function contactMatch(row: string, search: string): Condition | null {
  const words = wordsOf(search);
  if (!words.length) return null;
  const values: Record<string, string> = {};
  const parameter = (name: string, value: string): string => {
    values[name] = value;
    return `:${name}`;
  };
  const text = `contact_words(${row}.name, ${row}.whatsapp_name, ${row}.username, ${row}.email, ${row}.company)`;
  const has = (name: string, part: string, where = text): string => `${where} LIKE fold(${parameter(name, `%${escapeLike(part)}%`)})`;
  const every = words.map((word, n) => {
    if ([...word].length < LETTERS_ANYWHERE)
      return `${text} ~ ('(^| )' || regexp_replace(fold(${parameter(`word_${n}`, word)}), '(\\W)', '\\\\\\1', 'g'))`;
    const asked = tellingPart(word);
    // An expression of its own is looked at in the rows that the index found.
    return asked === word ? has(`word_${n}`, word) : `${has(`part_${n}`, asked)} AND ${has(`word_${n}`, word, `(${text} || '')`)}`;
  });
  const phones = phoneParts(search).flatMap((digits, n) => {
    const part = parameter(`digits_${n}`, `%${digits}%`);
    return [`${row}.match_key LIKE ${part}`, `${row}.alternative_phone LIKE ${part}`];
  });
  return { sql: `(${[every.join(' AND '), ...phones].join(' OR ')})`, values };
}

/** Whether all it says are beginnings of words, which many have. */
export function isShort(search: string): boolean {
  const words = wordsOf(search);
  return words.length > 0 && words.every((word) => [...word].length < LETTERS_ANYWHERE);
}

function tellingPart(word: string): string {
  const letters = [...word];
  const end = letters.indexOf('@') + 1 || letters.length;
  const begin = Math.max(0, end - LETTERS_ASKED);
  return letters.slice(begin, begin + LETTERS_ASKED).join('');
}

/** Both conditions, or the one there is; null: there is none. */
export function bothOf(a: Condition | null, b: Condition | null): Condition | null {
  return a && b ? { sql: `(${a.sql}) AND (${b.sql})`, values: { ...a.values, ...b.values } } : (a ?? b);
}

/** The filters of the contact list on a query behind the wall. */
export function narrowContacts(rows: SelectQueryBuilder<Contact>, query: ContactQuery): void {
  if (query.department_id) rows.andWhere(`${rows.alias}.assigned_department_id = :department_id`, { department_id: query.department_id });
  for (const column of ['assigned_agent_id', 'is_blocked', 'is_vip', 'opt_in', 'lifecycle_stage', 'source'] as const) {
    const value = query[column];
    if (value !== undefined && value !== null)
      rows.andWhere(`${rows.alias}.${column} = :filter_${column}`, { [`filter_${column}`]: value });
  }
}

/** Each word must be somewhere: "joao silva" finds João Pedro Silva. Compatibility forms are plain letters, so that none folds to a wildcard later. */
export function wordsOf(search: string): string[] {
  const words = search.normalize('NFKC').split(/\s+/).filter(Boolean);
  return words.map((word) => (/^@./.test(word) ? word.slice(1) : word));
}

/**
 * The digits of a search as parts of a match key, which has no ninth digit in Brazil, no 1 in Mexico, no 9 in Argentina: with and without
 * the digit that may be too many, wherever the typed part begins (country, area or local number). Those of an e-mail are no phone's.
 */
export function phoneParts(search: string): string[] {
  const text = search
    .normalize('NFKC')
    .split(/\s+/)
    .filter((word) => !isEmail(word))
    .join(' ');
  const typed = text.replace(/\D/g, '');
  if (!typed || (/[\p{L}@]/u.test(text) && typed.length < DIGITS_BESIDE_WORDS)) return [];
  // 00 and 0 are dialled, never a part of a number's beginning.
  const digits = typed.replace(/^0+/, '');
  const shorter = [
    [/^(55\d{2})9(?=[6-9])/, '$1'],
    [/^(\d{2})9(?=[6-9]\d{2})/, '$1'],
    [/^9(?=[6-9]\d{2})/, ''],
    [/^521(?=\d{4})/, '52'],
    [/^549(?=\d{4})/, '54'],
  ] as const;
  const parts = [typed, digits, ...shorter.map(([pattern, replacement]) => digits.replace(pattern, replacement))];
  return [...new Set(parts)].filter(Boolean);
}

/** What stands before the @ of a WhatsApp id is a phone. */
const isEmail = (word: string): boolean => word.indexOf('@') > 0 && !/^\+?\d*@/.test(word);

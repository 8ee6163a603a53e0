import type { SelectQueryBuilder } from 'typeorm';
import { Brackets } from 'typeorm';
import { escapeLike } from '#database/tenant-repository';
import type { ContactQuery } from './contact.dto';
import type { Contact } from './contact.entity';

/** Digits beside letters that are worth looking for among the phones: fewer are a part of a name ("Loja 24"). */
const DIGITS_BESIDE_WORDS = 4;

/** The search and filters of the contact list on a query behind the wall. Every expression is one of contacts_search_idx or a column. */
export function narrowContacts(rows: SelectQueryBuilder<Contact>, query: ContactQuery): void {
  const words = wordsOf(query.search ?? '');
  if (words.length) {
    rows.andWhere(
      new Brackets((either) => {
        either.where(
          new Brackets((every) => {
            for (const [n, word] of words.entries())
              every.andWhere(`contact_words(row.name, row.whatsapp_name, row.username, row.email, row.company) LIKE fold(:word_${n})`, {
                [`word_${n}`]: `%${escapeLike(word)}%`,
              });
          }),
        );
        for (const [n, digits] of phoneParts(query.search ?? '').entries())
          either.orWhere(`row.match_key LIKE :digits_${n}`, { [`digits_${n}`]: `%${digits}%` });
      }),
    );
  }
  for (const column of ['assigned_agent_id', 'is_blocked', 'is_vip', 'opt_in', 'lifecycle_stage', 'source'] as const) {
    const value = query[column];
    if (value !== undefined && value !== null) rows.andWhere(`row.${column} = :filter_${column}`, { [`filter_${column}`]: value });
  }
}

/** Each word must be somewhere: "joao silva" finds João Pedro Silva. Compatibility forms are plain letters, so that none folds to a wildcard later. */
export function wordsOf(search: string): string[] {
  const words = search.normalize('NFKC').split(/\s+/).filter(Boolean);
  return words.map((word) => (/^@./.test(word) ? word.slice(1) : word));
}

/**
 * The digits of a search as parts of a match key, which has no ninth digit in Brazil, no 1 in Mexico, no 9 in Argentina: with and without
 * the digit that may be too many, wherever the typed part begins (country, area or local number).
 */
export function phoneParts(search: string): string[] {
  const text = search.normalize('NFKC');
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

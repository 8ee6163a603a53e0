import { Invalid } from '#common/errors';
import type { ParameterValue, QueryParameter } from './database.dto';

/** A statement that reads, as PostgreSQL takes it. */
export interface ReadStatement {
  /** With `$1`, `$2` … in place of `:name`. */
  text: string;
  values: ParameterValue[];
  /** Names of what it seems to call: functions, and words that stand before a bracket. */
  calls: string[];
}

const BEGINS = new Set(['select', 'with']);
/** None of them reads. As names of columns they have to be quoted. */
const WRITES = new Set(['insert', 'update', 'delete', 'merge', 'into']);

/** In this order; what begins as none of them is a character by itself. */
const TOKENS = [
  ['blank', /\s+|--[^\n\r]*/y],
  ['comment', /\/\*/y],
  ['unicode', /[uU]&['"]/y],
  ['text', /[eE]'(?:[^'\\]|\\[\s\S]|'')*'|'(?:[^']|'')*'/y],
  ['quoted', /"(?:[^"]|"")*"/y],
  ['dollar', /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y],
  ['position', /\$\d+/y],
  ['cast', /::/y],
  ['parameter', /:[A-Za-z_]\w*/y],
  ['word', /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y],
  ['number', /\d[\w.]*/y],
] as const;

type Kind = (typeof TOKENS)[number][0] | 'other';

/**
 * Reads a statement as PostgreSQL's own scanner would, so that no comment, quote or dollar hides a second statement. What the words mean is PostgreSQL's to
 * say: it runs in a read-only transaction, by a cursor, which takes nothing but a SELECT.
 * @throws {Invalid} 422, with the reason.
 */
export function readStatement(query: string, parameters: readonly QueryParameter[]): ReadStatement {
  const given = new Map(parameters.map(({ name, value }) => [name, value]));
  const places = new Map<string, number>();
  const calls = new Set<string>();
  let text = '';
  let first: string | undefined;
  let ended = false;
  /** The last name, while only blanks follow it. */
  let name: string | undefined;

  for (let at = 0; at < query.length;) {
    const { kind, length } = tokenAt(query, at);
    const token = query.slice(at, at + length);
    at += length;
    if (kind === 'blank' || kind === 'comment') {
      text += ' ';
      continue;
    }
    if (ended) throw refused('Give one statement.');
    if (token === ';') {
      ended = true;
      continue;
    }
    if (kind === 'unicode') throw refused('Write names and texts without U&.');
    if (kind === 'position') throw refused('Name parameters: :name.');
    if (token === '(' && name !== undefined) calls.add(name);
    name = kind === 'quoted' ? token.slice(1, -1).replaceAll('""', '"') : kind === 'word' ? token.toLowerCase() : undefined;
    first ??= kind === 'word' ? token.toLowerCase() : '';
    if (kind === 'word' && WRITES.has(token.toLowerCase())) throw refused(`${token.toUpperCase()} does not read.`);
    if (kind !== 'parameter') {
      text += token;
      continue;
    }
    const parameter = token.slice(1);
    if (!given.has(parameter)) throw Invalid.field('parameters', `The query names :${parameter}, which is not given.`);
    if (!places.has(parameter)) places.set(parameter, places.size + 1);
    text += `$${places.get(parameter)}`;
  }
  if (!BEGINS.has(first ?? '')) throw refused('It begins with SELECT or WITH.');
  return { text: text.trim(), values: [...places.keys()].map((parameter) => given.get(parameter) ?? null), calls: [...calls] };
}

function tokenAt(query: string, at: number): { kind: Kind; length: number } {
  for (const [kind, pattern] of TOKENS) {
    pattern.lastIndex = at;
    const [found] = pattern.exec(query) ?? [];
    if (found === undefined) continue;
    if (kind === 'comment') return { kind, length: commentLength(query, at) };
    if (kind !== 'dollar') return { kind, length: found.length };
    const end = query.indexOf(found, at + found.length);
    if (end < 0) throw refused('A text does not end.');
    return { kind, length: end + found.length - at };
  }
  if (/['"]/.test(query[at])) throw refused('A text or a name does not end.');
  return { kind: 'other', length: 1 };
}

/** Of a block comment; PostgreSQL's nest. */
function commentLength(query: string, from: number): number {
  let depth = 0;
  for (let at = from; at < query.length;) {
    const two = query.slice(at, at + 2);
    if (two === '/*') depth++;
    else if (two === '*/' && --depth === 0) return at + 2 - from;
    at += two === '/*' || two === '*/' ? 2 : 1;
  }
  throw refused('A comment does not end.');
}

/** What the statement may not be. */
export const refused = (msg: string): Invalid => Invalid.field('query', `Only one statement that reads is taken. ${msg}`);

import { type Json, asList, asText, asWords, isObject } from './wire';

/** A choice as a numbered text, for phones that do not show buttons and lists, and what an answer to it means (contract 20, 8.1). */

interface Option {
  id: string;
  title: string;
  description: string | null;
}

interface Section {
  title: string | null;
  options: Option[];
}

/** `2`, `2.`, `2)`, `*2*`. */
const NUMBER = /^\*?(\d{1,2})\*?[.)]?$/;
/** Nothing longer is a number or a title: WhatsApp's own bound, and a little. */
export const ANSWER_MAX = 32;

/** Buttons or list of an outgoing interactive message (contract 20, 4.2), as people read them. null: it offers no choice. */
export function menuText(payload: Json): string | null {
  const sections = sectionsOf(payload);
  if (!sections.length) return null;
  let number = 0;
  const choices = sections.map(({ title, options }) => [
    ...(title === null ? [] : [`*${title}*`]),
    ...options.map((option) => `${++number}. ${option.title}${option.description === null ? '' : ` – ${option.description}`}`),
  ]);
  const header = asWords(payload.header);
  const footer = asWords(payload.footer);
  return [
    ...(header === null ? [] : [`*${header}*`]),
    asText(payload.body, 4_096) ?? '',
    ...choices.map((lines) => lines.join('\n')),
    ...(footer === null ? [] : [`_${footer}_`]),
  ].join('\n\n');
}

/** What somebody who typed this chose of a menu, as a pressed button says it. null: nothing of it. `numbered`: whether it was shown with numbers. */
export function chosenOf(payload: Json, answer: string, numbered: boolean): Json | null {
  const options = sectionsOf(payload).flatMap((section) => section.options);
  const words = answer.trim();
  const number = numbered ? NUMBER.exec(words)?.[1] : undefined;
  const chosen = number ? options[Number(number) - 1] : options.find(({ title }) => folded(title) === folded(words));
  if (!chosen) return null;
  const { id, title, description } = chosen;
  return {
    kind: payload.kind === 'list' ? 'list_reply' : 'button_reply',
    id,
    title,
    ...(description !== null && { description }),
    typed: words,
  };
}

const folded = (text: string): string => text.trim().toLowerCase().normalize('NFD').replace(/\p{M}/gu, '');

export function sectionsOf(payload: Json): Section[] {
  const sections: Section[] =
    payload.kind === 'buttons'
      ? [{ title: null, options: optionsOf(payload.buttons) }]
      : asList(payload.sections)
          .filter(isObject)
          .map(({ title, rows }) => ({ title: asWords(title), options: optionsOf(rows) }));
  return sections.filter(({ options }) => options.length > 0);
}

const optionsOf = (list: unknown): Option[] =>
  asList(list)
    .filter(isObject)
    .flatMap(({ id, title, description }) => {
      const [known, words] = [asText(id), asWords(title)];
      return known === null || words === null ? [] : [{ id: known, title: words, description: asWords(description) }];
    });

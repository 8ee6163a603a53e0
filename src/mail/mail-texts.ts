import { LANGUAGES, type Language } from '#common/languages';

/** One mail in one language. `{{name}}` stands for a value. */
export interface MailText {
  subject: string;
  /** Paragraphs, with an empty line between them. */
  text: string;
  /** A button below them. `url` is made of values, and http(s). */
  action?: { label: string; url: string };
  /** What follows the button, in small print: how long it works, what to do if it was not you. */
  small?: string;
}

export interface MailRules {
  /** At most so many to one recipient in any hour; further ones are not queued. Default 10. */
  per_hour?: number;
}

export type MailValues = Record<string, string | number>;

export interface DeclaredMail {
  texts: Record<Language, MailText>;
  /** Names of the values it takes. */
  values: readonly string[];
  per_hour: number;
}

const PER_HOUR = 10;
const CATALOGUE = new Map<string, DeclaredMail>();

/** A room's mail, in its `*.mails.ts`, as `room.what_it_is`: in every language PyTake speaks, with the same values. */
export function declareMail(name: string, texts: Record<Language, MailText>, { per_hour = PER_HOUR }: MailRules = {}): void {
  if (CATALOGUE.has(name)) throw new Error(`The mail ${name} is declared twice`);
  const [values, ...others] = LANGUAGES.map((language) => valuesOf(texts[language]));
  if (others.some((other) => other.join() !== values.join())) throw new Error(`The mail ${name} takes other values in another language`);
  CATALOGUE.set(name, { texts, values, per_hour });
}

/** Every mail of the house. */
export const mailCatalogue = (): [name: string, mail: DeclaredMail][] => [...CATALOGUE];

/** @throws {Error} Nobody declared it, or a value of it is missing. */
export function declaredMail(name: string, values: MailValues): DeclaredMail {
  const mail = CATALOGUE.get(name);
  if (!mail) throw new Error(`Nobody declared the mail ${name}`);
  const missing = mail.values.filter((value) => values[value] === undefined);
  if (missing.length) throw new Error(`The mail ${name} lacks ${missing.join(', ')}`);
  return mail;
}

/** The text with its values, each as `change` makes it. */
export const filled = (text: string, values: MailValues, change: (value: string) => string = (value) => value): string =>
  text.replace(/\{\{(\w+)\}\}/g, (_, name: string) => change(String(values[name] ?? '')));

const valuesOf = ({ subject, text, action, small }: MailText): string[] => {
  const all = [subject, text, action?.label, action?.url, small].join('\n');
  return [...new Set([...all.matchAll(/\{\{(\w+)\}\}/g)].map(([, name]) => name))].sort();
};

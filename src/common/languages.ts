/** What PyTake itself speaks to people, in mails and pages. */
export const LANGUAGES = ['pt-BR', 'en'] as const;
export type Language = (typeof LANGUAGES)[number];

/** Of the languages we speak the nearest to somebody's (BCP-47, or an Accept-Language header); nothing said: Portuguese. */
export function nearestLanguage(wanted: string | null | undefined): Language {
  for (const [, primary] of (wanted ?? '').toLowerCase().matchAll(/(?:^|,)\s*([a-z]{2,3})\b/g)) {
    if (primary === 'pt') return 'pt-BR';
    if (primary === 'en') return 'en';
  }
  return wanted?.trim() ? 'en' : 'pt-BR';
}

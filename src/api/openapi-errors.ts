import { type ErrorMeaning, errorCatalogue } from '#common/error-codes';
import type { Answer, Parameter } from './openapi-types';

/** A code in a comment: of several words, or between backticks. */
const WORD = /[a-z]+(?:_[a-z]+)+|(?<=`)[a-z]+(?=`)/g;

/** Every error of a route says its codes: those any route may answer, and those its comment names. */
export function nameErrors(operation: { parameters?: Parameter[]; responses: Record<string, Answer> }, open: boolean): void {
  const { parameters = [], responses } = operation;
  const catalogue = errorCatalogue();
  for (const [status, response] of Object.entries(responses)) {
    if (Number(status) < 400) continue;
    const named = new Set(response.description.match(WORD));
    if (status === '409' && parameters.some(({ name }) => name === 'Idempotency-Key'))
      named.add('idempotency_key_in_use').add('idempotency_key_reused');
    const codes = catalogue
      .filter(
        ([code, meaning]) =>
          String(meaning.status) === status && (named.has(code) || (meaning.by === 'any' && !(open && ofCaller(meaning)))),
      )
      .map(([code]) => code);
    if (!codes.length) continue;
    response['x-error-codes'] = codes;
    response.description = `${response.description}\n\nCodes: ${codes.map((code) => `\`${code}\``).join(', ')}.`;
  }
}

/** Said of who calls, and a public route does not ask who. */
const ofCaller = ({ status }: ErrorMeaning): boolean => status === 401 || status === 403;

/** What is not found: the things the path names. */
export function notFoundText(parameters: readonly Parameter[]): string {
  const nouns = parameters.filter(({ in: place }) => place === 'path').map(({ name }) => name.replace(/_id$/, '').replaceAll('_', ' '));
  const text = nouns.join(' or ');
  return text
    ? `${text[0].toUpperCase()}${text.slice(1)} not found, or of another organization.`
    : 'Not found, or of another organization.';
}

/** The table of all codes, for the document and the page. */
export const errorTable = (): ({ error_code: string } & ErrorMeaning)[] =>
  errorCatalogue().map(([error_code, meaning]) => ({ error_code, ...meaning }));

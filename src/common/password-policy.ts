export const PASSWORD_MIN = 8;
const PASSWORD_MAX = 100;

/** What the policy has against a password, as the end of a sentence about it; null: nothing. */
export function passwordMistake(password: string, email: string, min_length = PASSWORD_MIN): string | null {
  if (password.length < min_length || password.length > PASSWORD_MAX) return `must be ${min_length} to ${PASSWORD_MAX} characters long`;
  if (!/\p{L}/u.test(password) || !/\d/.test(password)) return 'must contain a letter and a digit';
  return password.trim().toLowerCase() === email ? 'must not be the e-mail' : null;
}

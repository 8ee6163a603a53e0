/**
 * A phone number as people type it, in E.164 (`+5511988887777`); null when it is none. Without `+` the digits
 * already begin with the country code (contract 20, 0.4).
 */
export function normalizePhone(input: string): string | null {
  if (input.length > 64) return null;
  let digits = input.replace(/[\s\-.()]/g, '');
  if (digits.startsWith('+')) digits = digits.slice(1);
  else if (digits.startsWith('00')) digits = digits.slice(2);
  return /^[1-9]\d{9,14}$/.test(digits) ? `+${digits}` : null;
}

/**
 * A phone as WhatsApp itself reports it (`wa_id`: digits, no `+`). Shorter numbers than people may type are
 * accepted here: Andorra or Greenland have nine digits, and who wrote to us exists.
 */
export function phoneOfWaId(wa_id: string): string | null {
  return /^\+?[1-9]\d{5,14}$/.test(wa_id) ? (wa_id.startsWith('+') ? wa_id : `+${wa_id}`) : null;
}

/**
 * The key under which one person's phones are the same: WhatsApp reports Brazilian mobiles with and without the
 * ninth digit, Mexican ones with and without the 1, Argentine ones with and without the 9 (contract 20, 0.5).
 * For matching only; sending uses the number WhatsApp reported.
 */
export function matchKey(phone: string): string {
  const digits = phone.startsWith('+') ? phone.slice(1) : phone;
  if (digits.length !== 13) return digits;
  if (/^55\d{2}9[6-9]\d{7}$/.test(digits)) return digits.slice(0, 4) + digits.slice(5);
  if (/^(?:521|549)\d{10}$/.test(digits)) return digits.slice(0, 2) + digits.slice(3);
  return digits;
}

/** For logs: country and last two digits stay, so that a line can be told from another and names nobody. */
export function maskPhone(phone: string): string {
  const sign = phone.startsWith('+') ? '+' : '';
  const digits = phone.slice(sign.length);
  if (digits.length < 8) return sign + '*'.repeat(digits.length);
  return sign + digits.slice(0, 2) + '*'.repeat(digits.length - 4) + digits.slice(-2);
}

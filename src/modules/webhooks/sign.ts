import { createHmac, randomBytes } from 'node:crypto';

/** Standard Webhooks 1.0.0: how a secret begins whose rest is base64. */
const PREFIX = 'whsec_';

export const newSecret = (): string => PREFIX + randomBytes(32).toString('base64');

/** Whether it can be a key: what begins as base64 of the standard has to be it. */
export function isSecret(secret: string): boolean {
  if (!secret.startsWith(PREFIX)) return true;
  const text = secret.slice(PREFIX.length);
  const key = Buffer.from(text, 'base64');
  return key.length > 0 && key.toString('base64').replace(/=+$/, '') === text.replace(/=+$/, '');
}

const keyOf = (secret: string): Buffer =>
  secret.startsWith(PREFIX) ? Buffer.from(secret.slice(PREFIX.length), 'base64') : Buffer.from(secret);

/** `webhook-signature`: one for each secret that counts at this time, the newest first. */
export const signatureOf = (secrets: readonly string[], id: string, timestamp: number, body: string): string =>
  secrets.map((secret) => `v1,${createHmac('sha256', keyOf(secret)).update(`${id}.${timestamp}.${body}`).digest('base64')}`).join(' ');

import type { IncomingHttpHeaders } from 'node:http';

/** The token of an `Authorization: Bearer` header; null: there is none. */
export const bearerOf = (authorization: string | undefined): string | null => /^Bearer (\S+)$/i.exec(authorization ?? '')?.[1] ?? null;

/** What every API key begins with: people know one when they see it, and so do programs that look for leaked ones. */
export const API_KEY_PREFIX = 'pk_';

export const isApiKey = (token: string): boolean => token.startsWith(API_KEY_PREFIX);

/** What a request brings to say who asks: the bearer token, else the API key of `X-API-Key`; null: nothing. */
export function credentialOf({ authorization, 'x-api-key': key }: IncomingHttpHeaders): string | null {
  return bearerOf(authorization) ?? (typeof key === 'string' && isApiKey(key) ? key : null);
}

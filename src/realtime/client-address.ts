import type { IncomingMessage } from 'node:http';

/** As Express knows it: is the hop'th address from our side a proxy of ours? */
export type Trust = (address: string, hop: number) => boolean;

/** The client behind our proxies (TRUST_PROXY): what Express calls `request.ip`, for a request Express never sees. */
export function clientAddress({ socket, headers }: Pick<IncomingMessage, 'socket' | 'headers'>, trust: Trust): string | null {
  const forwarded = String(headers['x-forwarded-for'] ?? '')
    .split(',')
    .map((address) => address.replace(/^ +| +$/g, ''))
    .filter(Boolean);
  const hops = [socket.remoteAddress ?? '', ...forwarded.reverse()];
  const client = hops.findIndex((address, hop) => !trust(address, hop));
  return (client < 0 ? hops.at(-1) : hops[client]) || null;
}

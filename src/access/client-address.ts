import type { IncomingMessage } from 'node:http';
import { type Socket, isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** As Express knows it: is the hop'th address from our side a proxy of ours? */
export type Trust = (address: string, hop: number) => boolean;

/**
 * The client behind our proxies (TRUST_PROXY), for every door. As Express' own `request.ip`, but always an address, in one spelling: some proxies
 * write the port beside it, and what is no address is nobody's, then it is the last hop before it.
 */
export function clientAddress({ socket, headers }: Pick<IncomingMessage, 'socket' | 'headers'>, trust: Trust): string | null {
  const peer = peerOf(socket);
  const said = headers['x-forwarded-for'];
  if (said === undefined) return peer;
  const forwarded = String(said)
    .split(',')
    .map((address) => address.trim())
    .filter(Boolean);
  let client = peer;
  for (const [hop, text] of forwarded.reverse().entries()) {
    const next = readAddress(text);
    if (client === null || next === null || !trust(client, hop)) break;
    client = next;
  }
  return client;
}

const peers = new WeakMap<Socket, string | null>();

/** A connection's other end does not change: read with its first request, of many. */
function peerOf(socket: Socket): string | null {
  let peer = peers.get(socket);
  if (peer === undefined) peers.set(socket, (peer = readAddress(socket.remoteAddress ?? '')));
  return peer;
}

/** An IP address without port, brackets and zone; an IPv4 address written as IPv6 is IPv4. */
function readAddress(text: string): string | null {
  const [, bare = text] = /^\[([^\]]*)\](?::\d+)?$/.exec(text) ?? /^([\d.]+):\d+$/.exec(text) ?? [];
  const [address] = bare.split('%');
  return isIP(address) ? ipaddr.process(address).toString() : null;
}

/** A line is given 2^64 addresses at least (RFC 6177), and who has one may ask from another address each time. */
const LINE_BITS = 64;

/** Whose hits are counted together: of IPv6 a whole line, the /64. */
export function lineOf(address: string | null | undefined): string {
  if (!address || isIP(address) !== 6) return address ?? '';
  return `${ipaddr.IPv6.networkAddressFromCIDR(`${address}/${LINE_BITS}`).toString()}/${LINE_BITS}`;
}

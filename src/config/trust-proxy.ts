import { isIP } from 'node:net';

/** Names proxy-addr, and so Express, knows. */
const NAMED_NETWORKS = ['loopback', 'linklocal', 'uniquelocal'];
const MAX_PROXIES = 10;

/** Whoever is trusted here says where a request comes from: limits, locks and allowed addresses believe it. */
export function trustProxy(value: string, production: boolean, mistakes: string[]): boolean | number | string[] {
  const use = 'use the number of proxies in front (1), or their addresses and networks (10.0.0.5, 172.16.0.0/12, loopback)';
  if (value === 'false') return false;
  if (value === 'true') {
    if (production) mistakes.push(`TRUST_PROXY is "true": anybody could claim any address; ${use}`);
    return true;
  }
  if (/^\d+$/.test(value)) {
    if (Number(value) > MAX_PROXIES) mistakes.push(`TRUST_PROXY is "${value}", ${use}`);
    return Number(value);
  }
  const networks = value.split(',').map((network) => network.trim());
  for (const network of networks)
    if (!NAMED_NETWORKS.includes(network) && !isNetwork(network)) mistakes.push(`TRUST_PROXY contains "${network}", ${use}`);
  return networks;
}

/** An address, or a network that is not everything. */
function isNetwork(text: string): boolean {
  const [address, bits, more] = text.split('/');
  const family = isIP(address);
  if (family === 0 || more !== undefined) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) >= 1 && Number(bits) <= (family === 4 ? 32 : 128));
}

import ipaddr from 'ipaddr.js';

/** True for a range in CIDR notation, such as 203.0.113.0/24. */
export const isIpRange = (range: string): boolean => ipaddr.isValidCIDR(range);

/** True when the address lies in one of the ranges; an IPv4 address written as IPv6 counts as IPv4. */
export function inIpRanges(ip: string, ranges: readonly string[]): boolean {
  if (!ipaddr.isValid(ip)) return false;
  const address = ipaddr.process(ip);
  return ranges.some((range) => {
    if (!isIpRange(range)) return false;
    const [network, bits] = ipaddr.parseCIDR(range);
    return network.kind() === address.kind() && address.match(network, bits);
  });
}

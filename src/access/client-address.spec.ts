import type { Socket } from 'node:net';
import express from 'express';
import { trustProxy } from '#config/trust-proxy';
import { type Trust, clientAddress, lineOf } from './client-address';

const request = (forwarded?: string): Parameters<typeof clientAddress>[0] => ({
  socket: { remoteAddress: '10.0.0.1' } as Socket,
  headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
});

describe('clientAddress', () => {
  it('is the peer without proxies of ours, whatever the client claims', () => {
    expect(clientAddress(request('1.1.1.1'), () => false)).toBe('10.0.0.1');
  });

  it('is the first address that is not a proxy of ours, from our side', () => {
    expect(clientAddress(request('6.6.6.6, 1.1.1.1, 10.0.0.2'), (address) => address.startsWith('10.'))).toBe('1.1.1.1');
    expect(clientAddress(request('6.6.6.6, 1.1.1.1'), (_address, hop) => hop < 1)).toBe('1.1.1.1');
    expect(clientAddress(request('1.1.1.1'), () => true)).toBe('1.1.1.1');
    expect(clientAddress(request(), () => true)).toBe('10.0.0.1');
  });

  it('is an address in one spelling, without the port some proxies add', () => {
    const trust = (address: string): boolean => address.startsWith('10.');
    for (const one of ['5.5.5.5', '5.5.5.5:1234', '::ffff:5.5.5.5', '[::ffff:5.5.5.5]:1', '5.5.5.5, 10.0.0.2:443', '5.5.5.5,\t10.0.0.2'])
      expect([one, clientAddress(request(one), trust)]).toEqual([one, '5.5.5.5']);
    for (const one of ['2001:db8::1', '2001:DB8:0::1', '[2001:db8::1]', '[2001:db8::1]:443', '2001:db8::1%eth0'])
      expect([one, clientAddress(request(one), trust)]).toEqual([one, '2001:db8::1']);
  });

  it('is the last hop before what is no address', () => {
    for (const junk of ['x', 'unknown', '_hidden', '5.5.5.5:', '5.5.5', '999.1.1.1', '[5.5.5.5', '0x7f.1', '6.6.6.6, x'])
      expect([junk, clientAddress(request(junk), (_address, hop) => hop < 1)]).toEqual([junk, '10.0.0.1']);
    expect(clientAddress(request('x, 10.0.0.2'), () => true)).toBe('10.0.0.2');
  });

  it('is what Express says of the same request', () => {
    const headers = [undefined, '', '1.1.1.1', '6.6.6.6, 1.1.1.1', '6.6.6.6,,1.1.1.1 ', ' ,6.6.6.6,10.0.0.2'];
    for (const proxies of ['false', 'true', '1', '2', '3', 'uniquelocal', '10.0.0.1', '10.0.0.0/8, 1.1.1.1', '::1/128']) {
      const app = express().set('trust proxy', trustProxy(proxies, false, []));
      for (const forwarded of headers) {
        const asked = request(forwarded);
        const { ip } = Object.assign(Object.create(app.request) as express.Request, asked);

        expect({ proxies, forwarded, ip: clientAddress(asked, app.get('trust proxy fn') as Trust) }).toEqual({ proxies, forwarded, ip });
      }
    }
  });
});

describe('lineOf', () => {
  it('is an address of IPv4, and the /64 of IPv6', () => {
    expect(['5.5.5.5', '2001:db8:1:2::1', '2001:db8:1:2:ffff:ffff:ffff:ffff', '2001:db8:1:3::1', '::1', null].map(lineOf)).toEqual([
      '5.5.5.5',
      '2001:db8:1:2::/64',
      '2001:db8:1:2::/64',
      '2001:db8:1:3::/64',
      '::/64',
      '',
    ]);
  });
});

import type { Socket } from 'node:net';
import { clientAddress } from './client-address';

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
});

import { randomBytes } from 'node:crypto';
import { generate } from 'lean-qr';
import { toPngDataURL } from 'lean-qr/extras/node_export';
import type { Qr } from './instances';

/** What WhatsApp's linking code looks like: a reference and three keys. */
export function newQr(number: string | null): Qr {
  const key = (): string => randomBytes(32).toString('base64');
  const code = `2@${randomBytes(66).toString('base64')},${key()},${key()},${key()}`;
  return {
    pairingCode: number === null ? null : pairingCode(),
    code,
    base64: toPngDataURL(generate(code), { scale: 4, off: [255, 255, 255] }),
  };
}

/** Eight of Crockford's characters. */
function pairingCode(): string {
  return [...randomBytes(8)].map((byte) => '123456789ABCDEFGHJKLMNPQRSTVWXYZ'[byte % 32]).join('');
}

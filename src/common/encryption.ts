import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';

/** A key of the ring. Its id stands in every text it sealed. */
export interface EncryptionKey {
  id: string;
  /** 32 bytes. */
  key: Buffer;
}

/** Where a sealed text belongs, from the organization down to the row (and its version): moved to another place it does not open. */
export type Place = readonly (string | number)[];

const KEY_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;

/** The key ring: the first key seals, all of them open. AES-256-GCM; `v1:<key_id>:<iv>:<tag>:<data>`, the last three in base64. */
@Injectable()
export class Encryption {
  private readonly newest: EncryptionKey;
  private readonly byId = new Map<string, Buffer>();

  /** @throws Without a key. */
  constructor(private readonly keys: readonly EncryptionKey[]) {
    if (!keys[0]) throw new Error('The key ring is empty');
    this.newest = keys[0];
    // A key that is given a name of its own later still opens what it sealed before.
    for (const { id, key } of [...keys].reverse()) this.byId.set(fingerprintOf(key), key).set(id, key);
  }

  /** Of the key that seals. */
  get key_id(): string {
    return this.newest.id;
  }

  /** How every text begins that needs not be sealed again. */
  get current(): string {
    return `v1:${this.newest.id}:`;
  }

  encrypt(text: string, place: Place = []): string {
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.newest.key, iv).setAAD(bytesOf(place));
    const data = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
    return this.current + [iv, cipher.getAuthTag(), data].map((part) => part.toString('base64')).join(':');
  }

  /** @throws {Unopened} The text was altered, belongs elsewhere, or its key is not in the ring. */
  decrypt(sealed: string, place: Place = []): string {
    const [, id, ...parts] = sealed.split(':');
    const [iv, tag, data] = parts.map((part) => Buffer.from(part, 'base64'));
    if (!iv) return this.openFirstForm(Buffer.from(id ?? '', 'base64'));
    const key = this.byId.get(id);
    if (!key) throw new Unopened(`no key of the ring is called ${id}`);
    return open(key, { iv, tag, data, aad: bytesOf(place) });
  }

  /** `v1:` and nonce, tag and text in one, as they were before keys had ids and texts a place: whichever key fits. */
  private openFirstForm(bytes: Buffer): string {
    const [iv, tag, data] = [
      bytes.subarray(0, IV_BYTES),
      bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES),
      bytes.subarray(IV_BYTES + TAG_BYTES),
    ];
    for (const { key } of this.keys)
      try {
        return open(key, { iv, tag, data, aad: bytesOf([]) });
      } catch (error) {
        if (!(error instanceof Unopened)) throw error;
      }
    throw new Unopened('no key of the ring fits');
  }
}

/** A sealed text that does not open. Says neither the text nor the key. */
export class Unopened extends Error {
  constructor(why: string, options?: ErrorOptions) {
    super(`A sealed text cannot be opened: ${why}.`, options);
    this.name = 'Unopened';
  }
}

interface Parts {
  iv: Buffer;
  tag: Buffer;
  data: Buffer;
  aad: Buffer;
}

function open(key: Buffer, { iv, tag, data, aad }: Parts): string {
  try {
    // A tag cut short would open all the more easily.
    const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: TAG_BYTES }).setAAD(aad).setAuthTag(tag);
    return Buffer.concat([decipher.update(data), decipher.final()]).toString('utf8');
  } catch (cause) {
    throw new Unopened('it was altered, or belongs elsewhere', { cause });
  }
}

const bytesOf = (place: Place): Buffer => Buffer.from(place.join(':'));

/** What a key is called that has no name: derived, so that it tells nothing of the key. */
const fingerprintOf = (key: Buffer): string => Buffer.from(hkdfSync('sha256', key, '', 'pytake key id', 4)).toString('hex');

/** A key as the environment has it: 32 random bytes in base64, with or without a name, `2026:…`. null: it is not one. */
export function encryptionKey(text: string): EncryptionKey | null {
  const [, name, base64 = ''] = /^(?:([\w-]{1,32}):)?([A-Za-z0-9+/_-]+=*)$/.exec(text) ?? [];
  const key = Buffer.from(base64, 'base64');
  if (key.length !== KEY_BYTES || new Set(key).size < 8) return null;
  return { id: name ?? fingerprintOf(key), key };
}

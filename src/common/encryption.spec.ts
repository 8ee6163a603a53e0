import { createCipheriv, randomBytes } from 'node:crypto';
import { Encryption, type EncryptionKey, Unopened, encryptionKey } from './encryption';

const key = (name?: string): EncryptionKey => {
  const made = encryptionKey(`${name ? `${name}:` : ''}${randomBytes(32).toString('base64')}`);
  if (!made) throw new Error('not a key');
  return made;
};

/** As texts were before keys had ids. */
function firstForm(text: string, { key }: EncryptionKey): string {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return `v1:${Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64')}`;
}

const PLACE = ['organization', 'row', 3];
const [one, two] = [key(), key()];

describe('a sealed text', () => {
  it('says its key, opens where it belongs, and is never the same twice', () => {
    const ring = new Encryption([one]);
    const sealed = ring.encrypt('segredo 🔑', PLACE);

    expect(sealed).toMatch(new RegExp(`^v1:${one.id}:[A-Za-z0-9+/]{16}:[A-Za-z0-9+/]{22}==:[A-Za-z0-9+/=]+$`));
    expect(sealed.startsWith(ring.current)).toBe(true);
    expect(ring.decrypt(sealed, PLACE)).toBe('segredo 🔑');
    expect(ring.encrypt('segredo 🔑', PLACE)).not.toBe(sealed);
    expect(ring.decrypt(ring.encrypt(''))).toBe('');
  });

  it('does not open elsewhere, altered, cut short, or without its key', () => {
    const ring = new Encryption([one]);
    const sealed = ring.encrypt('segredo', PLACE);
    const [v, id, iv, tag, data] = sealed.split(':');
    const cut = Buffer.from(tag, 'base64').subarray(0, 4).toString('base64');
    const wrong: [string, (string | number)[]][] = [
      [sealed, []],
      [sealed, ['organization', 'row', 4]],
      [sealed, ['organization', 'other row', 3]],
      [[v, id, iv, tag, `AA${data}`].join(':'), PLACE],
      [[v, id, iv, cut, data].join(':'), PLACE],
      [[v, two.id, iv, tag, data].join(':'), PLACE],
      [[v, id, iv].join(':'), PLACE],
      ['v1:', PLACE],
      ['', PLACE],
    ];

    for (const [text, place] of wrong) expect(() => ring.decrypt(text, place)).toThrow(Unopened);
    expect(() => new Encryption([two]).decrypt(sealed, PLACE)).toThrow(`no key of the ring is called ${one.id}`);
  });

  it('opens with an older key of the ring, in the first form too', () => {
    const ring = new Encryption([two, one]);

    expect(ring.decrypt(new Encryption([one]).encrypt('segredo', PLACE), PLACE)).toBe('segredo');
    expect(ring.decrypt(firstForm('segredo', one), PLACE)).toBe('segredo');
    expect(ring.decrypt(firstForm('segredo', two), PLACE)).toBe('segredo');
    expect(ring.key_id).toBe(two.id);
    expect(() => new Encryption([two]).decrypt(firstForm('segredo', one))).toThrow(Unopened);
  });

  it('opens when its key is given a name later', () => {
    const sealed = new Encryption([one]).encrypt('segredo');
    const named = new Encryption([{ id: '2026', key: one.key }]);

    expect(named.decrypt(sealed)).toBe('segredo');
    expect(named.encrypt('segredo')).toMatch(/^v1:2026:/);
  });
});

it('takes 32 random bytes in base64 for a key, named or not', () => {
  const base64 = randomBytes(32).toString('base64');

  expect(encryptionKey(base64)).toMatchObject({ id: expect.stringMatching(/^[0-9a-f]{8}$/) as string });
  expect(encryptionKey(base64)?.id).toBe(encryptionKey(base64)?.id);
  expect(encryptionKey(`2026-b:${base64}`)).toEqual({ id: '2026-b', key: Buffer.from(base64, 'base64') });
  for (const text of ['', 'c2hvcnQ=', `a:b:${base64}`, `:${base64}`, Buffer.alloc(32).toString('base64'), `${base64}!`])
    expect(encryptionKey(text)).toBeNull();
  expect(() => new Encryption([])).toThrow('empty');
});

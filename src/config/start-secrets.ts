import { randomBytes } from 'node:crypto';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type EncryptionKey, encryptionKey } from '#common/encryption';
import { ConfigError } from './config-error';
import { makeDirectory } from './make-directory';

/** The keys of all these variables, each once, the newest first. */
export function keyRing(given: readonly [name: string, texts: readonly string[]][], mistakes: string[]): EncryptionKey[] {
  const ring: EncryptionKey[] = [];
  const advice = '32 random bytes in base64, e.g. from `openssl rand -base64 32`';
  for (const [name, texts] of given)
    for (const text of texts) {
      const key = encryptionKey(text);
      if (!key) mistakes.push(`${name} is not ${advice}`);
      else if (ring.some((other) => other.id === key.id && !other.key.equals(key.key)))
        mistakes.push(`${name} has another key of the name "${key.id}"`);
      else if (!ring.some((other) => other.key.equals(key.key))) ring.push(key);
    }
  const first = given.findIndex(([name, texts]) => name !== 'ENCRYPTION_KEYS_OLD' && texts.length);
  if (first < 0) mistakes.push(`ENCRYPTION_KEY is missing: give ${advice}`);
  return ring;
}

/** Short, repetitive, or a word of everybody's examples. */
export function isWeak(secret: string): boolean {
  return secret.length < 32 || new Set(secret).size < 10 || /change.?me|secret.?key|password|example|your[-_]/i.test(secret);
}

type EmbeddedSecrets = Record<
  'JWT_SECRET' | 'ENCRYPTION_KEY' | 'META_APP_SECRET' | 'META_WEBHOOK_VERIFY_TOKEN' | 'DATABASE_PASSWORD',
  string
>;

/** Made once into DATA_DIR/secrets.json, readable by the owner alone. */
export function embeddedSecrets(data_dir: string): EmbeddedSecrets {
  const file = join(data_dir, 'secrets.json');
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as EmbeddedSecrets;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw new ConfigError([`${file} cannot be read: ${(error as Error).message}`]);
  }
  const random = (bytes: number, encoding: BufferEncoding): string => randomBytes(bytes).toString(encoding);
  const secrets: EmbeddedSecrets = {
    JWT_SECRET: random(48, 'base64'),
    ENCRYPTION_KEY: random(32, 'base64'),
    META_APP_SECRET: random(16, 'hex'),
    META_WEBHOOK_VERIFY_TOKEN: random(16, 'hex'),
    DATABASE_PASSWORD: random(24, 'base64url'),
  };
  try {
    makeDirectory(data_dir);
    writeFileSync(file, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
    chmodSync(file, 0o600);
  } catch (error) {
    // Two first starts at the same instant: the file of the one that came first counts.
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return JSON.parse(readFileSync(file, 'utf8')) as EmbeddedSecrets;
    throw new ConfigError([`DATA_DIR ${data_dir} cannot be written: ${(error as Error).message}`]);
  }
  return secrets;
}

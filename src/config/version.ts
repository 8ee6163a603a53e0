import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Of the product, as package.json says it. */
export const { version: VERSION } = JSON.parse(readFileSync(join(__dirname, '..', '..', '..', 'package.json'), 'utf8')) as {
  version: string;
};

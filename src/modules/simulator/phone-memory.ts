import { mkdirSync, readFileSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Logger } from '@nestjs/common';
import type { Customer } from './customer';
import type { Instance } from './evolution/instances';
import { listAt } from './json';
import type { KeptMedia } from './media-store';
import type { Thread } from './threads';

/** What the phones show, and whose they are. */
export interface Memory {
  /** The one spoken in last comes last. */
  threads: Thread[];
  customers: Customer[];
  media: KeptMedia[];
  instances: Instance[];
}

const GATHER_MS = 500;

/** A file with what the phones show, so that they show it after a restart too. A process that is killed forgets half a second. */
export class PhoneMemory {
  private readonly logger = new Logger(PhoneMemory.name);
  private timer: NodeJS.Timeout | undefined;
  private writing = Promise.resolve();

  constructor(
    private readonly path: string,
    private readonly look: () => Memory,
  ) {}

  recall(): Memory {
    let memory: unknown;
    try {
      memory = JSON.parse(readFileSync(this.path, 'utf8'));
    } catch {
      // Nothing was kept yet, or half of it: the phones begin empty.
    }
    const [threads, customers, media, instances] = ['threads', 'customers', 'media', 'instances'].map((key) => listAt(memory, key));
    return { threads, customers, media, instances } as Memory;
  }

  /** Many changes at once are one write. */
  changed(): void {
    this.timer ??= setTimeout(() => this.write(), GATHER_MS);
  }

  async close(): Promise<void> {
    if (this.timer) this.write();
    await this.writing;
  }

  private write(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.writing = this.writing
      .then(async () => {
        mkdirSync(dirname(this.path), { recursive: true, mode: 0o700 });
        await writeFile(`${this.path}.new`, JSON.stringify(this.look()), { mode: 0o600 });
        await rename(`${this.path}.new`, this.path);
      })
      .catch((error: unknown) => this.logger.warn({ msg: 'what the phones show could not be kept', err: error }));
  }
}

import { setImmediate as nextTurn } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { LogRing } from '#observability/log-ring';
import { KeptTelemetry } from './kept-telemetry';
import { entryOf } from './log-entry';
import type { LogEntry } from './telemetry.dto';

const AT_ONCE = 500;

/** The log of this process as it is read. */
@Injectable()
export class RecentLogs {
  private ring: LogRing | null = null;

  constructor(private readonly kept: KeptTelemetry) {}

  /** The logger was there before this. */
  readFrom(ring: LogRing): void {
    this.ring = ring;
    ring.listen(this.kept.hear);
  }

  /** Newest first, those that have the words in them; a few at a time, so that nobody waits for all of them to be read. */
  async find(words: readonly string[]): Promise<LogEntry[]> {
    const entries: LogEntry[] = [];
    const lines = this.ring?.lines() ?? [];
    for (let from = 0; from < lines.length; from += AT_ONCE) {
      const some = lines.slice(from, from + AT_ONCE).filter((line) => words.every((word) => line.includes(word)));
      entries.push(...some.map(entryOf));
      await nextTurn();
    }
    return entries;
  }
}

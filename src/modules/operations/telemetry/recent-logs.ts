import { Injectable } from '@nestjs/common';
import { breather } from '#common/breath';
import type { LogRing } from '#observability/log-ring';
import { KeptTelemetry } from './kept-telemetry';
import { entryOf } from './log-entry';
import type { LogEntry } from './telemetry.dto';

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
    const breathe = breather();
    for (const line of this.ring?.lines() ?? []) {
      if (words.every((word) => line.includes(word))) entries.push(entryOf(line));
      await breathe();
    }
    return entries;
  }
}

import { Injectable, type OnModuleInit } from '@nestjs/common';
import { HealthRegistry } from '#observability/health';
import { MediaStorage } from './media-storage';

/** Each question to a bucket is paid for, and probes ask often. */
const REMEMBERED_MS = 30_000;

/** Tells health how the bucket of files is; a directory is no store. */
@Injectable()
export class MediaHealth implements OnModuleInit {
  private asked_at = -Infinity;
  private answer: Promise<void> = Promise.resolve();

  constructor(
    private readonly storage: MediaStorage,
    private readonly health: HealthRegistry,
  ) {}

  onModuleInit(): void {
    const { ask } = this.storage;
    if (!ask) return;
    this.health.register('storage', () => {
      if (performance.now() - this.asked_at >= REMEMBERED_MS) {
        this.asked_at = performance.now();
        this.answer = ask();
      }
      return this.answer;
    });
  }
}

import { EventEmitter } from 'node:events';
import { Global, Injectable, Logger, Module } from '@nestjs/common';

/**
 * What happens in the rooms, `noun.verb` in the past tense. Each room's `*.events.ts` adds its own by declaration merging:
 * `declare module '#common/events' { interface Events { 'contact.created': ContactCreated } }`.
 * Emitted after the commit, in this process's memory: what must survive a crash is a row or a job.
 */
export interface Events {
  /** A user's sessions ended (logout of all, role change, deactivation, password change); one session when `session_id` is given. */
  'session.ended': { user_id: string; session_id: string | null };
}

/** The typed bus between the rooms. A listener's failure is logged and never reaches the one who emitted. */
@Injectable()
export class EventBus {
  private readonly logger = new Logger(EventBus.name);
  private readonly emitter = new EventEmitter().setMaxListeners(0);

  emit<K extends keyof Events>(name: K, payload: Events[K]): void {
    this.emitter.emit(name, payload);
  }

  on<K extends keyof Events>(name: K, listener: (payload: Events[K]) => void | Promise<void>): void {
    this.emitter.on(name, (payload: Events[K]) => {
      const failed = (error: unknown): void => this.logger.error({ msg: 'event listener failed', event: name, err: error });
      try {
        const done = listener(payload);
        if (done instanceof Promise) done.catch(failed);
      } catch (error) {
        failed(error);
      }
    });
  }
}

@Global()
@Module({ providers: [EventBus], exports: [EventBus] })
export class EventsModule {}

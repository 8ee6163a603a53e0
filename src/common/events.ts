import { EventEmitter } from 'node:events';
import { Global, Injectable, Logger, Module } from '@nestjs/common';

/** Something that happens in a room, as the room declares it. */
export interface DeclaredEvent<P = object> {
  /** What happened, in one sentence; for people. */
  text: string;
  /** What it carries, every field of it. */
  sample: P;
  /** What the sockets hear of it. */
  sockets?: readonly string[];
}

const CATALOGUE = new Map<string, DeclaredEvent>();

/** One event, by what it carries. */
export const event = <P extends object>(declared: DeclaredEvent<P>): DeclaredEvent<P> => declared;

/**
 * A room's events, in its `*.events.ts`: `noun.verb`, in the past tense. Beside it the room adds them to `Events` by declaration merging, so that an
 * event nobody declared, or with another payload, does not compile: `interface Events extends PayloadsOf<typeof CONTACT_EVENTS> {}`.
 */
export function declareEvents<T extends Record<string, DeclaredEvent>>(events: T): T {
  for (const [name, declared] of Object.entries<DeclaredEvent>(events)) {
    if (CATALOGUE.has(name)) throw new Error(`The event ${name} is declared twice`);
    CATALOGUE.set(name, declared);
  }
  return events;
}

export type PayloadsOf<T extends Record<string, DeclaredEvent>> = { [K in keyof T]: T[K]['sample'] };

/** Every event of the house, in alphabetical order. */
export const eventCatalogue = (): [name: string, event: DeclaredEvent][] => [...CATALOGUE].sort(([a], [b]) => (a < b ? -1 : 1));

/** What happens in the rooms, by name: what it carries. Heard after the commit, in this process's memory; by durable readers surely. */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- each room adds its own
export interface Events {}

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

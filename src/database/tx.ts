import type { PoolClient } from 'pg';
import type { DataSource, EntityManager } from 'typeorm';
import type { Actor } from '#common/actor';
import type { EventBus, Events } from '#common/events';
import { isRefused } from './database-errors';
import { type Prepared, type Sql, ask, rowsOf } from './sql';

/** Something to do once a transaction has committed. */
export type Effect = () => unknown;

/** An event of a transaction. */
export interface Told<K extends keyof Events = keyof Events> {
  name: K;
  payload: Events[K];
}

/** Where events are kept that must be heard whatever becomes of this process. */
export interface FactKeeper {
  /** Whether somebody must hear of it. */
  isKept(name: keyof Events, organization_id: string): boolean;
  /** Writes them with the transaction's COMMIT; answers what to do after it. */
  keep(tx: Tx, told: readonly Told[]): Effect;
}

/** What is said of an act in the audit log; from where and when are added. */
export interface Act {
  /** Default: what stands before the dot of its name. */
  resource_type?: string;
  resource?: { id: string; name?: string | null };
  /**
   * Fields as they were and as they are now; what `after` leaves out stayed. `after` alone: all of it is new; `before` alone: all of it is gone.
   * With both and no difference nothing was done, and no entry is kept.
   */
  before?: object;
  after?: object;
  /** Whether a field's values may be told, default yes; of others only that they changed. */
  may_tell?: (field: string) => boolean;
  metadata?: Record<string, unknown>;
  /** Default: success. */
  result?: 'success' | 'failure';
  /** Where the request cannot tell yet: a login. */
  actor_email?: string;
}

/** An act of a transaction. */
export interface DoneAct extends Act {
  /** null: nobody we know. */
  actor: Actor | null;
  /** `resource.verb`, e.g. `contact.created`. */
  action: string;
}

/** Where acts are kept. */
export interface ActKeeper {
  /** Writes them with the transaction's COMMIT, where its database is their store; answers what to do after it. */
  keep(tx: Tx, acts: readonly DoneAct[]): Effect;
}

/** Where the answer to a request is kept that may be sent again (`Idempotency-Key`). */
export interface AnswerKeeper {
  /** Writes it within the transaction that did what was asked. @throws {Conflict} Another request does it by now. */
  keep(sql: Sql, answer: object): Promise<void>;
}

/** What keeps more than the rows of a transaction; rooms further up set themselves in. */
export interface Keepers {
  facts?: FactKeeper;
  acts?: ActKeeper;
  answers?: AnswerKeeper;
}

/** A transaction and what leaves after it commits; the same over the rooms' connections and over the receipt's own. */
export class Tx implements Sql {
  private readonly effects: Effect[] = [];
  private readonly facts: Told[] = [];
  private readonly acts: DoneAct[] = [];
  private readonly sent: Promise<unknown>[] = [];
  private answered: object | undefined;
  private made: EntityManager | undefined;
  private failure: unknown;

  constructor(
    private readonly client: PoolClient,
    private readonly source: DataSource,
    private readonly events: EventBus,
    private readonly keepers: Keepers,
  ) {}

  async rows<R>(statement: string | Prepared, values?: readonly unknown[]): Promise<R[]> {
    try {
      return await rowsOf(this.client, statement, values);
    } catch (error) {
      // Statements that left together with one that failed are refused because of it: what it was refused for is the reason of all.
      throw (this.failure = isRefused(error) ? (this.failure ?? error) : error);
    }
  }

  /** Runs a statement whose answer nobody needs, so that it leaves together with the next one. Where it fails the transaction does. */
  send(statement: string | Prepared, values?: readonly unknown[]): void {
    const sent = this.rows(statement, values);
    sent.catch(() => undefined);
    this.sent.push(sent);
  }

  async lookup<R>(statement: Prepared, _by: string, organization_id: string, id: string): Promise<R[]> {
    return this.rows(statement, [organization_id, [id]]);
  }

  /** TypeORM on this transaction's connection, for its query builder. */
  get manager(): EntityManager {
    if (!this.made) {
      const runner = this.source.createQueryRunner();
      // To TypeORM the connection is there and its transaction runs: it takes no other one and begins none.
      Object.assign(runner, { databaseConnection: this.client, isTransactionActive: true, transactionDepth: 1 });
      this.made = runner.manager;
    }
    return this.made;
  }

  /** Runs once the transaction has committed, never when it rolled back: events, sockets, jobs. A failure is logged, not thrown. */
  afterCommit(effect: Effect): void {
    this.effects.push(effect);
  }

  /** Tells what happens in this transaction: to who listens in this process once it has committed, and to durable readers surely. */
  tell<K extends keyof Events>(name: K, payload: Events[K]): void {
    this.effects.push(() => this.events.emit(name, payload));
    if ('organization_id' in payload && this.keepers.facts?.isKept(name, payload.organization_id)) this.facts.push({ name, payload });
  }

  /** Says who (null: nobody of any organization) does what in this transaction, in one word whatever the door: kept in the audit log if it commits. */
  audit(actor: Actor | null, action: string, act: Act = {}): void {
    this.acts.push({ ...act, actor, action });
  }

  /** Says what its request is answered: kept with what it did, so that the same request again finds both or neither. */
  answer(answer: object): void {
    this.answered = answer;
  }

  /** Runs `work` so that its failure undoes it alone, with what it told, said and wanted done after the commit. */
  async attempt<R>(work: () => Promise<R>): Promise<R> {
    await this.rows('SAVEPOINT attempt');
    const [effects, facts, acts] = [this.effects.length, this.facts.length, this.acts.length];
    try {
      const result = await work();
      await this.rows('RELEASE SAVEPOINT attempt');
      return result;
    } catch (error) {
      this.effects.length = effects;
      this.facts.length = facts;
      this.acts.length = acts;
      await ask(this.client, 'ROLLBACK TO SAVEPOINT attempt; RELEASE SAVEPOINT attempt');
      this.failure = undefined;
      throw error;
    }
  }

  /** Ends it; answers what is to be done now that it has committed. */
  async commit(): Promise<Effect[]> {
    const { facts, acts, answers } = this.keepers;
    if (this.answered) await answers?.keep(this, this.answered);
    if (this.facts.length && facts) this.effects.push(facts.keep(this, this.facts));
    if (this.acts.length && acts) this.effects.push(acts.keep(this, this.acts));
    // After a failure that somebody swallowed PostgreSQL answers a COMMIT by rolling back.
    const { command } = await ask(this.client, 'COMMIT');
    if (command !== 'COMMIT') {
      await Promise.allSettled(this.sent);
      throw this.failure ?? new Error('The transaction was rolled back.');
    }
    return this.effects;
  }
}

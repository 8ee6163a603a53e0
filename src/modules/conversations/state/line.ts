import type { Tx } from '#database/database';

/*
 * Which queue a conversation waits in is decided upstairs, by the queues' room; that it waits there is written here (`queueing.ts`). The room says at
 * its import how it decides, as plain work over the transaction.
 */

/** A conversation that somebody is to answer, and what speaks for a place. */
export interface Wish {
  organization_id: string;
  conversation_id: string;
  is_vip: boolean;
  /** What a person asked for; null: the number, the contact and the past decide. */
  named: { queue_id?: string | null; department_id?: string | null } | null;
  whatsapp_number_id: string | null;
  /** Where it waited before. */
  last_queue_id: string | null;
}

/** A full queue it was sent on from. */
export interface Hop {
  original_queue_id: string;
  overflow_queue_id: string;
  overflowed_at: string;
}

export interface Place {
  /** null: nobody is called, it is the department's without a queue. */
  queue_id: string | null;
  department_id: string;
  queue_priority: number;
  sla_minutes: number | null;
  /** By the hours of the queue; null: it has no SLA, or does not open within a year. */
  sla_ends_at: Date | null;
  overflow: Hop[];
}

/**
 * A place for each, in order; null: there is none.
 * @throws {NotFound} What is named is not in the organization. @throws {Invalid} What is named takes none.
 */
type ChoosePlaces = (tx: Tx, wishes: readonly Wish[]) => Promise<(Place | null)[]>;

let chooser: ChoosePlaces = (_tx, wishes) => Promise.resolve(wishes.map(() => null));

export function declareLine(choose: ChoosePlaces): void {
  chooser = choose;
}

export const choosePlaces: ChoosePlaces = (tx, wishes) => (wishes.length ? chooser(tx, wishes) : Promise.resolve([]));

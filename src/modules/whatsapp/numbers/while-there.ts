import { Actor } from '#common/actor';
import { Conflict, NotFound } from '#common/errors';
import type { Sql } from '#database/sql';
import { isAtWork } from '#modules/organizations/at-work';

/** What jobs say of a number. */
export interface OneNumber {
  organization_id: string;
  whatsapp_number_id: string;
}

/** Background work on a number, unless its organization is not at work, or the number is gone or cannot by now: the next round comes back to it. */
export async function whileThere(
  sql: Sql,
  { organization_id, whatsapp_number_id }: OneNumber,
  work: (actor: Actor, id: string) => Promise<unknown>,
): Promise<void> {
  if (!(await isAtWork(sql, organization_id))) return;
  await work(Actor.system(organization_id), whatsapp_number_id).catch((error: unknown) => {
    if (!(error instanceof NotFound || error instanceof Conflict)) throw error;
  });
}

import { matchKey } from '#common/phone';
import type { PersonIds } from '../parsed-change';
import { hasIds, personIds } from './person-ids';
import { asList, asName, asObject, isObject } from '../wire';

/** Somebody a webhook names. */
export interface KnownContact {
  ids: PersonIds;
  profile_name: string | null;
  username: string | null;
}

/** The `contacts[]` of one value, found by any of their ids without looking through all of them: a body may hold thousands. */
export class KnownContacts {
  private readonly list: unknown[];
  private cards: KnownContact[] | undefined;
  private readonly first = new Map<string, number>();

  constructor(list: unknown) {
    this.list = asList(list);
  }

  /**
   * The person an item is about: its own ids, completed by the card that shares one of them. Position proves nothing; only a lone message
   * beside a lone card may be paired, when one of the two has no id to contradict.
   */
  personOf(own: PersonIds, alone: boolean): KnownContact {
    const cards = (this.cards ??= this.readCards());
    const lone = alone && cards.length === 1 && !(hasIds(own) && hasIds(cards[0].ids));
    const at = lone ? 0 : Math.min(...keysOf(own, own.bsuid !== undefined).map((key) => this.first.get(key) ?? Infinity));
    if (at === Infinity) return { ids: own, profile_name: null, username: null };
    const { ids, profile_name, username } = cards[at];
    return { ids: { ...ids, ...own }, profile_name, username };
  }

  private readCards(): KnownContact[] {
    const cards: KnownContact[] = [];
    for (const item of this.list) {
      if (!isObject(item)) continue;
      const profile = asObject(item.profile);
      const ids = personIds(item.wa_id, item.user_id, item.parent_user_id);
      for (const key of ids.bsuid === undefined ? [...keysOf(ids, false), ...keysOf(ids, true)] : keysOf(ids, false))
        if (!this.first.has(key)) this.first.set(key, cards.length);
      cards.push({ ids, profile_name: asName(profile?.name, 255), username: asName(profile?.username, 64) });
    }
    return cards;
  }
}

/** Two BSUIDs decide by themselves; who has one is else found only among those who have none (`strangers`). */
function keysOf({ bsuid, parent_bsuid, phone }: PersonIds, strangers: boolean): string[] {
  const among = strangers ? 'unnamed ' : '';
  const keys: string[] = [];
  if (bsuid !== undefined) keys.push(`id ${bsuid}`);
  if (parent_bsuid !== undefined) keys.push(`${among}parent ${parent_bsuid}`);
  if (phone !== undefined) keys.push(`${among}phone ${matchKey(phone)}`);
  return keys;
}

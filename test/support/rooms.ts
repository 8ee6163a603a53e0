import { globSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Role } from '#common/actor';
import type { Act } from './acts';
import type { Company, World } from './world';

/** One id of each noun of an organization. */
export type Belongings = Record<string, string> & {
  /** A customer with an open window and no open conversation. */
  idle_contact: string;
  /** A conversation that has lost its number. */
  numberless: string;
  phone: string;
};

/** What the sweeps over all routes, ids and acts know of a room: one file for each in test/rooms. */
export interface RoomFacts {
  /** The least role of every route; read by a second pair of eyes. */
  roles: Partial<Record<`${Role}` | 'public', string[]>>;
  /** Whose id a path, query or body field takes. */
  ids?: Record<string, string>;
  /** Fields that sound like ids of rows and are none. */
  no_ids?: Record<string, string>;
  /** Ids no row is looked up by, with the reason. */
  not_looked_up?: Record<string, string>;
  /** Bodies the routes take, with ids of `own`. */
  bodies?: (own: Belongings) => Record<string, Record<string, unknown>>;
  /** Rows an organization has of the room, beside those of a working day (tenant-wall.spec). */
  belongings?: (w: World, company: Company) => Promise<Record<string, string>>;
  /** Every act there is, at one door or two. */
  acts?: Act[];
}

const root = join(__dirname, '..', 'rooms');
const requireFile = createRequire(__filename);

export const ROOMS: RoomFacts[] = globSync('*.js', { cwd: root })
  .sort()
  .map((file) => (requireFile(join(root, file)) as { facts: RoomFacts }).facts);

export const ACTS: Act[] = ROOMS.flatMap(({ acts = [] }) => acts);

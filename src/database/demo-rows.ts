import type { INestApplicationContext } from '@nestjs/common';
import type { Actor } from '#common/actor';
import type { Database, Tx } from './database';

/** The demo organization while it is furnished. */
export interface DemoStage {
  app: INestApplicationContext;
  database: Database;
  tx: Tx;
  actor: Actor;
  /** The id of a row that the documents' examples name. */
  id: (named: string) => string;
}

type Furnish = (stage: DemoStage) => Promise<void>;

const ROOMS: Furnish[] = [];

/** What a room adds to the demo organization, in its `*.demo.ts`: rows of the ids that `@Room` names. WhatsApp's number is there before. */
export function declareDemo(furnish: Furnish): void {
  ROOMS.push(furnish);
}

export const demoRooms = (): readonly Furnish[] => ROOMS;

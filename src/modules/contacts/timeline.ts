import type { PermissionResource } from '#common/permissions';

/** A kind of entry in a contact's timeline, as the room declares it whose rows they are. */
interface TimelineKind {
  /** Who may not read this sees nothing of it. */
  resource: PermissionResource;
  /** SQL: the entries of contact $2 in organization $1 as `id` (text, like no other entry's), `action`, `occurred_at`, `user_id`, `data` (jsonb). */
  rows: string;
}

const KINDS = new Map<string, TimelineKind>();

/** Says at its import what of a room's rows happened with a contact: rooms upstairs may not be called from here. */
export function declareTimeline(type: string, kind: TimelineKind): void {
  if (KINDS.has(type)) throw new Error(`The timeline has a kind ${type} already`);
  KINDS.set(type, kind);
}

export const timelineKinds = (): ReadonlyMap<string, TimelineKind> => KINDS;

import { ApiExtension, ApiTags } from '@nestjs/swagger';

interface RoomText {
  about: string;
  /** Ids of demo rows by the name of the parameter or field that takes them; examples name them. */
  ids: Record<string, string>;
}

const ROOMS = new Map<string, RoomText>();

/** The part of the OpenAPI document a controller belongs to; one of a room's controllers says what it is about. */
export function Room(name: string, about?: string, ids: Record<string, string> = {}): ClassDecorator {
  if (about) ROOMS.set(name, { about, ids });
  return ApiTags(name);
}

export const roomTags = (): { name: string; description: string }[] =>
  [...ROOMS].map(([name, { about }]) => ({ name, description: about })).sort((a, b) => (a.name < b.name ? -1 : 1));

/** The demo row a parameter or field names by its id. */
export const demoIds = (): Record<string, string> =>
  Object.assign({}, ...[...ROOMS.values()].map(({ ids }) => ids)) as Record<string, string>;

export const BODIES = 'x-bodies';

/** Bodies the route takes as they stand in the embedded demo, by what they show; the first one is what "Try it out" begins with. */
export const Bodies = (bodies: Record<string, object>): MethodDecorator => ApiExtension(BODIES, bodies);

/**
 * Events of the rooms, by name; each `*.events.ts` adds its own by declaration merging:
 * `declare module '#common/events' { interface Events { 'contact.created': ContactCreated } }`
 */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type
export interface Events {}

declare module '#common/events' {
  interface Events {
    /** Files wait to be fetched from the provider. */
    'media.waiting': { organization_id: string; media_ids: string[] };
  }
}

export {};

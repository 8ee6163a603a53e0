declare module '#common/events' {
  interface Events {
    /** The files of an organization have come to take 80 % of what its plan allows. */
    'media.quota_warning': { organization_id: string; used_bytes: number; max_bytes: number };
  }
}

export {};

declare module '#common/events' {
  interface Events {
    /** Profile, plan or settings changed. */
    'organization.updated': { organization_id: string };
  }
}

export {};

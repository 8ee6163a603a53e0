/** Roles, most powerful first. Everything is scoped to the actor's organization, super_admin routes aside. */
export enum Role {
  super_admin = 'super_admin',
  org_admin = 'org_admin',
  agent = 'agent',
  viewer = 'viewer',
}

const RANK: Record<Role, number> = { super_admin: 3, org_admin: 2, agent: 1, viewer: 0 };

/** True when `role` may do what `least` may do. */
export const atLeast = (role: Role, least: Role): boolean => RANK[role] >= RANK[least];

/** Who acts, in which organization. Every service takes one first: HTTP, GraphQL, sockets and jobs each make theirs. */
export class Actor {
  constructor(
    readonly organization_id: string,
    readonly role: Role,
    /** null: no person acts, but an API key or the system (a job, a provider's webhook). */
    readonly user_id: string | null = null,
    readonly session_id: string | null = null,
    /** As customers and the team see who acts; null: nobody of this organization. */
    readonly name: string | null = null,
    /** An API key acts, in nobody's name. */
    readonly api_key_id: string | null = null,
    /** Where a super admin is at home who acts in another organization; null: here. */
    readonly home_organization_id: string | null = null,
    /** What they may, where that is less than their role; null: the role alone decides. */
    readonly permissions: readonly string[] | null = null,
  ) {}

  /** A job or a provider's webhook, inside one organization. */
  static system(organization_id: string): Actor {
    return new Actor(organization_id, Role.org_admin);
  }

  /** The same person, in another organization: nobody of its team. */
  within(organization_id: string): Actor {
    const home = this.home_organization_id ?? this.organization_id;
    const away = organization_id === home ? null : home;
    return new Actor(organization_id, this.role, this.user_id, this.session_id, null, null, away, this.permissions);
  }

  /** The same person in their own organization, where their own account is. */
  get atHome(): Actor {
    return this.home_organization_id === null ? this : this.within(this.home_organization_id);
  }

  /** A job or a provider's webhook acts: nobody who came through a door. */
  get isSystem(): boolean {
    return this.user_id === null && this.api_key_id === null;
  }

  /** Who acts, where they are one of the organization's team: its rows can refer to no others. */
  get member_id(): string | null {
    return this.home_organization_id === null ? this.user_id : null;
  }

  may(least: Role): boolean {
    return atLeast(this.role, least);
  }
}

import { Injectable } from '@nestjs/common';
import type { Actor, Role } from '#common/actor';
import type { Tx } from '#database/database';
import type { Organization } from './organization.entity';

/** What happens to an organization that others must follow. */
export type Step = 'activated' | 'deactivated' | 'suspended' | 'deleted' | 'restored' | 'trial_ended' | 'subscription_ended';

/** The first administrator of an organization that a super admin makes. */
export interface Founder {
  email: string;
  full_name: string;
  /** Without one the administrator is invited. */
  password: string | null;
  /** As the organization asks for. */
  password_min_length: number;
}

/** Somebody who does not come back with their organization: an account elsewhere has their e-mail by now. */
export interface LeftOut {
  id: string;
  email: string;
  full_name: string;
  role: Role;
}

/** A limit of a plan that comes near (80) or is reached (100). */
export interface NearLimit {
  resource: string;
  percent: number;
  used: number;
  max: number;
}

/** What a room does as an organization lives; in the transaction of what happens, if not said otherwise. */
export interface Follower {
  /** deleted and restored: `deleted_at` is when it was deleted. */
  stepped?(tx: Tx, organization: Organization, step: Step): Promise<void>;
  /** It is restored, before that is `stepped`: its people come back; answers who does not. @throws {Conflict} Nobody would administer it any more. */
  returning?(tx: Tx, organization: Organization): Promise<LeftOut[]>;
  /** Its trial ends in some days: administrators are to hear of it. */
  trialEnding?(tx: Tx, organization: Organization): Promise<void>;
  /** Administrators are to hear of it. */
  nearLimit?(tx: Tx, organization: Organization, limit: NearLimit): Promise<void>;
  /** Looks at who is to be the first administrator, before the transaction; answers what makes them in it, for who acts in the new organization. */
  founder?(founder: Founder): Promise<(tx: Tx, actor: Actor) => Promise<void>>;
  /** Before it is erased: whether something of it at others is still to be given up, which its rows are needed for. It is asked again at the next round. */
  holds?(organization: Pick<Organization, 'id' | 'deleted_at'>): Promise<boolean>;
  /** Its rows are gone for good: what is kept of it beside the tables goes too. May be told twice. */
  erased?(organization_id: string): Promise<void>;
}

/**
 * Rooms upstairs that follow an organization's life. An event would come after the commit, and a crash in between would leave its users or numbers
 * behind: so they say here what to do.
 */
@Injectable()
export class Followers {
  private readonly all: Follower[] = [];

  /** From a constructor. */
  add(follower: Follower): void {
    this.all.push(follower);
  }

  async stepped(tx: Tx, organization: Organization, step: Step): Promise<void> {
    for (const follower of this.all) await follower.stepped?.(tx, organization, step);
  }

  async returning(tx: Tx, organization: Organization): Promise<LeftOut[]> {
    const left: LeftOut[] = [];
    for (const follower of this.all) left.push(...((await follower.returning?.(tx, organization)) ?? []));
    return left;
  }

  async trialEnding(tx: Tx, organization: Organization): Promise<void> {
    for (const follower of this.all) await follower.trialEnding?.(tx, organization);
  }

  async nearLimit(tx: Tx, organization: Organization, limit: NearLimit): Promise<void> {
    for (const follower of this.all) await follower.nearLimit?.(tx, organization, limit);
  }

  async founder(founder: Founder): Promise<(tx: Tx, actor: Actor) => Promise<void>> {
    const makers = await Promise.all(this.all.flatMap((follower) => (follower.founder ? [follower.founder(founder)] : [])));
    return async (tx, actor) => {
      for (const make of makers) await make(tx, actor);
    };
  }

  async holds(organization: Pick<Organization, 'id' | 'deleted_at'>): Promise<boolean> {
    for (const follower of this.all) if (await follower.holds?.(organization)) return true;
    return false;
  }

  async erased(organization_id: string): Promise<void> {
    for (const follower of this.all) await follower.erased?.(organization_id);
  }
}

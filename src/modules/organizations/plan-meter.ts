import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { Bounded } from '#common/bounded';
import { Forbidden } from '#common/errors';
import { EventBus } from '#common/events';
import type { Tx } from '#database/database';
import { OrganizationsService } from './organizations.service';
import type { PlanResource } from './plan-resources';

/** What is known of a count: nothing is counted until then. */
interface Known {
  until: number;
  /** There is no room. */
  refusal?: Forbidden;
}

/** More than an organization can make in a second, in all processes together. */
const MOST_PER_SECOND = 1000;
const KNOWN_MS = 10_000;
const REFUSED_MS = 2000;
/** With less room than this each is counted, one after the other. */
const EXACT = 100;

/**
 * Room in a plan for what is made by the thousand. A count is good for as long as the room it found cannot have been used up since, so far from the
 * limit nobody counts and nobody waits; near it, everybody does.
 */
@Injectable()
export class PlanMeter {
  private readonly known = new Bounded<string, Known>({ count: 10_000 });

  constructor(
    private readonly organizations: OrganizationsService,
    events: EventBus,
  ) {
    events.on('organization.updated', ({ organization_id }) => {
      for (const key of this.known.keys()) if (key.startsWith(organization_id)) this.known.delete(key);
    });
  }

  /** Room for one more of `resource`, which is written in `tx` after this. @throws {Forbidden} `plan_limit_exceeded`. */
  async take(tx: Tx, actor: Actor, resource: PlanResource): Promise<void> {
    const key = `${actor.organization_id} ${resource}`;
    const known = this.known.get(key);
    if (known && known.until > Date.now()) {
      if (known.refusal) throw known.refusal;
      return;
    }
    const left = await this.organizations.roomFor(actor, resource, tx);
    if (left > EXACT) {
      this.known.set(key, { until: Date.now() + Math.min(KNOWN_MS, (left / MOST_PER_SECOND) * 1000) });
      return;
    }
    try {
      await this.organizations.assertWithinPlan(actor, resource, undefined, tx);
    } catch (refusal) {
      if (refusal instanceof Forbidden) this.known.set(key, { until: Date.now() + REFUSED_MS, refusal });
      throw refusal;
    }
  }
}

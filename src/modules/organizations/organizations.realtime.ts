import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Actor } from '#common/actor';
import { NotFound } from '#common/errors';
import { EventBus } from '#common/events';
import { RealtimeHub } from '#realtime/realtime.hub';
import { OrganizationStatus } from './organization.entity';
import { OrganizationsService } from './organizations.service';

/** What the sockets hear of their organization. */
@Injectable()
export class OrganizationsRealtime implements OnModuleInit {
  constructor(
    private readonly events: EventBus,
    private readonly hub: RealtimeHub,
    private readonly organizations: OrganizationsService,
  ) {}

  onModuleInit(): void {
    this.events.on('organization.updated', ({ organization_id }) => this.publish(organization_id));
  }

  private async publish(organization_id: string): Promise<void> {
    if (!this.hub.mayBeHeard(organization_id)) return;
    try {
      const organization = await this.organizations.summary(Actor.system(organization_id));
      const { id, name, slug, status, plan_type, is_trial, trial_ends_at } = organization;
      const is_active = status === OrganizationStatus.active;
      this.hub.publish({
        organization_id,
        event: 'organization:updated',
        data: { id, name, slug, status, is_active, plan_type, is_trial, trial_ends_at },
      });
    } catch (error) {
      // Deleted: nobody of it listens any more.
      if (!(error instanceof NotFound)) throw error;
    }
  }
}

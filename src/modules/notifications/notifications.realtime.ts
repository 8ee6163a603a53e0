import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Actor, Role } from '#common/actor';
import { EventBus } from '#common/events';
import { Database } from '#database/database';
import { RealtimeHub } from '#realtime/realtime.hub';
import { goesBy } from './deliveries';
import { Channel } from './notice-types';
import { Notification } from './notification.entity';
import { NotificationsService, present } from './notifications.service';

/** Read and told at a time. */
const AT_ONCE = 100;

/** What the sockets of a user hear of their notifications. */
@Injectable()
export class NotificationsRealtime implements OnModuleInit {
  constructor(
    private readonly events: EventBus,
    private readonly hub: RealtimeHub,
    private readonly database: Database,
    private readonly notifications: NotificationsService,
  ) {}

  onModuleInit(): void {
    this.events.on('notification.created', ({ organization_id, notification_ids }) => this.told(organization_id, notification_ids));
    this.events.on('notification.read', ({ organization_id, user_id, notification_id }) =>
      this.read(organization_id, user_id, notification_id),
    );
  }

  private async told(organization_id: string, ids: readonly string[]): Promise<void> {
    if (!this.hub.mayBeHeard(organization_id)) return;
    for (let from = 0; from < ids.length; from += AT_ONCE) {
      const rows = await this.database.repository(Notification).many(Actor.system(organization_id), ids.slice(from, from + AT_ONCE));
      for (const row of rows)
        if (goesBy(row.deliveries, Channel.websocket))
          this.hub.publish({ organization_id, user_id: row.user_id, event: 'notification:new', data: present(row) });
    }
  }

  private async read(organization_id: string, user_id: string, id: string | null): Promise<void> {
    if (!this.hub.mayBeHeard(organization_id)) return;
    const unread_count = await this.notifications.unreadCount(new Actor(organization_id, Role.viewer, user_id));
    this.hub.publish({
      organization_id,
      user_id,
      event: 'notification:read',
      data: { ...(id ? { id } : { all: true }), unread_count },
    });
  }
}

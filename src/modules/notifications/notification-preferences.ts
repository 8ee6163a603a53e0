import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { Invalid } from '#common/errors';
import { given } from '#common/given';
import { newId } from '#common/uuid';
import { Database, type Tx } from '#database/database';
import { UsersService } from '#modules/users/users.service';
import type { NotificationPreferenceUpdate } from './notification.dto';
import { NotificationPreference } from './notification-preference.entity';

/** How users want to be told: always the caller's own. */
@Injectable()
export class NotificationPreferences {
  constructor(
    private readonly database: Database,
    private readonly users: UsersService,
  ) {}

  /** Made with its defaults when it is first asked for. */
  async get(actor: Actor): Promise<NotificationPreference> {
    const own = await this.users.home(actor);
    const known = await this.database
      .repository(NotificationPreference)
      .query(own, 'row')
      .andWhere('row.user_id = :user_id', { user_id: own.user_id })
      .getOne();
    return known ?? this.database.tx((tx) => this.lock(tx, own));
  }

  /** @throws {Invalid} Quiet hours without both times, or with one and the same. */
  async update(actor: Actor, input: NotificationPreferenceUpdate): Promise<NotificationPreference> {
    const own = await this.users.home(actor);
    return this.database.tx(async (tx) => {
      const before = await this.lock(tx, own);
      const after = { ...before, ...given(input) };
      assertQuietHours(after);
      tx.audit(own, 'notification_preference.updated', { resource: { id: before.id }, before, after: input });
      return this.database.repository(NotificationPreference, tx).patch(own, before.id, input);
    });
  }

  private async lock(tx: Tx, actor: Actor): Promise<NotificationPreference> {
    const [{ id }] = await tx.rows<{ id: string }>(
      `INSERT INTO notification_preferences (organization_id, id, user_id) VALUES ($1, $2, $3)
       ON CONFLICT (organization_id, user_id) DO UPDATE SET user_id = excluded.user_id RETURNING id`,
      [actor.organization_id, newId(), actor.user_id],
    );
    return this.database.repository(NotificationPreference, tx).lock(actor, id);
  }
}

function assertQuietHours({ quiet_hours_enabled, quiet_hours_start: start, quiet_hours_end: end }: NotificationPreference): void {
  if (!quiet_hours_enabled) return;
  for (const [name, time] of Object.entries({ quiet_hours_start: start, quiet_hours_end: end }))
    if (!time) throw Invalid.field(name, `quiet hours need ${name}`, undefined, 'missing');
  if (start === end) throw Invalid.field('quiet_hours_end', 'quiet hours end at another time than they start');
}

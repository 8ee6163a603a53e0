import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Actor, Role } from '#common/actor';
import { Forbidden } from '#common/errors';
import { EventBus } from '#common/events';
import { Database } from '#database/database';
import { RealtimeHub } from '#realtime/realtime.hub';
import { type PresenceChange, RealtimeRooms } from '#realtime/realtime.rooms';
import { AgentStatus, User } from './user.entity';
import { UsersService } from './users.service';

/** Who is there: what the sockets see is written down and told (contract 10, 4, Presence). */
@Injectable()
export class UsersPresence implements OnModuleInit {
  constructor(
    private readonly database: Database,
    private readonly users: UsersService,
    private readonly rooms: RealtimeRooms,
    private readonly hub: RealtimeHub,
    private readonly events: EventBus,
  ) {}

  onModuleInit(): void {
    this.rooms.onPresence({ changed: (change) => this.changed(change), reconcile: (online) => this.reconcile(online) });
    this.rooms.onAgentStatus(async (actor, status) => {
      if (!actor.may(Role.agent)) throw new Forbidden();
      await this.users.updateMe(actor, { agent_status: AgentStatus[status] });
    });
    this.events.on('agent.status_changed', ({ organization_id, agent_id, agent_name, status, previous_status, is_online, at }) =>
      this.hub.publish({
        organization_id,
        event: 'agent:status',
        data: {
          agent_id,
          agent_name,
          status: is_online ? status : AgentStatus.offline,
          previous_status: is_online ? previous_status : AgentStatus.offline,
          is_online,
          at,
        },
      }),
    );
  }

  private async changed({ organization_id, user_id, is_online, at }: PresenceChange): Promise<void> {
    const users = this.database.repository(User);
    const actor = Actor.system(organization_id);
    const user = await users.find(actor, user_id);
    if (!user || user.is_online === is_online) return;
    const { full_name, agent_status } = await users.patch(actor, user_id, { is_online, last_seen_at: at });
    if (is_online) this.events.emit('agent.came', { organization_id, agent_id: user_id });
    this.hub.publish({
      organization_id,
      event: 'agent:status',
      data: {
        agent_id: user_id,
        agent_name: full_name,
        status: is_online ? agent_status : AgentStatus.offline,
        previous_status: is_online ? AgentStatus.offline : agent_status,
        is_online,
        at,
      },
    });
  }

  /** Over all organizations: who is said to be online and has no socket anywhere is not; a process that was killed could not say so. */
  private async reconcile(online_user_ids: string[]): Promise<void> {
    // Not who came while the list was on its way.
    await this.database.rows(
      `UPDATE users SET is_online = false
        WHERE is_online AND NOT (id = ANY($1::uuid[])) AND (last_seen_at IS NULL OR last_seen_at < now() - interval '10 seconds')`,
      [online_user_ids],
    );
  }
}

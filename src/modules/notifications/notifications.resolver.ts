import { Args, Int, Mutation, Query, Resolver } from '@nestjs/graphql';
import { Allow, Caller, OwnAccount, Resource } from '#access/decorators';
import { IdArg } from '#api/graphql-id';
import type { Actor } from '#common/actor';
import type { Page } from '#common/page.dto';
import { SuccessResponse } from '#common/success.dto';
import { MarkedCount, NotificationArgs, NotificationCreate, NotificationPreferenceUpdate } from './notification.dto';
import { Notification } from './notification.entity';
import { NotificationPreference } from './notification-preference.entity';
import { NotificationPreferences } from './notification-preferences';
import { NotificationsService } from './notifications.service';

@Resolver(() => Notification)
export class NotificationsResolver {
  constructor(
    private readonly notifications: NotificationsService,
    private readonly preferences: NotificationPreferences,
  ) {}

  @Query(() => Notification, { nullable: true, description: 'One of your notifications.' })
  @Allow('viewer')
  @OwnAccount()
  notification(@Caller() actor: Actor, @IdArg() id: string): Promise<Notification> {
    return this.notifications.get(actor, id);
  }

  @Query(() => [Notification], { name: 'notifications', description: 'A page of your notifications.' })
  @Allow('viewer')
  @OwnAccount()
  list(@Caller() actor: Actor, @Args() query: NotificationArgs): Promise<Page<Notification>> {
    return this.notifications.page(actor, query);
  }

  @Query(() => Int, { description: 'How many of your notifications you have not read; 10,000 stands for more.' })
  @Allow('viewer')
  @OwnAccount()
  unread_notifications_count(@Caller() actor: Actor): Promise<number> {
    return this.notifications.unreadCount(actor);
  }

  @Query(() => NotificationPreference, { description: 'How you want to be told.' })
  @Allow('viewer')
  @OwnAccount()
  notification_preferences(@Caller() actor: Actor): Promise<NotificationPreference> {
    return this.preferences.get(actor);
  }

  @Mutation(() => [Notification], { description: 'Tell people of the team something; answers the first hundred.' })
  @Allow('org_admin')
  @Resource('users')
  async sendNotification(@Caller() actor: Actor, @Args('input') input: NotificationCreate): Promise<Notification[]> {
    return (await this.notifications.send(actor, input)).items;
  }

  @Mutation(() => Notification, { description: 'Mark one as read.' })
  @Allow('viewer')
  @OwnAccount()
  markNotificationRead(@Caller() actor: Actor, @IdArg() id: string): Promise<Notification> {
    return this.notifications.read(actor, id);
  }

  @Mutation(() => MarkedCount, { description: 'Mark all as read that are there now.' })
  @Allow('viewer')
  @OwnAccount()
  markAllNotificationsRead(@Caller() actor: Actor): Promise<MarkedCount> {
    return this.notifications.readAll(actor);
  }

  @Mutation(() => SuccessResponse, { description: 'Delete one of your notifications.' })
  @Allow('viewer')
  @OwnAccount()
  async deleteNotification(@Caller() actor: Actor, @IdArg() id: string): Promise<SuccessResponse> {
    await this.notifications.remove(actor, id);
    return { success: true, message: 'Notification deleted' };
  }

  @Mutation(() => NotificationPreference, { description: 'Change how you want to be told: absent keeps.' })
  @Allow('viewer')
  @OwnAccount()
  updateNotificationPreferences(
    @Caller() actor: Actor,
    @Args('input') input: NotificationPreferenceUpdate,
  ): Promise<NotificationPreference> {
    return this.preferences.update(actor, input);
  }
}

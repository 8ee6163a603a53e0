import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, Query } from '@nestjs/common';
import { Allow, Caller, OwnAccount, Resource } from '#access/decorators';
import { Uuid } from '#api/validation.pipe';
import type { Actor } from '#common/actor';
import { DEMO } from '#common/demo';
import { Bodies, Room } from '#common/room';
import {
  DeletedCount,
  DeletedFlag,
  MarkedCount,
  NotificationClear,
  NotificationCreate,
  NotificationPage,
  NotificationPreferenceUpdate,
  NotificationQuery,
  NotificationTest,
  UnreadCount,
} from './notification.dto';
import { Notification } from './notification.entity';
import { NotificationPreference } from './notification-preference.entity';
import { NotificationPreferences } from './notification-preferences';
import { NotificationsService } from './notifications.service';

@Room('notifications', 'What you are told of, and how you want to be told.', { notification_id: DEMO.notification_id })
@Controller('notifications')
export class NotificationsController {
  constructor(
    private readonly notifications: NotificationsService,
    private readonly preferences: NotificationPreferences,
  ) {}

  /** Your notifications. `search` looks in title and message of the 10,000 newest. */
  @Get()
  @Allow('viewer')
  @OwnAccount()
  page(@Caller() actor: Actor, @Query() query: NotificationQuery): Promise<NotificationPage> {
    return this.notifications.page(actor, query);
  }

  /**
   * Tell people of the team something: those named, everybody of a role, or a department. Answers the first hundred of what came of it; whoever wants none
   * of the channels gets none.
   * @throws {404} A user, the department, or the contact of `data.contact_id` is not in this organization.
   */
  @Post()
  @Allow('org_admin')
  @Resource('users')
  @Bodies({
    'to one agent': { user_ids: [DEMO.user_id], title: 'Reunião às 15h', message: 'Na sala da frente. Traga os pedidos de amanhã.' },
    'to all agents, by mail too': {
      role: 'agent',
      title: 'Horário de domingo',
      message: 'Neste domingo abrimos às 9h.',
      priority: 'high',
      channels: ['in_app', 'websocket', 'email'],
    },
  })
  send(@Caller() actor: Actor, @Body() input: NotificationCreate): Promise<NotificationPage> {
    return this.notifications.send(actor, input);
  }

  /** Delete the notifications you have read, or with `is_read=false` those you have not. */
  @Delete()
  @Allow('viewer')
  @OwnAccount()
  async clear(@Caller() actor: Actor, @Query() query: NotificationClear): Promise<DeletedCount> {
    return { deleted: await this.notifications.clear(actor, query) };
  }

  /** How you want to be told. */
  @Get('preferences')
  @Allow('viewer')
  @OwnAccount()
  getPreferences(@Caller() actor: Actor): Promise<NotificationPreference> {
    return this.preferences.get(actor);
  }

  /**
   * Change how you want to be told: absent keeps. `types` replaces what was said of types before.
   * @throws {422} Also quiet hours without both times, or with one and the same.
   */
  @Put('preferences')
  @Allow('viewer')
  @OwnAccount()
  @Bodies({
    'no mails at night': { quiet_hours_enabled: true, quiet_hours_start: '22:00', quiet_hours_end: '07:00' },
    'no mail for each conversation': { types: { conversation_assigned: { email: false } } },
  })
  updatePreferences(@Caller() actor: Actor, @Body() input: NotificationPreferenceUpdate): Promise<NotificationPreference> {
    return this.preferences.update(actor, input);
  }

  /** How many you have not read. */
  @Get('unread-count')
  @Allow('viewer')
  @OwnAccount()
  async unreadCount(@Caller() actor: Actor): Promise<UnreadCount> {
    return { unread_count: await this.notifications.unreadCount(actor) };
  }

  /** Mark all as read that are there now. */
  @Post('read-all')
  @HttpCode(200)
  @Allow('viewer')
  @OwnAccount()
  readAll(@Caller() actor: Actor): Promise<MarkedCount> {
    return this.notifications.readAll(actor);
  }

  /**
   * Send yourself a test on one channel; its delivery says what became of it.
   * @throws {403} Another address is an administrator's to name (`insufficient_role`).
   * @throws {429} More than ten test mails within an hour (`rate_limit_exceeded`).
   */
  @Post('test')
  @HttpCode(200)
  @Allow('viewer')
  @OwnAccount()
  @Bodies({ 'by mail': {}, 'in the app': { channel: 'in_app' } })
  test(@Caller() actor: Actor, @Body() input: NotificationTest): Promise<Notification> {
    return this.notifications.test(actor, input);
  }

  /** Get one of your notifications. */
  @Get(':notification_id')
  @Allow('viewer')
  @OwnAccount()
  get(@Caller() actor: Actor, @Param('notification_id', Uuid) id: string): Promise<Notification> {
    return this.notifications.get(actor, id);
  }

  /** Mark one as read; there is no way back. */
  @Post(':notification_id/read')
  @HttpCode(200)
  @Allow('viewer')
  @OwnAccount()
  read(@Caller() actor: Actor, @Param('notification_id', Uuid) id: string): Promise<Notification> {
    return this.notifications.read(actor, id);
  }

  /** Delete one of your notifications. */
  @Delete(':notification_id')
  @Allow('viewer')
  @OwnAccount()
  async remove(@Caller() actor: Actor, @Param('notification_id', Uuid) id: string): Promise<DeletedFlag> {
    await this.notifications.remove(actor, id);
    return { deleted: true };
  }
}

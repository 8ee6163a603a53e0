import { Injectable } from '@nestjs/common';
import type { SelectQueryBuilder } from 'typeorm';
import { type Actor, Role } from '#common/actor';
import { Forbidden, Invalid, NotFound, TooMany } from '#common/errors';
import { type Page, toPage } from '#common/page.dto';
import { Database, type Tx } from '#database/database';
import { narrowPeriod } from '#database/narrow-period';
import { OrganizationsService } from '#modules/organizations/organizations.service';
import { UsersService } from '#modules/users/users.service';
import { CUSTOM, Channel, TEST } from './notice-types';
import { Notices } from './notices';
import {
  type MarkedCount,
  type NotificationClear,
  type NotificationCreate,
  NotificationFilter,
  type NotificationQuery,
  type NotificationTest,
} from './notification.dto';
import { DeliveryStatus, Notification, NotificationStatus } from './notification.entity';

const SORT: (keyof Notification)[] = ['created_at', 'updated_at', 'read_at', 'is_read', 'type', 'priority', 'title'];

/** What is counted of the unread; above it there are more. */
const COUNT_MAX = 10_000;
/** Rows of one statement. */
const BATCH = 2000;
/** The newest of a user's, in which words are looked for: no index has them. */
const SEARCHED_MAX = 10_000;
/** Of a notification to many; the rest is counted. */
const SHOWN_MAX = 100;
/** Mails that an administrator may send anywhere. */
const TESTS_PER_HOUR = 10;

/** SQL of a jsonb constant: as the partial indexes say it, a parameter would not be known to match. */
const withDelivery = (alias: string, like: { channel: Channel } | { status: DeliveryStatus }): string => {
  const [[key, value]] = Object.entries(like);
  return `${alias}.deliveries @> '[{"${key}": "${value}"}]'`;
};

/** SQL: before it nothing is looked for; the parameters are those of the list. */
const SEARCHED_FROM = `coalesce((SELECT n.created_at FROM notifications n WHERE n.organization_id = :organization_id AND n.user_id = :filter_user_id
    AND n.is_listed ORDER BY n.created_at DESC OFFSET ${SEARCHED_MAX} LIMIT 1), '-infinity')`;

/** What the caller was told: always their own, in their own organization. */
@Injectable()
export class NotificationsService {
  constructor(
    private readonly database: Database,
    private readonly organizations: OrganizationsService,
    private readonly users: UsersService,
    private readonly notices: Notices,
  ) {}

  async page(actor: Actor, query: NotificationQuery): Promise<Page<Notification>> {
    const own = await this.users.home(actor);
    const period = await this.organizations.period(own, query.start_date, query.end_date);
    const page = await this.database.repository(Notification).page(own, query, {
      search: ['title', 'message'],
      sort: SORT,
      filter: { user_id: own.user_id, type: query.type, is_read: query.is_read },
      refine: (rows) => {
        rows.andWhere(`${rows.alias}.is_listed`);
        narrowStatus(rows as unknown as SelectQueryBuilder<Notification>, query);
        narrowPeriod(rows, `${rows.alias}.created_at`, period);
        if (query.search) rows.andWhere(`${rows.alias}.created_at > ${SEARCHED_FROM}`);
      },
    });
    return { ...page, items: page.items.map(present) };
  }

  async get(actor: Actor, id: string): Promise<Notification> {
    const own = await this.users.home(actor);
    return present(visible(own, await this.database.repository(Notification).find(own, id)));
  }

  /** Up to 10,000. */
  async unreadCount(actor: Actor): Promise<number> {
    const { organization_id, user_id } = await this.users.home(actor);
    const [{ count }] = await this.database.rows<{ count: number }>(
      `SELECT count(*)::int AS count FROM (SELECT FROM notifications
         WHERE organization_id = $1 AND user_id = $2 AND is_listed AND NOT is_read LIMIT ${COUNT_MAX}) unread`,
      [organization_id, user_id],
    );
    return count;
  }

  async read(actor: Actor, id: string): Promise<Notification> {
    const own = await this.users.home(actor);
    return this.database.tx(async (tx) => {
      const notifications = this.database.repository(Notification, tx);
      const before = visible(own, await notifications.lock(own, id));
      tx.audit(own, 'notification.read', { resource: { id }, before, after: { is_read: true } });
      if (before.is_read) return present(before);
      const read = await notifications.patch(own, id, { is_read: true, read_at: new Date() });
      tellRead(tx, own, id);
      return present(read);
    });
  }

  /** Of those that are there now; what comes meanwhile stays unread. */
  async readAll(actor: Actor): Promise<MarkedCount> {
    const own = await this.users.home(actor);
    const marked_as_read = await this.inBatches(
      (some) => `UPDATE notifications SET is_read = true, read_at = now(), updated_at = now() WHERE organization_id = $1 AND ${some}`,
      own,
      false,
    );
    await this.database.tx((tx) => {
      tx.audit(own, 'notification.all_read', {
        resource_type: 'user',
        resource: { id: own.user_id },
        before: { unread: marked_as_read },
        after: { unread: 0 },
        metadata: { marked_as_read },
      });
      if (marked_as_read) tellRead(tx, own, null);
      return Promise.resolve();
    });
    return { marked_as_read };
  }

  async remove(actor: Actor, id: string): Promise<void> {
    const own = await this.users.home(actor);
    await this.database.tx(async (tx) => {
      const notifications = this.database.repository(Notification, tx);
      const before = visible(own, await notifications.lock(own, id));
      await notifications.remove(own, id);
      tx.audit(own, 'notification.deleted', { resource: { id }, before: told(before) });
      if (!before.is_read) tellRead(tx, own, id);
    });
  }

  /** Those the caller has read, or those they have not. Answers how many. */
  async clear(actor: Actor, { is_read = true }: NotificationClear): Promise<number> {
    const own = await this.users.home(actor);
    const deleted = await this.inBatches((some) => `DELETE FROM notifications WHERE organization_id = $1 AND ${some}`, own, is_read);
    await this.database.tx((tx) => {
      tx.audit(own, 'notification.cleared', {
        resource_type: 'user',
        resource: { id: own.user_id },
        before: { [is_read ? 'read' : 'unread']: deleted },
        after: { [is_read ? 'read' : 'unread']: 0 },
        metadata: { is_read, deleted },
      });
      if (deleted && !is_read) tellRead(tx, own, null);
      return Promise.resolve();
    });
    return deleted;
  }

  /** Does something to all of a user's that are there now and read, or not: to so many at a time that no lock is held for long. Answers to how many. */
  private async inBatches(act: (some: string) => string, { organization_id, user_id }: Actor, is_read: boolean): Promise<number> {
    // Created until now, to the millisecond they are kept with; each part from where the last one ended, past none that are done.
    const [{ until }] = await this.database.rows<{ until: Date }>(`SELECT now() + interval '1 millisecond' AS until`);
    const some = `id IN (SELECT id FROM notifications
        WHERE organization_id = $1 AND user_id = $2 AND is_listed AND is_read = $3 AND created_at BETWEEN $5 AND $4 ORDER BY created_at, id LIMIT ${BATCH} FOR UPDATE)`;
    let all = 0;
    let from = new Date(0);
    for (let count = BATCH; count === BATCH; all += count)
      [{ count, from }] = await this.database.rows<{ count: number; from: Date }>(
        `WITH done AS (${act(some)} RETURNING created_at) SELECT count(*)::int AS count, max(created_at) AS "from" FROM done`,
        [organization_id, user_id, is_read, until, from],
      );
    return all;
  }

  /**
   * A word of an administrator to people of the team. Answers the first hundred of what came of it: who wants none of the channels gets none.
   * @throws {NotFound} A user or the department is not in this organization. @throws {Invalid} Not exactly one of user_ids, role and department_id.
   */
  async send(
    actor: Actor,
    { title, message, priority, data, action_url, channels, ...to }: NotificationCreate,
  ): Promise<Page<Notification>> {
    const { user_ids, role, department_id } = to;
    if ([user_ids, role, department_id].filter((audience) => audience != null).length !== 1)
      throw Invalid.field('user_ids', 'name exactly one of user_ids, role and department_id', undefined, 'missing');
    const { organization_id } = actor;
    return this.database.tx(async (tx) => {
      if (user_ids) await this.assertUsers(tx, actor, user_ids);
      const ids = await this.notices.tell(tx, {
        organization_id,
        user_ids: department_id ? await this.notices.membersOf(tx, actor, department_id) : user_ids,
        role,
        type: CUSTOM,
        title,
        message,
        ...(priority && { priority }),
        ...(data && { data }),
        action_url,
        channels,
      });
      tx.audit(actor, 'notification.sent', {
        ...(ids.length && { resource: { id: ids[0] } }),
        after: { type: CUSTOM, priority, channels, users: ids.length },
        metadata: { users: ids.length, ...(role && { role }), ...(department_id && { department_id }) },
      });
      const items = await this.database.repository(Notification, tx).many(actor, ids.slice(0, SHOWN_MAX));
      const limit = { limit: SHOWN_MAX };
      return toPage({ items: items.map(present), next_cursor: null }, { total: ids.length, is_estimate: false }, limit);
    });
  }

  /**
   * Tells the caller something on one channel; its delivery says what became of it.
   * @throws {Forbidden} Another address is an administrator's to name. @throws {TooMany} More than ten mails within an hour.
   */
  async test(actor: Actor, { channel = Channel.email, to_email }: NotificationTest): Promise<Notification> {
    const own = await this.users.home(actor);
    if (to_email && !own.may(Role.org_admin))
      throw new Forbidden('insufficient_role', 'Only administrators may have tests sent elsewhere.');
    const { organization_id, user_id } = own;
    return this.database.tx(async (tx) => {
      if (channel === Channel.email) await assertFewTests(tx, own);
      const [id] = await this.notices.tell(tx, {
        organization_id,
        user_ids: [user_id],
        type: TEST,
        title: { 'pt-BR': 'Notificação de teste', en: 'Test notification' },
        message: { 'pt-BR': 'Se você está lendo isto, este canal funciona.', en: 'If you are reading this, this channel works.' },
        channels: [channel],
        email_to: to_email,
        kept_anyway: true,
      });
      tx.audit(own, 'notification.tested', { resource: { id }, after: { type: TEST, channels: [channel] }, metadata: { channel } });
      return present(await this.database.repository(Notification, tx).get(own, id));
    });
  }

  private async assertUsers(tx: Tx, actor: Actor, user_ids: readonly string[]): Promise<void> {
    const [{ count }] = await tx.rows<{ count: number }>(
      'SELECT count(*)::int AS count FROM users WHERE organization_id = $1 AND id = ANY($2) AND deleted_at IS NULL',
      [actor.organization_id, user_ids],
    );
    if (count < new Set(user_ids.map((id) => id.toLowerCase())).size) throw new NotFound('User');
  }
}

/** Mails that may go anywhere have a limit of their own. @throws {TooMany} */
async function assertFewTests(tx: Tx, { organization_id, user_id }: Actor): Promise<void> {
  // One at a time.
  await tx.rows('SELECT FROM users WHERE organization_id = $1 AND id = $2 FOR NO KEY UPDATE', [organization_id, user_id]);
  const [first] = await tx.rows<{ created_at: Date } | undefined>(
    `SELECT created_at FROM notifications n WHERE organization_id = $1 AND user_id = $2 AND ${withDelivery('n', { channel: Channel.email })}
        AND type = $3 AND created_at > now() - interval '1 hour' ORDER BY created_at DESC OFFSET ${TESTS_PER_HOUR - 1} LIMIT 1`,
    [organization_id, user_id, TEST],
  );
  if (!first) return;
  const wait = Math.max(1, Math.ceil((first.created_at.getTime() + 3_600_000 - Date.now()) / 1000));
  throw new TooMany('rate_limit_exceeded', `At most ${TESTS_PER_HOUR} test mails an hour. Try again in ${wait} seconds.`, wait);
}

function narrowStatus(rows: SelectQueryBuilder<Notification>, { status, channel }: NotificationQuery): void {
  if (status === NotificationFilter.unread || status === NotificationFilter.read)
    rows.andWhere(`${rows.alias}.is_read = :read_now`, { read_now: status === NotificationFilter.read });
  else if (status) rows.andWhere(withDelivery(rows.alias, { status: DeliveryStatus[status] }));
  if (channel) rows.andWhere(withDelivery(rows.alias, { channel }));
}

/** Another user's is simply not there. @throws {NotFound} */
function visible(own: Actor, notification: Notification | null): Notification {
  if (notification?.user_id !== own.user_id) throw new NotFound('Notification');
  return notification;
}

/** A row as the API shows it. */
export function present(row: Notification): Notification {
  const { is_listed, about, contact_id, by_user_id, email_due_at, mail_id, ...shown } = row;
  return {
    ...shown,
    notification_type: row.type,
    subject: row.title,
    notification_metadata: row.data,
    status: row.is_read ? NotificationStatus.read : NotificationStatus.unread,
  };
}

/** What the audit log tells of one. */
const told = ({ type, priority, is_read }: Notification): Partial<Notification> => ({ type, priority, is_read });

function tellRead(tx: Tx, { organization_id, user_id }: Actor & { user_id: string }, notification_id: string | null): void {
  tx.tell('notification.read', { organization_id, user_id, notification_id });
}

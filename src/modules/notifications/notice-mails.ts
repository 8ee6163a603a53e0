import { Injectable } from '@nestjs/common';
import { isTimeZone } from '#common/fields';
import type { JsonObject } from '#common/json.scalar';
import { newId } from '#common/uuid';
import { Config } from '#config/config';
import { Database, type Tx } from '#database/database';
import { type DueRow, DueRows, inTurn } from '#database/due-rows';
import { Facts, type ReadFact } from '#events/facts';
import { Mails, type NewMail } from '#mail/mails';
import type { OrganizationSettings } from '#modules/organizations/organization.dto';
import { settingsOf } from '#modules/organizations/organization-settings';
import { changedDelivery, deliveryBy } from './deliveries';
import { Channel, typesAlwaysMailed } from './notice-types';
import { Notices } from './notices';
import { DeliveryStatus, type Notification, SkipReason } from './notification.entity';
import type { NotificationPreference } from './notification-preference.entity';
import { ALERT_MAIL, DIGEST_MAIL, NOTICE_MAIL } from './notifications.mails';
import { type QuietHours, digestAt, quietUntil } from './quiet-hours';

type DueNotice = Pick<Notification, 'id' | 'user_id' | 'type' | 'title' | 'message' | 'action_url' | 'deliveries' | 'created_at'> & {
  language: string | null;
  timezone: string | null;
  is_there: boolean;
  wishes: (QuietHours & Pick<NotificationPreference, 'max_emails_per_hour'>) | null;
  settings: JsonObject;
};

/** What is to become of a notice's mail: it is skipped, it waits, or it leaves as this mail. */
type Fate = { reason: SkipReason } | { until: Date } | { mail: typeof NOTICE_MAIL | typeof ALERT_MAIL | typeof DIGEST_MAIL };

/** What is decided of a notice's mail. */
interface Decision {
  id: string;
  mail_id?: string;
  email_due_at?: Date;
  reason?: SkipReason;
}

/** As the column of the preferences has it. */
const MAILS_PER_HOUR = 10;
const BATCH = 200;
/** Of a digest; how many more there are it says. */
const DIGEST_LINES = 20;
const DIGEST_MAX = 1000;
/** Advisory lock class: one process at a time decides on an organization's mails, so that no cap is counted twice at once. */
const DECIDING = 0x7079_6e6d;

/** Due times are the word of other clocks, those of the processes that told. */
const SLACK_SECONDS = 10;
const DUE = `email_due_at <= now() + interval '${SLACK_SECONDS} seconds'`;

const OVERDUE = inTurn(
  'SELECT organization_id FROM notifications WHERE email_due_at IS NOT NULL',
  `SELECT w.organization_id AS id
    WHERE EXISTS (SELECT FROM notifications WHERE organization_id = w.organization_id AND email_due_at < now() - interval '5 seconds')`,
);

const TAKE = `SELECT n.id, n.user_id, n.type, n.title, n.message, n.action_url, n.deliveries, n.created_at, u.language, u.timezone, o.settings,
        u.is_active AND u.deleted_at IS NULL AND o.status = 'active' AS is_there, to_jsonb(p) AS wishes
   FROM notifications n JOIN users u ON u.organization_id = n.organization_id AND u.id = n.user_id JOIN organizations o ON o.id = n.organization_id
   LEFT JOIN notification_preferences p ON p.organization_id = n.organization_id AND p.user_id = n.user_id
  WHERE n.organization_id = $1 AND n.${DUE} ORDER BY n.email_due_at, n.id LIMIT ${BATCH}`;

/** SQL: a row's deliveries with its mail skipped. */
const skipped = (reason: string): string => changedDelivery(Channel.email, `jsonb_build_object('status', 'skipped', 'reason', ${reason})`);

const SETTLE = `UPDATE notifications n
    SET email_due_at = t.email_due_at, mail_id = t.mail_id, updated_at = now(),
        deliveries = CASE WHEN t.reason IS NULL THEN n.deliveries ELSE ${skipped('t.reason')} END
   FROM json_to_recordset($2) AS t(id uuid, mail_id uuid, email_due_at timestamptz, reason text)
  WHERE n.organization_id = $1 AND n.id = t.id`;

/** All of a user's that waits for the digest, whether or not it was in the batch. */
const DIGEST = `SELECT id, title, is_read FROM notifications
  WHERE organization_id = $1 AND user_id = $2 AND ${DUE} AND NOT type = ANY($3) ORDER BY created_at DESC, id DESC LIMIT ${DIGEST_MAX}`;

/** What became of a mail, on the deliveries of the notices it carried. */
const HEAR = `UPDATE notifications n
    SET mail_id = NULL, updated_at = now(), deliveries = ${changedDelivery(Channel.email, 't.changes')}
   FROM json_to_recordset($2) AS t(mail_id uuid, changes jsonb)
  WHERE n.organization_id = $1 AND n.mail_id = t.mail_id`;

/**
 * The mails of notices. A notice's mail waits a few milliseconds: then its user's quiet hours, digest and cap are looked at, and it leaves, waits for
 * the digest, or is skipped. What becomes of it comes back as an event.
 */
@Injectable()
export class NoticeMails {
  constructor(
    private readonly config: Config,
    private readonly database: Database,
    private readonly mails: Mails,
    notices: Notices,
    rows: DueRows,
    facts: Facts,
  ) {
    const wake = rows.add({
      name: 'notice-mails',
      concurrency: 2,
      timeout_seconds: 60,
      sweep_seconds: 15,
      work: (row, signal) => this.work(row, signal),
      overdue: (limit) => this.database.rows(OVERDUE, [limit]),
    });
    notices.onMail((organization_id) => wake({ organization_id, id: organization_id }));
    facts.reader({ name: 'notice-mails', events: ['mail.settled'], read: (tx, settled) => this.hear(tx, settled) });
  }

  private async work({ organization_id }: DueRow, signal: AbortSignal): Promise<number | null> {
    while (!signal.aborted) {
      const found = await this.database.tx((tx) => this.decide(tx, organization_id));
      // Another process is at it, perhaps at its last look.
      if (found === null) return 100;
      if (found < BATCH) return null;
    }
    return 0;
  }

  /** Answers how many notices it found; null: another process is at them. */
  private async decide(tx: Tx, organization_id: string): Promise<number | null> {
    const [{ is_ours }] = await tx.rows<{ is_ours: boolean }>('SELECT pg_try_advisory_xact_lock($1, hashtext($2)) AS is_ours', [
      DECIDING,
      organization_id,
    ]);
    if (!is_ours) return null;
    const due = await tx.rows<DueNotice>(TAKE, [organization_id]);
    if (!due.length) return 0;
    const organization = settingsOf(due[0]);
    const now = new Date();
    const decisions: Decision[] = [];
    const leaving: { notice: DueNotice; mail: string }[] = [];
    const digests = new Map<string, DueNotice>();
    for (const notice of due) {
      const fate = this.fateOf(notice, organization, now);
      if ('reason' in fate) decisions.push({ id: notice.id, reason: fate.reason });
      else if ('until' in fate) decisions.push({ id: notice.id, email_due_at: fate.until });
      else if (fate.mail === DIGEST_MAIL) digests.set(notice.user_id, notice);
      else leaving.push({ notice, mail: fate.mail });
    }
    decisions.push(...(await this.send(tx, organization_id, leaving)));
    for (const notice of digests.values()) decisions.push(...(await this.digest(tx, organization_id, notice)));
    if (decisions.length) await tx.rows(SETTLE, [organization_id, JSON.stringify(decisions)]);
    return due.length;
  }

  private fateOf({ type, created_at, wishes, is_there, timezone }: DueNotice, organization: OrganizationSettings, now: Date): Fate {
    if (!is_there) return { reason: SkipReason.disabled };
    if (this.config.mail_driver === 'none') return { reason: SkipReason.not_configured };
    if (typesAlwaysMailed().includes(type)) return { mail: ALERT_MAIL };
    const time_zone = timezone && isTimeZone(timezone) ? timezone : organization.timezone;
    if (organization.notification_settings.digest) {
      const until = digestAt(wishes, created_at, time_zone);
      return until.getTime() > now.getTime() + SLACK_SECONDS * 1000 ? { until } : { mail: DIGEST_MAIL };
    }
    return quietUntil(wishes, now, time_zone) ? { reason: SkipReason.quiet_hours } : { mail: NOTICE_MAIL };
  }

  /** Each user's first mail, then each one's second: a mail counts those before it, and who is over the cap gets no more. */
  private async send(tx: Tx, organization_id: string, leaving: readonly { notice: DueNotice; mail: string }[]): Promise<Decision[]> {
    const decisions: Decision[] = [];
    const lines = [...Map.groupBy(leaving, ({ notice, mail }) => `${mail} ${addressOf(notice)}`).values()];
    const over = new Set<unknown>();
    for (let turn = 0; lines.some((line) => line.length > turn); turn++) {
      const round = lines.filter((line) => line.length > turn && !over.has(line));
      const mails = round.map((line) => this.mailOf(organization_id, line[turn].notice, line[turn].mail));
      const queued = await this.mails.queueAll(tx, mails);
      round.forEach((line, n) => {
        if (queued[n]) decisions.push({ id: line[turn].notice.id, mail_id: mails[n].id });
        else {
          over.add(line);
          decisions.push(...line.slice(turn).map(({ notice: { id } }) => ({ id, reason: SkipReason.rate_limited })));
        }
      });
    }
    return decisions;
  }

  /** One mail of what a user has not read. */
  private async digest(tx: Tx, organization_id: string, notice: DueNotice): Promise<Decision[]> {
    const told = await tx.rows<Pick<Notification, 'id' | 'title' | 'is_read'>>(DIGEST, [
      organization_id,
      notice.user_id,
      typesAlwaysMailed(),
    ]);
    const unread = told.filter(({ is_read }) => !is_read);
    const lines = unread.slice(0, DIGEST_LINES).map(({ title }) => `• ${title}`);
    if (unread.length > lines.length) lines.push(`+ ${unread.length - lines.length}`);
    const mail = {
      ...this.mailOf(organization_id, notice, DIGEST_MAIL),
      values: { count: unread.length, list: lines.join('\n'), link: this.config.app_url },
    };
    const is_queued = unread.length > 0 && (await this.mails.queue(tx, mail));
    return told.map(({ id, is_read }): Decision => {
      if (is_read) return { id, reason: SkipReason.read };
      return is_queued ? { id, mail_id: mail.id } : { id, reason: SkipReason.rate_limited };
    });
  }

  private mailOf(organization_id: string, notice: DueNotice, mail: string): NewMail & { id: string } {
    const { user_id, language, wishes, title, message, action_url } = notice;
    return {
      id: newId(),
      organization_id,
      to: addressOf(notice),
      user_id,
      language,
      mail,
      ...(mail === NOTICE_MAIL && { per_hour: wishes?.max_emails_per_hour ?? MAILS_PER_HOUR }),
      values: { title, message, link: action_url ?? this.config.app_url },
    };
  }

  private async hear(tx: Tx, settled: readonly ReadFact[]): Promise<void> {
    const changes = settled.map(({ data: { mail_id, status, error, attempts }, told_at }) => ({
      mail_id,
      changes: {
        status: status === 'sent' ? DeliveryStatus.sent : DeliveryStatus.failed,
        sent_at: status === 'sent' ? told_at : null,
        error_message: error ?? null,
        retry_count: Math.max(0, Number(attempts) - 1),
      },
    }));
    await tx.rows(HEAR, [settled[0].organization_id, JSON.stringify(changes)]);
  }
}

/** Where its mail goes. */
const addressOf = ({ deliveries }: Pick<DueNotice, 'deliveries'>): string => deliveryBy(deliveries, Channel.email)?.recipient ?? '';

import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { Database } from '#database/database';
import { OrganizationsService } from '#modules/organizations/organizations.service';
import type { ComplianceCheck, ComplianceStatus } from './privacy.dto';

interface Figures {
  opted_in: number;
  with_consent: number;
  active: number;
  revoked: number;
  expired: number;
  in_time: number;
  outstanding: number;
  overdue: number;
  hours: number | null;
}

/** A list longer than this is told by this. */
const COUNTED = 100_000;

const FIGURES = `SELECT
    (SELECT count(*)::int FROM contacts WHERE organization_id = $1 AND opt_in AND deleted_at IS NULL) AS opted_in,
    (SELECT count(*)::int FROM consents s JOIN contacts c ON c.organization_id = s.organization_id AND c.id = s.subject_id
      WHERE s.organization_id = $1 AND s.is_current AND s.status = 'granted' AND s.purpose = 'marketing' AND s.subject_type = 'contact'
        AND (s.expires_at IS NULL OR s.expires_at > now()) AND c.opt_in AND c.deleted_at IS NULL) AS with_consent,
    c.*, r.*
   FROM (SELECT count(*) FILTER (WHERE status = 'granted')::int AS active, count(*) FILTER (WHERE status = 'revoked')::int AS revoked,
                count(*) FILTER (WHERE status = 'expired')::int AS expired
           FROM consents WHERE organization_id = $1 AND is_current) c,
        (SELECT count(*) FILTER (WHERE status = 'completed' AND completed_at <= deadline)::int AS in_time,
                count(*) FILTER (WHERE status = 'processing')::int AS outstanding,
                count(*) FILTER (WHERE status <> 'completed' AND deadline < now() OR completed_at > deadline)::int AS overdue,
                avg(extract(epoch FROM completed_at - created_at) / 3600)::float8 AS hours
           FROM data_requests WHERE organization_id = $1) r`;

const past = (table: string, kept: string, days: string): string =>
  `(SELECT count(*)::int FROM (SELECT FROM ${table} WHERE organization_id = $1 AND ${kept} AND created_at < now() - make_interval(days => ${days}) LIMIT ${COUNTED}) x)`;
const all = (table: string, kept: string): string =>
  `(SELECT count(*)::int FROM (SELECT FROM ${table} WHERE organization_id = $1 AND ${kept} LIMIT ${COUNTED}) x)`;

const FILES = 'storage_key IS NOT NULL';
const RETENTION = `SELECT ${past('messages', 'true', '$2::int')} + ${past('media_files', FILES, '$3::int')} AS past,
    CASE WHEN $2::int IS NULL THEN 0 ELSE ${all('messages', 'true')} END + CASE WHEN $3::int IS NULL THEN 0 ELSE ${all('media_files', FILES)} END AS kept`;

/** How an organization does by the law. */
@Injectable()
export class Compliance {
  constructor(
    private readonly database: Database,
    private readonly organizations: OrganizationsService,
  ) {}

  async status(actor: Actor): Promise<ComplianceStatus> {
    const { privacy_settings } = await this.organizations.settings(actor);
    const { message_retention_days = null, media_retention_days = null } = privacy_settings;
    const [[figures], [retention]] = await Promise.all([
      this.database.rows<Figures>(FIGURES, [actor.organization_id]),
      this.database.rows<{ past: number; kept: number }>(RETENTION, [actor.organization_id, message_retention_days, media_retention_days]),
    ]);
    const { opted_in, with_consent, in_time, overdue, outstanding, hours } = figures;
    const consent = rate(with_consent, opted_in);
    const kept = rate(retention.kept - retention.past, retention.kept);
    const rights = rate(in_time, in_time + overdue);
    const score = round((consent + kept + rights) / 3);
    return {
      overall_score: score,
      status: score >= 90 && !overdue ? 'compliant' : score >= 70 ? 'attention' : 'non_compliant',
      consent_compliance: consent,
      data_retention_compliance: kept,
      rights_fulfillment_rate: rights,
      average_response_time_hours: hours === null ? null : round(hours),
      outstanding_requests: outstanding,
      overdue_requests: overdue,
      active_consents: figures.active,
      revoked_consents: figures.revoked,
      expired_consents: figures.expired,
      contacts_without_consent: opted_in - with_consent,
      data_retention_violations: retention.past,
      checks: [
        check(
          'marketing_consents',
          opted_in === with_consent,
          `${opted_in - with_consent} opted-in contacts have no marketing consent that counts.`,
        ),
        check('no_overdue_requests', !overdue, `${overdue} requests were not done in time.`),
        check('retention', !retention.past, `${retention.past} messages and files are older than the organization keeps them.`),
        check(
          'retention_set',
          message_retention_days !== null,
          message_retention_days === null ? 'Messages are kept for good.' : `Messages are kept ${message_retention_days} days.`,
        ),
      ],
      last_assessment: new Date(),
    };
  }
}

const round = (value: number): number => Math.round(value * 100) / 100;
const rate = (part: number, whole: number): number => (whole ? round((100 * part) / whole) : 100);
const check = (name: string, passed: boolean, message: string): ComplianceCheck => ({ name, passed, message });

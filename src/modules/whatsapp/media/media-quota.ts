import { Injectable, Logger } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { Conflict } from '#common/errors';
import type { Tx } from '#database/database';
import { OrganizationsService } from '#modules/organizations/organizations.service';

const WARN_AT = 0.8;

/**
 * The room an organization has for files (`max_media_bytes` of its plan). What the team uploads stops there; what customers send is kept beyond
 * it too and counted, for it could not be had again: Meta forgets it.
 */
@Injectable()
export class MediaQuota {
  private readonly logger = new Logger(MediaQuota.name);

  constructor(private readonly organizations: OrganizationsService) {}

  /** Room for a file of the team. @throws {Conflict} media_quota_exceeded; who throws takes nothing. */
  async take(tx: Tx, actor: Actor, size_bytes: number): Promise<void> {
    const { max, used } = await this.add(tx, actor, size_bytes);
    if (max === -1 || used <= max) return;
    const msg = `The files of your organization may take ${megabytes(max)} MB, and ${megabytes(used - size_bytes)} MB are in use.`;
    throw new Conflict('media_quota_exceeded', msg, {
      details: [{ msg, type: 'media_quota_exceeded', limit: 'max_media_bytes', max, current: used - size_bytes }],
    });
  }

  /** Counts a customer's file, whatever the quota. */
  async keep(tx: Tx, actor: Actor, size_bytes: number): Promise<void> {
    await this.add(tx, actor, size_bytes);
  }

  /** The files of these rows are gone. */
  async release(tx: Tx, files: readonly { organization_id: string; size_bytes: string | null }[]): Promise<void> {
    const byOrganization = Map.groupBy(files, (file) => file.organization_id);
    // One order of locks: two sweeps that meet must not wait for each other.
    for (const [organization_id, gone] of [...byOrganization].sort(([a], [b]) => (a < b ? -1 : 1)))
      await this.change(tx, organization_id, -gone.reduce((sum, { size_bytes }) => sum + Number(size_bytes ?? 0), 0));
  }

  private async add(tx: Tx, actor: Actor, size_bytes: number): Promise<{ max: number; used: number }> {
    const { organization_id } = actor;
    const { max_media_bytes: max } = await this.organizations.limits(actor, tx);
    const used = await this.change(tx, organization_id, size_bytes);
    const line = max * WARN_AT;
    if (max !== -1 && used >= line && used - size_bytes < line) {
      this.logger.warn({ msg: 'the files of an organization take 80 % of its quota', organization_id, used_bytes: used, max_bytes: max });
      tx.tell('media.quota_warning', { organization_id, used_bytes: used, max_bytes: max });
    }
    return { max, used };
  }

  /** The row is locked until the commit, so that of many at once each sees those before it. */
  private async change(tx: Tx, organization_id: string, size_bytes: number): Promise<number> {
    const [row] = await tx.rows<{ size_bytes: string }>(
      `INSERT INTO media_usage AS u (organization_id, size_bytes) VALUES ($1, $2)
       ON CONFLICT (organization_id) DO UPDATE SET size_bytes = greatest(0, u.size_bytes + excluded.size_bytes) RETURNING size_bytes`,
      [organization_id, size_bytes],
    );
    return Number(row?.size_bytes ?? 0);
  }
}

const megabytes = (bytes: number): number => Math.round(bytes / 1024 ** 2);

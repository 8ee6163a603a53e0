import { Injectable, Logger } from '@nestjs/common';
import { Database, type Tx } from '#database/database';
import { Followers } from '#modules/organizations/followers';
import { GRACE_DAYS } from '#modules/organizations/grace';
import type { Organization } from '#modules/organizations/organization.entity';
import { MediaStorage } from '../media/media-storage';
import { NumberDirectory } from './number-directory';
import { NumberJobs } from './numbers.jobs';
import { ConnectionStatus } from './whatsapp-number.entity';

/** A server that does not answer for so long keeps nobody from being erased. */
const HELD_DAYS = 7;

/** What becomes of an organization's numbers and files as it lives. */
@Injectable()
export class FollowOrganization {
  private readonly logger = new Logger(FollowOrganization.name);

  constructor(
    private readonly database: Database,
    private readonly directory: NumberDirectory,
    private readonly jobs: NumberJobs,
    media: MediaStorage,
    followers: Followers,
  ) {
    followers.add({
      stepped: async (tx, { id }, step) => {
        if (step === 'deleted') await this.disconnect(tx, id);
        if (step === 'restored') await this.connect(tx, id);
      },
      holds: (organization) => this.holds(organization),
      erased: (organization_id) => media.removeAll(organization_id),
    });
  }

  /** Their keys stay as long as they may be had back, and what still comes in is kept; who proves to have a number takes it. */
  private async disconnect(tx: Tx, organization_id: string): Promise<void> {
    await tx.rows(
      'UPDATE whatsapp_numbers SET connection_status = $2, connected_at = NULL, updated_at = now() WHERE organization_id = $1 AND deleted_at IS NULL',
      [organization_id, ConnectionStatus.disconnected],
    );
    tx.afterCommit(() => this.directory.forget());
  }

  private async connect(tx: Tx, organization_id: string): Promise<void> {
    const numbers = await tx.rows<{ id: string; has_token: boolean }>(
      `SELECT n.id, s.access_token IS NOT NULL AS has_token FROM whatsapp_numbers n JOIN whatsapp_number_secrets s ON s.organization_id = n.organization_id AND s.whatsapp_number_id = n.id
        WHERE n.organization_id = $1 AND n.deleted_at IS NULL AND (s.access_token IS NOT NULL
          OR EXISTS (SELECT FROM whatsapp_number_pairings p WHERE p.organization_id = n.organization_id AND p.whatsapp_number_id = n.id))`,
      [organization_id],
    );
    for (const { id, has_token } of numbers) this.jobs.wake(tx, has_token ? 'connect' : 'check', { organization_id, id });
  }

  /** Its instances are given up by the rounds of `NumberJobs`, which need its keys. */
  private async holds({ id, deleted_at }: Pick<Organization, 'id' | 'deleted_at'>): Promise<boolean> {
    const instances = await this.database.rows<{ evolution_instance_name: string; is_late: boolean }>(
      `SELECT evolution_instance_name, $2::timestamptz < now() - make_interval(days => $3) AS is_late FROM whatsapp_numbers
        WHERE organization_id = $1 AND evolution_instance_name IS NOT NULL LIMIT 1`,
      [id, deleted_at, GRACE_DAYS + HELD_DAYS],
    );
    if (!instances.length) return false;
    if (!instances[0].is_late) return true;
    this.logger.warn({ msg: 'an erased organization leaves instances at an Evolution server', organization_id: id });
    return false;
  }
}

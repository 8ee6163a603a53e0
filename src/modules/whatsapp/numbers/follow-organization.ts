import { Injectable } from '@nestjs/common';
import { type Tx } from '#database/database';
import { Followers } from '#modules/organizations/followers';
import { MediaStorage } from '../media/media-storage';
import { NumberDirectory } from './number-directory';
import { NumberJobs } from './numbers.jobs';
import { ConnectionStatus } from './whatsapp-number.entity';

/** What becomes of an organization's numbers and files as it lives. */
@Injectable()
export class FollowOrganization {
  constructor(
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
    const numbers = await tx.rows<{ id: string }>(
      `SELECT n.id FROM whatsapp_numbers n JOIN whatsapp_number_secrets s ON s.organization_id = n.organization_id AND s.whatsapp_number_id = n.id
        WHERE n.organization_id = $1 AND n.deleted_at IS NULL AND s.access_token IS NOT NULL`,
      [organization_id],
    );
    for (const { id } of numbers) this.jobs.wake(tx, 'connect', { organization_id, id });
  }
}

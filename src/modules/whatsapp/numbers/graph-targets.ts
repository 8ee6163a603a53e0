import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { Encryption } from '#common/encryption';
import { Config } from '#config/config';
import { Database } from '#database/database';
import { isSimulatorNumber, simulatorGraphUrl, simulatorToken } from '#modules/simulator/simulator-number';
import type { GraphAccount, GraphTarget } from '../meta/graph-client';

/** Where and as whom to call the Graph API for a number of ours. */
@Injectable()
export class GraphTargets {
  constructor(
    private readonly database: Database,
    private readonly encryption: Encryption,
    private readonly config: Config,
  ) {}

  /** null: the number has no phone_number_id or no access token yet. A number of the simulator talks to the simulator, by PyTake's own key to it; any other to Meta. */
  async find(actor: Actor, whatsapp_number_id: string): Promise<GraphTarget | null> {
    const found = await this.read(actor, whatsapp_number_id);
    if (!found?.phone_number_id) return null;
    const { phone_number_id, access_token } = found;
    if (this.config.simulator_enabled && isSimulatorNumber(phone_number_id))
      return { phone_number_id, access_token: simulatorToken(this.config), base_url: simulatorGraphUrl(this.config) };
    return { phone_number_id, access_token, base_url: null };
  }

  /** For calls on the account, before the number's phone_number_id is known. null: no access token yet. */
  async findAccount(actor: Actor, whatsapp_number_id: string): Promise<GraphAccount | null> {
    const found = await this.read(actor, whatsapp_number_id);
    return found && { access_token: found.access_token };
  }

  private async read(actor: Actor, whatsapp_number_id: string): Promise<{ phone_number_id: string | null; access_token: string } | null> {
    const [row] = await this.database.rows<{ phone_number_id: string | null; access_token: string | null }>(
      `SELECT n.phone_number_id, s.access_token FROM whatsapp_numbers n LEFT JOIN whatsapp_number_secrets s ON s.whatsapp_number_id = n.id
        WHERE n.organization_id = $1 AND n.id = $2 AND n.deleted_at IS NULL`,
      [actor.organization_id, whatsapp_number_id],
    );
    return row?.access_token ? { phone_number_id: row.phone_number_id, access_token: this.encryption.decrypt(row.access_token) } : null;
  }
}

import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { Encryption } from '#common/encryption';
import { NotFound } from '#common/errors';
import { Database } from '#database/database';
import { Gathered } from '#database/gathered';
import { type Prepared, prepared } from '#database/sql';
import { isPastHaving } from '#modules/organizations/at-work';
import { EvolutionProvider } from './evolution/evolution-provider';
import { MetaProvider } from './meta/meta-provider';
import { placeOfKeys } from './numbers/whatsapp-number-secret.entity';
import type { ConnectionType, WhatsAppNumber } from './numbers/whatsapp-number.entity';
import type { Checked, Line, NumberKeys, Provider } from './provider';
import { UnsendableMessage } from './provider-failure';

type Kind = Pick<WhatsAppNumber, 'connection_type'>;

type Keys = NumberKeys & Kind & Pick<WhatsAppNumber, 'id'>;

const SEALED = ['access_token', 'evolution_api_key'] as const;

const keysOf = (condition: string): Prepared =>
  prepared(`SELECT n.id, n.connection_type, n.phone_number_id, n.whatsapp_business_account_id, n.settings,
       n.evolution_instance_name, n.evolution_api_url, s.access_token, s.evolution_api_key, s.webhook_token, s.webhook_verify_token
   FROM whatsapp_numbers n LEFT JOIN whatsapp_number_secrets s ON s.organization_id = n.organization_id AND s.whatsapp_number_id = n.id
  WHERE n.organization_id = $1 AND n.id = ANY($2) AND ${condition}`);

const KEYS = keysOf('n.deleted_at IS NULL');
const DELETED_KEYS = keysOf(`(n.deleted_at IS NOT NULL OR ${isPastHaving('n.organization_id')})`);

/** The providers, by what kind of number it is. */
@Injectable()
export class Providers {
  private readonly by_kind: Readonly<Record<ConnectionType, Provider>>;
  private readonly keys = new Gathered((organization_id, ids: string[]) => this.keysOf(KEYS, organization_id, ids));

  constructor(
    private readonly database: Database,
    private readonly encryption: Encryption,
    official: MetaProvider,
    qrcode: EvolutionProvider,
  ) {
    this.by_kind = { official, qrcode };
  }

  of({ connection_type }: Kind): Provider {
    return this.by_kind[connection_type];
  }

  /** @throws {UnsendableMessage} There is no such number, or its keys are not complete. */
  async line(actor: Actor, whatsapp_number_id: string): Promise<Line> {
    const line = await this.findLine(actor, whatsapp_number_id);
    if (!line) throw new UnsendableMessage('message_incomplete', 'The WhatsApp number is gone, or its keys are not complete.');
    return line;
  }

  async findLine(actor: Actor, whatsapp_number_id: string): Promise<Line | null> {
    const keys = await this.keys.ask(actor.organization_id, whatsapp_number_id);
    return keys && this.of(keys).line(keys);
  }

  /** Of a number that was deleted, or goes with its organization: what it holds at its provider is still to be given up. */
  async lineOfDeleted({ organization_id }: Actor, whatsapp_number_id: string): Promise<Line | null> {
    const [keys] = await this.keysOf(DELETED_KEYS, organization_id, [whatsapp_number_id]);
    return keys && this.of(keys).line(keys);
  }

  /** @throws {NotFound} */
  async check(actor: Actor, number: WhatsAppNumber): Promise<Checked> {
    const keys = await this.keys.ask(actor.organization_id, number.id);
    if (!keys) throw new NotFound('WhatsAppNumber');
    return this.of(number).check(number, keys);
  }

  /** Those of many numbers at once; each one's are opened once. */
  private async keysOf(statement: Prepared, organization_id: string, ids: string[]): Promise<(Keys | null)[]> {
    const rows = await this.database.rows<Keys>(statement, [organization_id, ids]);
    for (const row of rows)
      for (const name of SEALED) {
        const sealed = row[name];
        row[name] = sealed && this.encryption.decrypt(sealed, placeOfKeys(organization_id, row.id));
      }
    const opened = new Map(rows.map((row) => [row.id, row]));
    return ids.map((id) => opened.get(id) ?? null);
  }
}

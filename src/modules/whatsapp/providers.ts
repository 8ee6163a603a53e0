import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { Encryption } from '#common/encryption';
import { NotFound } from '#common/errors';
import { Database } from '#database/database';
import { EvolutionProvider } from './evolution/evolution-provider';
import { MetaProvider } from './meta/meta-provider';
import type { ConnectionType, WhatsAppNumber } from './numbers/whatsapp-number.entity';
import type { Checked, Line, NumberKeys, Provider } from './provider';
import { UnsendableMessage } from './provider-failure';

type Kind = Pick<WhatsAppNumber, 'connection_type'>;

/** The providers, by what kind of number it is. */
@Injectable()
export class Providers {
  private readonly by_kind: Readonly<Record<ConnectionType, Provider>>;

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
    const keys = await this.keys(actor, whatsapp_number_id);
    return keys && this.of(keys).line(keys);
  }

  /** @throws {NotFound} */
  async check(actor: Actor, number: WhatsAppNumber): Promise<Checked> {
    const keys = await this.keys(actor, number.id);
    if (!keys) throw new NotFound('WhatsAppNumber');
    return this.of(number).check(number, keys);
  }

  private async keys(actor: Actor, whatsapp_number_id: string): Promise<(NumberKeys & Kind) | null> {
    const [row] = await this.database.rows<(NumberKeys & Kind) | undefined>(
      `SELECT n.connection_type, n.phone_number_id, n.whatsapp_business_account_id, s.access_token
         FROM whatsapp_numbers n LEFT JOIN whatsapp_number_secrets s ON s.organization_id = n.organization_id AND s.whatsapp_number_id = n.id
        WHERE n.organization_id = $1 AND n.id = $2 AND n.deleted_at IS NULL`,
      [actor.organization_id, whatsapp_number_id],
    );
    return row ? { ...row, access_token: row.access_token && this.encryption.decrypt(row.access_token) } : null;
  }
}

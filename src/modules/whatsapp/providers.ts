import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { Encryption } from '#common/encryption';
import { NotFound } from '#common/errors';
import { Database } from '#database/database';
import { Gathered } from '#database/gathered';
import { prepared } from '#database/sql';
import { EvolutionProvider } from './evolution/evolution-provider';
import { MetaProvider } from './meta/meta-provider';
import type { ConnectionType, WhatsAppNumber } from './numbers/whatsapp-number.entity';
import type { Checked, Line, NumberKeys, Provider } from './provider';
import { UnsendableMessage } from './provider-failure';

type Kind = Pick<WhatsAppNumber, 'connection_type'>;

type Keys = NumberKeys & Kind & Pick<WhatsAppNumber, 'id' | 'organization_id'>;

const KEYS = prepared(`SELECT n.id, n.organization_id, n.connection_type, n.phone_number_id, n.whatsapp_business_account_id, s.access_token
   FROM (SELECT DISTINCT * FROM unnest($1::uuid[], $2::uuid[]) AS k(organization_id, id)) asked
   JOIN whatsapp_numbers n USING (organization_id, id)
   LEFT JOIN whatsapp_number_secrets s ON s.organization_id = n.organization_id AND s.whatsapp_number_id = n.id
  WHERE n.deleted_at IS NULL`);

/** The providers, by what kind of number it is. */
@Injectable()
export class Providers {
  private readonly by_kind: Readonly<Record<ConnectionType, Provider>>;
  private readonly keys = new Gathered((numbers: Pick<Keys, 'id' | 'organization_id'>[]) => this.keysOf(numbers));

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
    const keys = await this.keys.ask({ organization_id: actor.organization_id, id: whatsapp_number_id });
    return keys && this.of(keys).line(keys);
  }

  /** @throws {NotFound} */
  async check(actor: Actor, number: WhatsAppNumber): Promise<Checked> {
    const keys = await this.keys.ask({ organization_id: actor.organization_id, id: number.id });
    if (!keys) throw new NotFound('WhatsAppNumber');
    return this.of(number).check(number, keys);
  }

  /** Those of many numbers at once; each one's are opened once. */
  private async keysOf(numbers: Pick<Keys, 'id' | 'organization_id'>[]): Promise<(Keys | null)[]> {
    const rows = await this.database.rows<Keys>(KEYS, [numbers.map((n) => n.organization_id), numbers.map((n) => n.id)]);
    const keyOf = ({ organization_id, id }: Pick<Keys, 'id' | 'organization_id'>): string => `${organization_id} ${id}`;
    const opened = new Map(
      rows.map((row) => [keyOf(row), { ...row, access_token: row.access_token && this.encryption.decrypt(row.access_token) }]),
    );
    return numbers.map((number) => opened.get(keyOf(number)) ?? null);
  }
}

import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { EgressClient } from '#common/egress';
import { Conflict, Invalid } from '#common/errors';
import type { Tx } from '#database/database';
import { onDuplicate } from '#database/database-errors';
import { CAPABILITIES } from '../provider';
import type { WhatsAppNumberUpdate } from './whatsapp-number.dto';
import type { WhatsAppNumber } from './whatsapp-number.entity';

onDuplicate(
  'whatsapp_numbers_instance_key',
  () => new Conflict('already_exists', 'This evolution_instance_name is in use: choose another one.'),
);

type Instance = Pick<WhatsAppNumber, 'evolution_instance_name' | 'evolution_api_url'>;
type Given = Partial<Pick<WhatsAppNumberUpdate, 'evolution_instance_name' | 'evolution_api_url' | 'evolution_api_key'>>;

/**
 * Which instance holds the connection of a paired number, and where. The operator's key opens every instance of the operator's server, so there the name is
 * ours to make: who could choose it would take over somebody else's WhatsApp.
 */
@Injectable()
export class InstanceSettings {
  constructor(private readonly egress: EgressClient) {}

  /** @throws {Invalid} 422 `url_not_allowed`. Asks a name server: not within a transaction. */
  async check({ evolution_api_url }: Given): Promise<void> {
    if (evolution_api_url) await this.egress.checkUrl(evolution_api_url, 'evolution_api_url');
  }

  /**
   * The columns a number has with what is given. `has_own_key`: whether it has a key of its own so far.
   * @throws {Invalid} A name or a server of one's own without a key of one's own.
   */
  async settle(
    tx: Tx,
    { organization_id }: Actor,
    number: Pick<WhatsAppNumber, 'phone_number' | 'connection_type'> & Partial<Instance>,
    given: Given,
    has_own_key: boolean,
  ): Promise<Partial<Instance>> {
    if (!CAPABILITIES[number.connection_type].is_paired) return { evolution_instance_name: null, evolution_api_url: null };
    const keeps = given.evolution_api_key === undefined ? has_own_key : given.evolution_api_key !== null;
    if (!keeps)
      for (const field of ['evolution_api_url', 'evolution_instance_name'] as const)
        if (given[field] && given[field] !== number[field])
          throw Invalid.field(field, `${field} is of a server of your own: give its evolution_api_key too`);
    const { evolution_instance_name = number.evolution_instance_name, evolution_api_url = number.evolution_api_url } = given;
    const made = madeName(organization_id, number.phone_number);
    if (evolution_instance_name && (keeps || evolution_instance_name.startsWith(made)))
      return { evolution_instance_name, evolution_api_url: keeps ? evolution_api_url : null };
    // Two organizations of one minute have the same eight digits, and a deleted number keeps its name for a while.
    const [taken] = await tx.rows<unknown>('SELECT organization_id FROM whatsapp_numbers WHERE evolution_instance_name = $1', [made]);
    const name = taken ? `${made}_${randomBytes(4).toString('hex')}` : made;
    return { evolution_instance_name: name, evolution_api_url: keeps ? evolution_api_url : null };
  }
}

/** Contract 20, 5.1. */
const madeName = (organization_id: string, phone_number: string): string =>
  `pytake_${organization_id.slice(0, 8)}_${phone_number.replace(/\D/g, '')}`;

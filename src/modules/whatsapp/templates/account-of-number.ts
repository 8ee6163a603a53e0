import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { Conflict } from '#common/errors';
import { Turns } from '#common/turns';
import { Database, type Tx } from '#database/database';
import { WhatsAppNumber } from '../numbers/whatsapp-number.entity';
import { CAPABILITIES, type TemplateAccount } from '../provider';
import { Providers } from '../providers';

/** Messages leave by the same connections to Meta: whoever asks about templates, however slowly, leaves them most. */
const AT_ONCE = 8;
const LINE_MAX = 100;
const WAIT_MS = 30_000;

/** The account behind a number, as far as templates go. */
@Injectable()
export class AccountOfNumber {
  private readonly turns = new Turns(AT_ONCE, { line_max: LINE_MAX, wait_ms: WAIT_MS, shared: true });

  constructor(
    private readonly database: Database,
    private readonly providers: Providers,
  ) {}

  /** A number that can have templates; locked within `tx`. @throws {NotFound} @throws {Conflict} not_supported_for_connection_type. */
  async number(actor: Actor, whatsapp_number_id: string, tx?: Tx): Promise<WhatsAppNumber> {
    const number = tx
      ? await this.database.repository(WhatsAppNumber, tx).lock(actor, whatsapp_number_id)
      : await this.database.repository(WhatsAppNumber).get(actor, whatsapp_number_id);
    if (CAPABILITIES[number.connection_type].has_templates) return number;
    throw new Conflict('not_supported_for_connection_type', 'Templates exist on official numbers only.');
  }

  /** Asks it, when it is the organization's turn. @throws {Conflict} number_not_configured. @throws {Unavailable} busy. @throws {ProviderFailure} */
  async ask<T>(actor: Actor, whatsapp_number_id: string, question: (account: TemplateAccount) => Promise<T>): Promise<T> {
    const account = (await this.providers.findLine(actor, whatsapp_number_id))?.templates;
    if (account) return this.turns.run(() => question(account), actor.organization_id);
    throw new Conflict(
      'number_not_configured',
      'The number needs access_token, phone_number_id and whatsapp_business_account_id for its templates.',
    );
  }
}

import { Injectable, Logger } from '@nestjs/common';
import { Actor } from '#common/actor';
import { Database } from '#database/database';
import { ProviderFailure } from '../provider-failure';
import { Providers } from '../providers';
import { NumberDirectory } from './number-directory';

/** What `last_error` says of a number that another phone was paired with. */
export const PHONE_MISMATCH = 'phone_mismatch';

/** Gives up what a number holds at its provider. */
@Injectable()
export class EndPairing {
  private readonly logger = new Logger(EndPairing.name);

  constructor(
    private readonly database: Database,
    private readonly providers: Providers,
    private readonly directory: NumberDirectory,
  ) {}

  /** Unpairs the phone. Answers what went wrong with it; null: nothing. */
  async logOut(actor: Actor, whatsapp_number_id: string): Promise<string | null> {
    const line = await this.providers.findLine(actor, whatsapp_number_id);
    try {
      await line?.pairing?.end();
      return null;
    } catch (error) {
      if (!(error instanceof ProviderFailure)) throw error;
      this.logger.warn({ msg: 'number not logged out', whatsapp_number_id, reason: error.message });
      return error.message;
    }
  }

  /** The instance of a deleted number, with what was kept of it for that. @throws {ProviderFailure} It is tried again. */
  async removeInstance({ organization_id }: Actor, whatsapp_number_id: string): Promise<void> {
    const line = await this.providers.lineOfDeleted(Actor.system(organization_id), whatsapp_number_id);
    await line?.pairing?.remove();
    const number = [organization_id, whatsapp_number_id];
    await this.database.tx(async (tx) => {
      await tx.rows('DELETE FROM whatsapp_number_pairings WHERE organization_id = $1 AND whatsapp_number_id = $2', number);
      await tx.rows(
        'DELETE FROM whatsapp_number_secrets WHERE organization_id = $1 AND whatsapp_number_id = $2 AND app_secret IS NULL',
        number,
      );
      await tx.rows('UPDATE whatsapp_numbers SET evolution_instance_name = NULL WHERE organization_id = $1 AND id = $2', number);
    });
    this.directory.forget();
  }
}

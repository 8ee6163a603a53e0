import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { nearestLanguage } from '#common/languages';
import { OrganizationsService } from '#modules/organizations/organizations.service';
import { composePhoneRequest } from './compose';
import { SendMessage } from './send-message';
import type { SendResult } from './send-answers.dto';
import { AGENT } from './sender';

/** Asks people for their phones, in the organization's language; the receipt hears what they answer. */
@Injectable()
export class PhoneRequests {
  constructor(
    private readonly organizations: OrganizationsService,
    private readonly sending: SendMessage,
  ) {}

  /** @throws {NotFound} @throws {409} in the order of contract 20, 4.5. */
  async create(actor: Actor, contact_id: string): Promise<SendResult> {
    const { language } = await this.organizations.settings(actor);
    return this.sending.toContact(actor, AGENT, contact_id, composePhoneRequest(nearestLanguage(language)));
  }
}

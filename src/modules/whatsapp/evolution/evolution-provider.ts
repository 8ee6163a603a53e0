import { Injectable } from '@nestjs/common';
import { Conflict } from '#common/errors';
import type { ProviderError } from '../parsed-change';
import { type Checked, type Provider, refusal } from '../provider';
import { type FailureDecision, final } from '../provider-failure';

/** Numbers by QR code: they can be entered, not connected yet. So no webhook comes, and nothing leaves. */
@Injectable()
export class EvolutionProvider implements Provider {
  parse(): [] {
    return [];
  }

  failureOf({ message }: ProviderError): FailureDecision {
    return final('provider_error', message ?? 'The provider gave no reason.');
  }

  obstacle(): Conflict {
    return new Conflict('number_not_connected', 'The WhatsApp number is not connected. Scan its QR code first.');
  }

  line(): null {
    return null;
  }

  async check(): Promise<Checked> {
    return refusal('The number has not been connected by QR code.');
  }
}

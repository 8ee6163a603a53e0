import { Injectable } from '@nestjs/common';
import { Role } from '#common/actor';
import type { Tx } from '#database/database';
import { type FactName, Facts, type ReadFact } from '#events/facts';
import { Channel, declareNotice } from '#modules/notifications/notice-types';
import { Notices } from '#modules/notifications/notices';

const DISCONNECTED = declareNotice('whatsapp_disconnected', {
  text: 'A WhatsApp number lost its connection.',
  channels: [Channel.in_app, Channel.websocket, Channel.email],
});

const LIMIT_REACHED = declareNotice('whatsapp_limit_reached', {
  text: 'The messaging limit of a WhatsApp account is reached.',
  channels: [Channel.in_app, Channel.websocket, Channel.email],
});

const RESTRICTED = declareNotice('whatsapp_restricted', {
  text: 'WhatsApp restricted what a number sends.',
  channels: [Channel.in_app, Channel.websocket, Channel.email],
});

interface Line {
  id: string;
  phone_number: string;
  display_name: string | null;
  last_error: string | null;
  messaging_limit_tier: string | null;
}

/** Tells administrators of numbers that no longer work, or not as they want. */
@Injectable()
export class NumberNotices {
  constructor(
    private readonly notices: Notices,
    facts: Facts,
  ) {
    facts.reader({
      name: 'number-notices',
      events: Object.keys(WORDS) as (keyof typeof WORDS)[],
      read: (tx, told) => this.read(tx, told),
    });
  }

  private async read(tx: Tx, facts: readonly ReadFact[]): Promise<void> {
    const { organization_id } = facts[0];
    const lines = await tx.rows<Line>(
      'SELECT id, phone_number, display_name, last_error, messaging_limit_tier FROM whatsapp_numbers WHERE organization_id = $1 AND id = ANY($2) AND deleted_at IS NULL',
      [organization_id, facts.map(({ data }) => data.number_id)],
    );
    const found = new Map(lines.map((line) => [line.id, line]));
    for (const { name: event, data } of facts) {
      const line = found.get(String(data.number_id));
      if (!line) continue;
      const name = line.display_name ? `${line.display_name} (${line.phone_number})` : line.phone_number;
      await this.notices.tell(tx, {
        organization_id,
        role: Role.org_admin,
        data: { whatsapp_number_id: line.id },
        priority: 'high',
        ...WORDS[event as keyof typeof WORDS](name, line),
      });
    }
  }
}

type Words = Pick<Parameters<Notices['tell']>[1], 'type' | 'title' | 'message'>;

const WORDS = {
  'whatsapp_number.disconnected': disconnected,
  'whatsapp_number.limit_reached': limitReached,
  'whatsapp_number.restricted': restricted,
} satisfies Partial<Record<FactName, (name: string, line: Line) => Words>>;

function disconnected(name: string, { last_error }: Line): Words {
  const reason = last_error ? `\n\n${last_error}` : '';
  return {
    type: DISCONNECTED,
    title: { 'pt-BR': `WhatsApp desconectado: ${name}`, en: `WhatsApp disconnected: ${name}` },
    message: {
      'pt-BR': `O número ${name} perdeu a conexão: por enquanto nada chega e nada sai por ele.${reason}`,
      en: `The number ${name} lost its connection: nothing comes in or leaves by it for now.${reason}`,
    },
  };
}

function limitReached(name: string, { messaging_limit_tier }: Line): Words {
  const tier = messaging_limit_tier ? ` (${messaging_limit_tier})` : '';
  return {
    type: LIMIT_REACHED,
    title: { 'pt-BR': `Limite diário de mensagens atingido: ${name}`, en: `Daily messaging limit reached: ${name}` },
    message: {
      'pt-BR': `A conta de ${name} já escreveu hoje a tantas pessoas quantas a Meta permite${tier}. Os modelos para quem não escreveu antes esperam e saem assim que houver lugar; as respostas continuam.`,
      en: `The account of ${name} has written to as many people today as Meta allows${tier}. Templates to people who did not write first wait and leave as places become free; replies go on.`,
    },
  };
}

function restricted(name: string): Words {
  return {
    type: RESTRICTED,
    title: { 'pt-BR': `Envio suspenso pelo WhatsApp: ${name}`, en: `Sending restricted by WhatsApp: ${name}` },
    message: {
      'pt-BR': `O WhatsApp recusou mensagens do número ${name}, em geral porque foram bloqueadas ou denunciadas demais. Por uma hora nada sai por ele; o que espera sai depois. Vejam a qualidade do número antes de enviar mais. Para terminar a pausa antes: POST /whatsapp/{number_id}/rate-limit/reset com lift_pause.`,
      en: `WhatsApp refused messages of the number ${name}, as a rule because too many were blocked or reported. For an hour nothing leaves by it; what waits leaves afterwards. Look at the number's quality before you send more. To end the pause before: POST /whatsapp/{number_id}/rate-limit/reset with lift_pause.`,
    },
  };
}

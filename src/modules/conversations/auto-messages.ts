import { Injectable } from '@nestjs/common';
import { Actor } from '#common/actor';
import { AppError } from '#common/errors';
import type { Tx } from '#database/database';
import { prepared } from '#database/sql';
import { Facts, type ReadFact } from '#events/facts';
import { atWork } from '#modules/organizations/at-work';
import { type BusinessCalendar, calendarOf } from '#modules/organizations/business-calendar';
import type { BusinessHours } from '#modules/organizations/business-hours';
import { SETTINGS_DEFAULTS } from '#modules/organizations/organization.dto';
import { MessageType, SenderType } from './messages/message.entity';
import { SendMessage } from './messages/send-message';

/** Decisions, 20: of the away message, per contact. */
const AWAY_HOURS = 12;
/** What a phone that was off brings, or a provider tried for days: nobody waits for a machine's word on it any more, and a whole history may come at once. */
const ANSWERED_MS = AWAY_HOURS * 3_600_000;

const NUMBERS = prepared(`SELECT n.id, n.welcome_message, n.away_message, n.business_hours,
    o.settings->'business_hours' AS organization_hours, o.settings->>'timezone' AS timezone
   FROM whatsapp_numbers n JOIN organizations o ON o.id = n.organization_id
  WHERE n.organization_id = $1 AND n.id = ANY($2) AND n.is_active AND n.auto_reply_enabled AND n.deleted_at IS NULL AND ${atWork('n.organization_id')}`);

interface Row {
  id: string;
  welcome_message: string | null;
  away_message: string | null;
  business_hours: BusinessHours | null;
  organization_hours: BusinessHours | null;
  timezone: string | null;
}

interface Answering extends Row {
  calendar: BusinessCalendar;
}

const REFERENCES = { welcome: 'welcome-message', away: 'away-message' } as const;

const SAID = {
  welcome: prepared(`SELECT FROM messages m
    WHERE m.organization_id = $1 AND m.contact_id = $2 AND m.sender_type = 'automation' AND m.conversation_id = $3 AND m.client_reference = '${REFERENCES.welcome}' LIMIT 1`),
  // Whichever the conversation.
  away: prepared(`SELECT FROM messages m
    WHERE m.organization_id = $1 AND m.contact_id = $2 AND m.sender_type = 'automation' AND $3::uuid IS NOT NULL
      AND m.client_reference = '${REFERENCES.away}' AND m.created_at > now() - interval '${AWAY_HOURS} hours' LIMIT 1`),
} as const;

const HAS_BOT = prepared('SELECT FROM conversations WHERE organization_id = $1 AND id = $2 AND is_bot_active');

/**
 * What a number answers by itself (contract 20, 5.3): who begins a conversation is welcomed; who writes outside the hours hears that nobody is there,
 * and no more than that. Each once, whatever process dies: an organization's facts are read by one at a time.
 */
@Injectable()
export class AutoMessages {
  constructor(
    private readonly sending: SendMessage,
    facts: Facts,
  ) {
    facts.reader({ name: 'auto-messages', events: ['conversation.addressed'], read: (tx, read) => this.read(tx, read) });
  }

  private async read(tx: Tx, facts: readonly ReadFact[]): Promise<void> {
    const numbers = await this.answering(tx, facts);
    for (const { organization_id, data } of facts) {
      const number = numbers.get(String(data['whatsapp_number_id']));
      const written = new Date(String(data['written_at']));
      if (!number || Date.now() - written.getTime() > ANSWERED_MS) continue;
      const thread = { organization_id, contact_id: String(data['contact_id']), conversation_id: String(data['conversation_id']) };
      if (!number.calendar.isOpen(written)) await this.say(tx, thread, 'away', number.away_message);
      else if (data['is_new'] && !(await tx.rows(HAS_BOT, [organization_id, thread.conversation_id])).length)
        await this.say(tx, thread, 'welcome', number.welcome_message);
    }
  }

  /** The numbers that still answer, by the hours of their own, else of the organization. */
  private async answering(tx: Tx, facts: readonly ReadFact[]): Promise<Map<string, Answering>> {
    const ids = [...new Set(facts.map(({ data }) => data['whatsapp_number_id']))];
    const rows = await tx.rows<Row>(NUMBERS, [facts[0].organization_id, ids]);
    return new Map(
      rows.map((row) => [
        row.id,
        {
          ...row,
          calendar: calendarOf([
            { hours: row.business_hours },
            { hours: row.organization_hours, timezone: row.timezone ?? SETTINGS_DEFAULTS.timezone },
          ]),
        },
      ]),
    );
  }

  /** Where it may not be sent nothing is. */
  private async say(
    tx: Tx,
    { organization_id, contact_id, conversation_id }: { organization_id: string; contact_id: string; conversation_id: string },
    what: keyof typeof SAID,
    text: string | null,
  ): Promise<void> {
    if (!text || (await tx.rows(SAID[what], [organization_id, contact_id, conversation_id])).length) return;
    try {
      await this.sending.toConversation(
        Actor.system(organization_id),
        { type: SenderType.automation },
        conversation_id,
        { message_type: MessageType.text, content: text, payload: { text } },
        { client_reference: REFERENCES[what] },
        tx,
      );
    } catch (error) {
      if (!(error instanceof AppError) || error.status >= 500) throw error;
    }
  }
}

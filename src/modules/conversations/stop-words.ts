import { Injectable } from '@nestjs/common';
import { Actor } from '#common/actor';
import { AppError } from '#common/errors';
import { type Language, nearestLanguage } from '#common/languages';
import type { Tx } from '#database/database';
import { prepared } from '#database/sql';
import { Facts, type ReadFact } from '#events/facts';
import { ContactNews } from '#modules/contacts/contact-news';
import { OrganizationsService } from '#modules/organizations/organizations.service';
import { stopWordIn, stopWordsOf } from '#modules/organizations/stop-words';
import { MessageType, SenderType } from './messages/message.entity';
import { SendMessage } from './messages/send-message';

/** What is confirmed, and which word undoes it; without such a word the first sentence alone. */
const WORDS: Record<Language, Record<'opted_in' | 'opted_out', (undo: string | undefined) => string>> = {
  'pt-BR': {
    opted_out: (undo) =>
      `Pronto: você não receberá mais as nossas mensagens de divulgação.${undo ? ` Para voltar a recebê-las, responda ${undo}.` : ''}`,
    opted_in: (undo) =>
      `Pronto: você voltará a receber as nossas mensagens de divulgação.${undo ? ` Para não recebê-las mais, responda ${undo}.` : ''}`,
  },
  en: {
    opted_out: (undo) => `Done: you will get no more marketing messages from us.${undo ? ` To get them again, reply ${undo}.` : ''}`,
    opted_in: (undo) => `Done: you will get our marketing messages again.${undo ? ` To stop them, reply ${undo}.` : ''}`,
  },
};

// WhatsApp's clock and ours differ by less than a minute.
// By the conversation: the contact may be part of another one by now.
const SAID_BY = prepared(
  `SELECT c.id, coalesce(c.opt_out_date > $3::timestamptz + interval '1 minute', false) AS has_refused_since
     FROM conversations v JOIN contacts c ON c.organization_id = v.organization_id AND c.id = v.contact_id
    WHERE v.organization_id = $1 AND v.id = $2`,
);

interface SaidBy {
  id: string;
  has_refused_since: boolean;
}

/**
 * Who writes a stop word has opted out, who writes the other kind in again (contract 20, 1.3; decisions, 30): the contact, the ledger and one
 * confirmation in one transaction, once, whatever process dies. Who says what is so already hears nothing.
 */
@Injectable()
export class StopWordReader {
  constructor(
    private readonly contacts: ContactNews,
    private readonly organizations: OrganizationsService,
    private readonly sending: SendMessage,
    facts: Facts,
  ) {
    facts.reader({ name: 'stop-words', events: ['conversation.stop_word'], read: (tx, read) => this.read(tx, read) });
  }

  private async read(tx: Tx, facts: readonly ReadFact[]): Promise<void> {
    for (const { organization_id, data } of facts) {
      const [conversation_id, message_id] = [data['conversation_id'], data['message_id']].map(String);
      const opt_in = data['opt_in'] === true;
      const [contact] = await tx.rows<SaidBy | undefined>(SAID_BY, [organization_id, conversation_id, data['written_at']]);
      // An old word that comes late is no leave after a newer refusal; an old refusal is one.
      if (!contact || (opt_in && contact.has_refused_since)) continue;
      const evidence = `Wrote "${String(data['word'])}" on WhatsApp (message ${message_id}).`;
      if (await this.contacts.consent(tx, organization_id, contact.id, opt_in, evidence))
        await this.confirm(tx, Actor.system(organization_id), conversation_id, opt_in);
    }
  }

  /** Where it may not be sent (blocked, the window closed …) nothing is. */
  private async confirm(tx: Tx, actor: Actor, conversation_id: string, opt_in: boolean): Promise<void> {
    const { language, opt_out_words, opt_in_words } = await this.organizations.settings(actor, tx);
    const words = stopWordsOf(opt_out_words, opt_in_words);
    // A word of both lists does not undo an opt-out.
    const undo = (opt_in ? opt_out_words : opt_in_words).find((word) => stopWordIn(words, word)?.opt_in === !opt_in);
    const text = WORDS[nearestLanguage(language)][opt_in ? 'opted_in' : 'opted_out'](undo?.toUpperCase());
    const draft = { message_type: MessageType.text, content: text, payload: { text } };
    try {
      await tx.attempt(() =>
        this.sending.toConversation(actor, { type: SenderType.system }, conversation_id, draft, { when_over: true }, tx),
      );
    } catch (error) {
      if (!(error instanceof AppError) || error.status >= 500) throw error;
    }
  }
}

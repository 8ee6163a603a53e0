import { Injectable } from '@nestjs/common';
import { Actor } from '#common/actor';
import { AppError, NotFound } from '#common/errors';
import { EventBus } from '#common/events';
import { type Language, nearestLanguage } from '#common/languages';
import { Database, type Tx } from '#database/database';
import { type DueRow, DueRows, waitingOrganizations } from '#database/due-rows';
import { prepared } from '#database/sql';
import { isAtWork } from '#modules/organizations/at-work';
import { OrganizationsService } from '#modules/organizations/organizations.service';
import { WhatsAppNumber } from '#modules/whatsapp/numbers/whatsapp-number.entity';
import { CAPABILITIES } from '#modules/whatsapp/provider';
import type { Conversation } from '../conversation.entity';
import { type Draft, composeList } from '../messages/compose';
import { MessageType, SenderType } from '../messages/message.entity';
import { SendMessage } from '../messages/send-message';
import { lockThread } from '../state/locking';
import { noteAsked, surveySettings } from '../state/rating';
import { answerId } from './answers';

const BATCH = 50;
const SWEEP_SECONDS = 30;

const NEXT = prepared(`SELECT min(csat_due_at) AS at, min(csat_due_at) <= now() AS is_due FROM conversations
  WHERE organization_id = $1 AND csat_due_at IS NOT NULL`);

const DUE = prepared(
  `SELECT id FROM conversations WHERE organization_id = $1 AND csat_due_at <= now() ORDER BY csat_due_at LIMIT ${BATCH}`,
);

const OVERDUE = `${waitingOrganizations('SELECT organization_id FROM conversations WHERE csat_due_at <= now()')}
  SELECT organization_id, organization_id AS id FROM waiting WHERE organization_id IS NOT NULL LIMIT $1`;

/** What the question says where the organization has no words of its own; the answers, 5 first. */
const WORDS: Record<Language, { question: string; button: string; answers: readonly string[] }> = {
  'pt-BR': {
    question: 'Como você avalia o nosso atendimento?',
    button: 'Avaliar',
    answers: ['Ótimo', 'Bom', 'Regular', 'Ruim', 'Péssimo'],
  },
  en: { question: 'How was our service?', button: 'Rate', answers: ['Great', 'Good', 'Fair', 'Poor', 'Terrible'] },
};

/** Asks customers how a conversation was, each once: the question waits to leave from the same commit on that says it was asked. */
@Injectable()
export class Surveys {
  constructor(
    private readonly database: Database,
    private readonly organizations: OrganizationsService,
    private readonly sending: SendMessage,
    events: EventBus,
    rows: DueRows,
  ) {
    const wake = rows.add({
      name: 'csat',
      concurrency: 2,
      timeout_seconds: 60,
      sweep_seconds: SWEEP_SECONDS,
      work: (row) => this.work(row),
      overdue: (limit) => this.database.rows<DueRow>(OVERDUE, [limit]),
    });
    for (const name of ['conversation.resolved', 'conversation.closed'] as const)
      events.on(name, ({ organization_id }) => wake({ organization_id, id: organization_id }));
  }

  private async work({ organization_id }: DueRow): Promise<number | null> {
    const [{ at, is_due }] = await this.database.rows<{ at: Date | null; is_due: boolean | null }>(NEXT, [organization_id]);
    if (!is_due) return at && Math.max(1000, at.getTime() - Date.now());
    if (!(await isAtWork(this.database, organization_id))) return null;
    const actor = Actor.system(organization_id);
    const words = WORDS[nearestLanguage((await this.organizations.settings(actor)).language)];
    for (const { id } of await this.database.rows<{ id: string }>(DUE, [organization_id]))
      await this.database.tx((tx) => this.ask(tx, actor, id, words));
    return 0;
  }

  private async ask(tx: Tx, actor: Actor, id: string, words: (typeof WORDS)[Language]): Promise<void> {
    const { conversation } = await lockThread(tx, actor, id).catch(orNobody);
    // The contact is gone.
    if (!conversation) return noteAsked(tx, { organization_id: actor.organization_id, id }, null);
    // Another process was faster, or it is open again.
    if (!conversation.csat_due_at) return;
    const settings = await surveySettings(tx, conversation);
    const asked = settings.enabled && (await this.send(tx, actor, conversation, settings.question ?? words.question, words));
    await noteAsked(tx, conversation, asked ? settings.expires_hours : null);
  }

  /** Whether it could be sent: the window is open, the number connected, the contact not blocked … */
  private async send(
    tx: Tx,
    actor: Actor,
    { id, whatsapp_number_id }: Conversation,
    question: string,
    words: (typeof WORDS)[Language],
  ): Promise<boolean> {
    const number = whatsapp_number_id && (await this.database.repository(WhatsAppNumber, tx).find(actor, whatsapp_number_id));
    if (!number) return false;
    const draft = CAPABILITIES[number.connection_type].has_text_menus ? textOf(question, words) : listOf(question, words);
    try {
      await tx.attempt(() => this.sending.toConversation(actor, { type: SenderType.system }, id, draft, { when_over: true }, tx));
      return true;
    } catch (error) {
      if (error instanceof AppError && error.status < 500) return false;
      throw error;
    }
  }
}

const stars = (rating: number): string => '⭐'.repeat(rating);

const listOf = (question: string, { button, answers }: (typeof WORDS)[Language]): Draft =>
  composeList({
    body: question,
    button_text: button,
    sections: [{ rows: answers.map((answer, n) => ({ id: answerId(5 - n), title: `${stars(5 - n)} ${answer}` })) }],
  });

function textOf(question: string, { answers }: (typeof WORDS)[Language]): Draft {
  const text = `${question}\n\n${answers.map((answer, n) => `${5 - n} - ${answer}`).join('\n')}`;
  return { message_type: MessageType.text, content: text, payload: { text } };
}

function orNobody(error: unknown): { conversation: null } {
  if (error instanceof NotFound) return { conversation: null };
  throw error;
}

import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { Conflict, Invalid, NotFound, TooMany } from '#common/errors';
import { Database, type Tx } from '#database/database';
import type { Contact } from '#modules/contacts/contact.entity';
import { NumberLimits } from '#modules/whatsapp/limits/number-limits';
import { MediaService } from '#modules/whatsapp/media/media.service';
import { sendingNumber } from '#modules/whatsapp/numbers/sending-number';
import type { WhatsAppNumber } from '#modules/whatsapp/numbers/whatsapp-number.entity';
import { CAPABILITIES } from '#modules/whatsapp/provider';
import { Providers } from '#modules/whatsapp/providers';
import { renderTemplateBody, templateComponents } from '#modules/whatsapp/templates/template-parameters';
import { TemplatesService } from '#modules/whatsapp/templates/templates.service';
import type { Conversation } from '../conversation.entity';
import { isActive } from '../state/active';
import { type Draft, typeWithFile } from './compose';
import { type MessageMedia, MessageType } from './message.entity';

/** Longer waits than this are the caller's to make; shorter ones the worker's. Contract 20, 4.5. */
const MAX_WAIT_SECONDS = 300;

/** A send that may happen: by which number, and what the message is. */
export interface Ready {
  number: WhatsAppNumber;
  message_type: MessageType;
  media: MessageMedia | null;
  template: { id: string; rendered: string | null; payload: Record<string, unknown> } | null;
}

/** Whether a draft may be sent, and what it is sent as. */
@Injectable()
export class CheckSend {
  constructor(
    private readonly database: Database,
    private readonly templates: TemplatesService,
    private readonly media: MediaService,
    private readonly providers: Providers,
    private readonly limits: NumberLimits,
  ) {}

  /** The checks of contract 20, 4.5, in its order. */
  async check(
    tx: Tx,
    actor: Actor,
    conversation: Conversation,
    contact: Contact,
    draft: Draft,
    named: WhatsAppNumber | null,
    { when_over }: { when_over?: true },
  ): Promise<Ready> {
    const sending = await sendingNumber(this.database, tx, actor, conversation.whatsapp_number_id ?? named?.id ?? null);
    const number = sending?.number;
    if (named && number && named.id !== number.id) throw Invalid.field('whatsapp_number_id', 'This conversation runs on another number.');
    if (draft.template && number && !CAPABILITIES[number.connection_type].has_templates)
      throw new Conflict('not_supported_for_connection_type', 'Templates exist on official numbers only.');
    if (draft.payload.kind === 'request_contact_info' && number && !CAPABILITIES[number.connection_type].asks_for_phone)
      throw new Conflict('not_supported_for_connection_type', 'Only official numbers can ask for a phone.');
    const template = draft.template && number ? await this.templates.findForSend(actor, number.id, draft.template, tx) : null;
    const { media, message_type } = await this.file(tx, actor, draft);
    // 422 template_parameter_mismatch comes before the state conflicts.
    const components = template ? templateComponents(draft.template ?? {}, template) : [];

    if (contact.is_blocked) throw new Conflict('contact_blocked', 'The contact is blocked. Unblock it to write.');
    if (!isActive(conversation) && !when_over)
      throw new Conflict('conversation_not_active', `The conversation is ${conversation.status}. Reopen it to write.`);
    if (!sending || !number) throw new Conflict('no_whatsapp_number', 'There is no WhatsApp number to send from. Add one first.');
    if (!number.is_active) throw new Conflict('number_inactive', 'The WhatsApp number is switched off. Activate it to send.');
    const obstacle = this.providers.of(number).obstacle(sending);
    if (obstacle) throw obstacle;
    if (contact.anonymized_at || (!contact.whatsapp_id && !contact.whatsapp_user_id))
      throw new Conflict('phone_required', 'The contact has neither a phone nor a WhatsApp user id.');
    const { has_window } = CAPABILITIES[number.connection_type];
    const open = !has_window || (conversation.window_expires_at !== null && conversation.window_expires_at > new Date());
    if (!open && !template)
      throw new Conflict('window_closed', 'The 24-hour window is closed: a template is required (template required).', {
        details: [{ msg: 'template required', type: 'window_closed', window_expires_at: conversation.window_expires_at }],
      });
    if (template && template.status !== 'APPROVED')
      throw new Conflict('template_not_approved', `The template is ${template.status}; only an APPROVED one can be sent.`);
    if (template && !template.is_enabled) throw new Conflict('template_disabled', 'The template is switched off here.');
    if (template?.category === 'AUTHENTICATION' && !contact.whatsapp_id)
      throw new Conflict('phone_required', 'Authentication templates need the contact’s phone.');
    const rendered = template && renderTemplateBody(template, components);
    return {
      number,
      message_type,
      media,
      template: template && {
        id: template.id,
        rendered,
        payload: {
          template_id: template.id,
          name: template.name,
          language: template.language,
          components,
          rendered_text: rendered,
        },
      },
    };
  }

  /** A person is told when the number's own limits would keep the message for long; Meta's pauses end, and machines wait. */
  async assertSoon(number: WhatsAppNumber): Promise<void> {
    const seconds = Math.ceil((await this.limits.longWait(number)) / 1000);
    if (seconds > MAX_WAIT_SECONDS)
      throw new TooMany('whatsapp_rate_limited', 'The number has sent as much as its limits allow. Try again later.', seconds);
  }

  /** The draft's file and what the message is with it. @throws {Invalid} The draft says another kind. */
  async file(tx: Tx, actor: Actor, draft: Draft): Promise<Pick<Ready, 'media' | 'message_type'>> {
    if (!draft.media_id) return { media: null, message_type: draft.message_type ?? MessageType.text };
    const media = await this.media.forSend(actor, draft.media_id, tx);
    return { media, message_type: typeWithFile(draft, media) };
  }

  async quoted(tx: Tx, actor: Actor, conversation_id: string, id: string): Promise<string> {
    const [row] = await tx.rows<{ id: string }>('SELECT id FROM messages WHERE organization_id = $1 AND conversation_id = $2 AND id = $3', [
      actor.organization_id,
      conversation_id,
      id,
    ]);
    if (!row) throw new NotFound('Message to reply to');
    return row.id;
  }
}

import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { type AppError, Conflict, Invalid, NotFound } from '#common/errors';
import { matchKey, normalizePhone } from '#common/phone';
import { Database, type Tx } from '#database/database';
import { prepared } from '#database/sql';
import { countSent } from '#modules/contacts/contact-counters';
import { furtherPhone } from '#modules/contacts/contact-identities';
import { Contact } from '#modules/contacts/contact.entity';
import { ContactsService } from '#modules/contacts/contacts.service';
import { PlanMeter } from '#modules/organizations/plan-meter';
import { sendingNumber } from '#modules/whatsapp/numbers/sending-number';
import { User } from '#modules/users/user.entity';
import { WhatsAppNumber } from '#modules/whatsapp/numbers/whatsapp-number.entity';
import { Lane } from '#modules/whatsapp/limits/lane';
import { Conversation } from '../conversation.entity';
import { CheckSend } from './check-send';
import type { Draft } from './compose';
import { DeliverMessage } from './deliver-message';
import { Message, MessageDirection, MessageStatus, MessageType, SenderType } from './message.entity';
import { presentMessage } from './message.dto';
import { newMessage } from './new-message';
import { type SendResult } from './send-answers.dto';
import { assertReactable, react } from './reactions';
import { AGENT, type Sender, laneOf, signed } from './sender';
import { tellUnsent } from './tell-status';
import { lockThread } from '../state/locking';
import { open } from '../state/opening';
import { addressTo, say, sayInVain } from '../state/traffic';

export interface SendOptions {
  reply_to_message_id?: string;
  client_reference?: string;
  /** The message this one is sent again for. */
  resent_from?: Message;
  /** The name of the contact it goes to, null for their number; default: the conversation's. */
  address?: string | null;
  /** Also into a conversation that is over, which stays so. */
  when_over?: true;
}

/** A recipient by phone, for sends that name no conversation. */
export interface Recipient extends SendOptions {
  to: string;
  whatsapp_number_id?: string;
  conversation_id?: string;
}

const WAITING = prepared(
  'INSERT INTO outbound_sends (message_id, organization_id, conversation_id, whatsapp_number_id, lane, contact_identity_id) VALUES ($1, $2, $3, $4, $5, $6)',
);

const LAST_NUMBER = prepared(
  `SELECT whatsapp_number_id FROM conversations WHERE organization_id = $1 AND contact_id = $2 AND last_incoming_at IS NOT NULL
    ORDER BY last_incoming_at DESC LIMIT 1`,
);

/** Everything we say to a customer starts here: checks, the row, its place in the thread, and the row that makes it leave once. */
@Injectable()
export class SendMessage {
  constructor(
    private readonly database: Database,
    private readonly contacts: ContactsService,
    private readonly checks: CheckSend,
    private readonly delivery: DeliverMessage,
    private readonly plan: PlanMeter,
  ) {}

  /** Into a conversation. @throws {409} in the order of contract 20, 4.5. @throws {Forbidden} `plan_limit_exceeded`. */
  async toConversation(
    actor: Actor,
    sender: Sender,
    conversation_id: string,
    draft: Draft,
    options: SendOptions = {},
    within?: Tx,
  ): Promise<Message> {
    const send = async (tx: Tx): Promise<Message> => {
      const { contact, conversation } = await lockThread(tx, actor, conversation_id);
      return this.store(tx, actor, sender, conversation, contact, draft, options);
    };
    if (within) return send(within);
    const answer = async (tx: Tx): Promise<Message> => {
      const message = await send(tx);
      tx.answer(presentMessage(message));
      return message;
    };
    return this.database.txInTurn(actor.organization_id, conversation_id, answer);
  }

  /** To a phone: contact and conversation are found, or made. */
  async toPhone(actor: Actor, sender: Sender, recipient: Recipient, draft: Draft): Promise<SendResult> {
    const phone = normalizePhone(recipient.to);
    if (!phone) throw Invalid.field('to', 'to is not a phone number in international form, such as +5511987654321', undefined, 'phone');
    const send = async (tx: Tx): Promise<Message> => {
      const named = recipient.whatsapp_number_id
        ? await this.database.repository(WhatsAppNumber, tx).get(actor, recipient.whatsapp_number_id)
        : null;
      if (recipient.conversation_id) {
        const { contact, conversation } = await lockThread(tx, actor, recipient.conversation_id);
        const address = await addressOf(tx, conversation, contact, phone);
        if (address === undefined) throw Invalid.field('conversation_id', 'This conversation is with somebody else than `to`.');
        return this.store(tx, actor, sender, conversation, contact, draft, { ...recipient, address }, named);
      }
      const number = named ?? (await sendingNumber(this.database, tx, actor, null))?.number ?? null;
      if (number?.phone_number === phone) throw Invalid.field('to', 'to is the sending number itself', 'recipient_is_sender');
      const contact = await this.lockPerson(tx, actor, phone);
      const conversation = await open(tx, actor, contact, number?.id ?? null);
      const address = await addressOf(tx, conversation, contact, phone);
      return this.store(tx, actor, sender, conversation, contact, draft, { ...recipient, address }, number);
    };
    // One person's sends in turn, as above: they all want the contact's row.
    return this.database.txInTurn(actor.organization_id, matchKey(phone), answering(send));
  }

  /** To a contact, by the number they wrote to last: the conversation there is found, or made. */
  async toContact(actor: Actor, sender: Sender, contact_id: string, draft: Draft): Promise<SendResult> {
    const send = async (tx: Tx): Promise<Message> => {
      const contact = await this.database.repository(Contact, tx).lock(actor, contact_id);
      const [last] = await tx.rows<{ whatsapp_number_id: string | null } | undefined>(LAST_NUMBER, [actor.organization_id, contact_id]);
      const number_id = last?.whatsapp_number_id ?? (await sendingNumber(this.database, tx, actor, null))?.number.id ?? null;
      return this.store(tx, actor, sender, await open(tx, actor, contact, number_id), contact, draft, {});
    };
    return this.database.txInTurn(actor.organization_id, contact_id, answering(send));
  }

  /** The contact of a phone, locked; made when there is none. */
  private async lockPerson(tx: Tx, actor: Actor, phone: string): Promise<Contact> {
    const contacts = this.database.repository(Contact, tx);
    for (;;) {
      const { id } = await this.contacts.findOrCreateByPhone(actor, phone, { source: 'api' }, tx);
      const [contact] = await contacts.query(actor, 'row').andWhere('row.id = :id', { id }).setLock('for_no_key_update').getMany();
      // Else it was merged into another one, or deleted, while we waited.
      if (contact) return contact;
    }
  }

  /**
   * The business reacts to a message: shown at that message, and sent in the order of its conversation as a message of its own, which no list shows.
   * @throws {409} message_not_reactable, then as every send. @throws {Forbidden} `plan_limit_exceeded`.
   */
  async react(actor: Actor, message_id: string, emoji: string): Promise<Message> {
    const { organization_id } = actor;
    const { conversation_id } = await this.database.repository(Message).get(actor, message_id);
    const send = async (tx: Tx): Promise<Message> => {
      const { contact, conversation } = await lockThread(tx, actor, conversation_id);
      const messages = this.database.repository(Message, tx);
      const target = await messages.lock(actor, message_id);
      assertReactable(target);
      const draft: Draft = { message_type: MessageType.reaction, content: null, payload: { target_message_id: message_id, emoji } };
      const { number } = await this.checks.check(tx, actor, conversation, contact, draft, null, {});
      const present = target.reactions.find(({ from }) => from === 'business')?.emoji ?? '';
      if (present === emoji) return target;
      await this.plan.take(tx, actor, 'messages_per_month');
      const reaction = newMessage({
        ...signed(actor, AGENT),
        organization_id,
        conversation_id: conversation.id,
        contact_id: contact.id,
        whatsapp_number_id: number.id,
        direction: MessageDirection.outgoing,
        message_type: MessageType.reaction,
        payload: draft.payload,
        reply_to_message_id: message_id,
      });
      const at = reaction.created_at.toISOString();
      const user_id = actor.member_id ?? undefined;
      await this.insert(tx, reaction);
      await this.leave(tx, reaction, laneOf(AGENT), conversation.contact_identity_id);
      const reacted = await messages.patch(actor, message_id, {
        reactions: react(target.reactions, { from: 'business', emoji, at, user_id }),
      });
      tx.tell('message.updated', { organization_id, message: presentMessage(reacted), change: 'reaction' });
      tx.audit(actor, 'message.reacted', {
        resource: { id: message_id },
        before: { reaction: present },
        after: { reaction: emoji },
        metadata: { conversation_id, contact_id: contact.id, emoji },
      });
      return reacted;
    };
    return this.database.txInTurn(organization_id, conversation_id, send);
  }

  /** An internal note: kept in any state of the conversation, never sent, never counted. Whom it names is told. @throws {NotFound} */
  async note(actor: Actor, conversation_id: string, note: string, mentioned: readonly string[] = []): Promise<Message> {
    const mentions = [...new Set(mentioned)];
    return this.database.tx(async (tx) => {
      const conversation = await this.database.repository(Conversation, tx).get(actor, conversation_id);
      if ((await this.database.repository(User, tx).many(actor, mentions)).length < mentions.length) throw new NotFound('User');
      const stored = newMessage({
        ...signed(actor, AGENT),
        organization_id: actor.organization_id,
        conversation_id,
        contact_id: conversation.contact_id,
        whatsapp_number_id: conversation.whatsapp_number_id,
        direction: MessageDirection.internal,
        message_type: MessageType.note,
        content: note,
        payload: { text: note },
        metadata: mentions.length ? { mentions } : {},
        status: MessageStatus.received,
      });
      await this.insert(tx, stored);
      const contact = await this.database
        .repository(Contact, tx)
        .query(actor, 'c')
        .withDeleted()
        .andWhere('c.id = :id', { id: conversation.contact_id })
        .getOneOrFail();
      tx.tell('message.created', {
        organization_id: actor.organization_id,
        message: presentMessage(stored),
        contact,
        conversation,
      });
      const { organization_id, user_id } = actor;
      tx.tell('conversation.note_added', { organization_id, conversation_id, user_id, message_id: stored.id, mentions });
      tx.audit(actor, 'conversation.note_added', {
        resource: { id: conversation_id },
        after: { message_id: stored.id, ...(mentions.length && { mentions }) },
        metadata: { message_id: stored.id },
      });
      tx.answer(presentMessage(stored));
      return stored;
    });
  }

  /** What could not be sent, kept in the thread as failed with the reason. */
  async keepUnsent(actor: Actor, sender: Sender, conversation_id: string, draft: Draft, reason: AppError, within?: Tx): Promise<void> {
    const { organization_id } = actor;
    await this.database.tx(async (tx) => {
      const conversation = await this.database.repository(Conversation, tx).lock(actor, conversation_id);
      const contact = await this.database.repository(Contact, tx).get(actor, conversation.contact_id);
      const message = newMessage({
        ...signed(actor, sender),
        organization_id,
        conversation_id,
        contact_id: contact.id,
        whatsapp_number_id: conversation.whatsapp_number_id,
        direction: MessageDirection.outgoing,
        ...(await this.checks.file(tx, actor, draft)),
        content: draft.content,
        payload: draft.payload,
        status: MessageStatus.failed,
        failed_at: new Date(),
        error_code: reason.error_code,
        error_message: reason.message,
      });
      await this.insert(tx, message);
      const told = await sayInVain(tx, actor, conversation, message);
      tx.tell('message.created', { organization_id, message: presentMessage(message), contact, conversation: told });
      await tellUnsent(tx, message);
    }, within);
  }

  /** Checks, then the rows; all or nothing. Contact and conversation are locked. */
  private async store(
    tx: Tx,
    actor: Actor,
    sender: Sender,
    conversation: Conversation,
    contact: Contact,
    draft: Draft,
    options: SendOptions,
    named: WhatsAppNumber | null = null,
  ): Promise<Message> {
    const reply_to = options.reply_to_message_id ? await this.checks.quoted(tx, actor, conversation.id, options.reply_to_message_id) : null;
    const { number, message_type, media, template } = await this.checks.check(tx, actor, conversation, contact, draft, named, options);
    if (laneOf(sender) === Lane.person) await this.checks.assertSoon(number);
    await this.plan.take(tx, actor, 'messages_per_month');
    const message = newMessage({
      ...signed(actor, sender),
      organization_id: actor.organization_id,
      conversation_id: conversation.id,
      contact_id: contact.id,
      whatsapp_number_id: number.id,
      direction: MessageDirection.outgoing,
      message_type,
      content: template ? template.rendered : draft.content,
      payload: template ? template.payload : draft.payload,
      media,
      template_id: template?.id ?? null,
      reply_to_message_id: reply_to,
      client_reference: options.client_reference ?? null,
      resent_from_id: options.resent_from?.id ?? null,
    });
    const lane = laneOf(sender);
    // Given together they leave together; the first that fails fails the others.
    const [told] = await Promise.all([
      say(tx, message, number.id),
      this.insert(tx, message),
      this.leave(tx, message, lane, options.address === undefined ? conversation.contact_identity_id : options.address),
      countSent(tx, actor.organization_id, contact.id, message.created_at),
    ]);
    if (options.resent_from) await this.succeed(tx, options.resent_from, message);
    const { organization_id } = actor;
    tx.tell('message.created', { organization_id, message: presentMessage(message), contact, conversation: told });
    if (sender.type === SenderType.agent) sayWhoSent(tx, actor, message);
    if (told.unread_count < conversation.unread_count)
      tx.tell('conversation.unread', { organization_id, conversation_id: conversation.id, user_id: actor.user_id, unread_count: 0 });
    return message;
  }

  /** A message of a number waits to be sent; from the commit on somebody is at it. */
  private async leave(
    tx: Tx,
    { id: message_id, organization_id, conversation_id, whatsapp_number_id }: Message,
    lane: Lane,
    address: string | null,
  ): Promise<void> {
    if (!whatsapp_number_id) throw new Error('a message leaves by a number');
    tx.afterCommit(() => this.delivery.wake({ organization_id, id: whatsapp_number_id }, { conversation_id, message_id, lane }));
    await tx.rows(WAITING, [message_id, organization_id, conversation_id, whatsapp_number_id, lane, address]);
  }

  /** Of several who send a failed message again at once one does; the contact's lock made them take turns. */
  private async succeed(tx: Tx, { organization_id, id }: Message, successor: Message): Promise<void> {
    const [taken] = await tx.rows(
      'UPDATE messages SET resent_as_id = $3, updated_at = now() WHERE organization_id = $1 AND id = $2 AND resent_as_id IS NULL RETURNING id',
      [organization_id, id, successor.id],
    );
    if (!taken) throw sentAgainAlready();
  }

  private async insert(tx: Tx, message: Message): Promise<void> {
    await this.database.repository(Message, tx).insertAll([message]);
  }
}

const answering =
  (send: (tx: Tx) => Promise<Message>) =>
  async (tx: Tx): Promise<SendResult> => {
    const sent = resultOf(await send(tx));
    tx.answer(sent);
    return sent;
  };

const resultOf = (message: Message): SendResult => ({
  message_id: message.id,
  status: message.status,
  whatsapp_message_id: null,
  conversation_id: message.conversation_id,
  contact_id: message.contact_id,
  message: presentMessage(message),
});

/** Contract 20, 4: what people send is audited. */
function sayWhoSent(tx: Tx, actor: Actor, sent: Message): void {
  const { id, conversation_id, contact_id, whatsapp_number_id, message_type, status, resent_from_id } = sent;
  const metadata = { conversation_id, contact_id, message_type, ...(resent_from_id && { resent_from_id }) };
  const after = { ...metadata, whatsapp_number_id, status };
  tx.audit(actor, resent_from_id ? 'message.resent' : 'message.sent', { resource: { id }, after, metadata });
}

export const sentAgainAlready = (): Conflict => new Conflict('message_not_failed', 'This message was sent again already.');

/**
 * The name a send to this phone goes to: null for the contact's number, else a further one of theirs, to which a conversation in which they did not
 * write yet goes from now on; undefined: it is neither.
 */
async function addressOf(tx: Tx, conversation: Conversation, contact: Contact, phone: string): Promise<string | null | undefined> {
  const match_key = matchKey(phone);
  const address = contact.match_key === match_key ? null : await furtherPhone(tx, contact, match_key);
  if (address !== undefined && !conversation.last_incoming_at) await addressTo(tx, conversation, address);
  return address;
}

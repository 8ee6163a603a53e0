import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { Reference, UncheckedReference } from '#database/references';
import { ContactIdentity } from '#modules/contacts/contact-identity.entity';
import { WhatsAppNumber } from '#modules/whatsapp/numbers/whatsapp-number.entity';
import { Conversation } from '../conversation.entity';
import { Message } from './message.entity';

/**
 * A message on its way out: the row that makes it leave once. It is there from the message's commit until the provider's answer is
 * committed; `claimed_at` is committed before the provider is called, so a crash in between is seen and never resent blindly.
 */
@Entity('outbound_sends')
// A message that waits to leave is not deleted under its sender.
@Reference(() => Message, 'message_id', 'RESTRICT')
@Reference(() => Conversation, 'conversation_id', 'RESTRICT')
@Reference(() => WhatsAppNumber, 'whatsapp_number_id', 'RESTRICT')
// It is there for seconds, and without its name goes to the contact's own.
@UncheckedReference(() => ContactIdentity, 'contact_identity_id')
@Index('outbound_sends_conversation_idx', ['organization_id', 'conversation_id', 'message_id'])
@Index('outbound_sends_line_idx', ['organization_id', 'whatsapp_number_id', 'lane', 'due_at'])
export class OutboundSend {
  @PrimaryColumn('uuid')
  message_id: string;

  @PrimaryColumn('uuid')
  organization_id: string;

  @Column('uuid')
  conversation_id: string;

  @Column('uuid')
  whatsapp_number_id: string;

  /** The name of the contact it goes to while that is theirs; null: their own number. */
  @Column('uuid', { nullable: true })
  contact_identity_id: string | null;

  /** Which goes first, the lesser; see `Lane`. What is before it in the conversation goes with it. */
  @Column('smallint', { default: 0 })
  lane: number;

  /** Not before. */
  @Column({ type: 'timestamptz', precision: 3, default: () => 'now()' })
  due_at: Date;

  @Column('int', { default: 0 })
  attempts: number;

  /** Set while one worker talks to the provider. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  claimed_at: Date | null;
}

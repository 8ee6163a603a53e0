import { randomBytes } from 'node:crypto';
import type { INestApplicationContext } from '@nestjs/common';
import { Actor } from '#common/actor';
import { Encryption } from '#common/encryption';
import { matchKey } from '#common/phone';
import { newId } from '#common/uuid';
import { Config } from '#config/config';
import { Database, type Tx } from '#database/database';
import { AuthService } from '#modules/auth/auth.service';
import { IdentityKind } from '#modules/contacts/contact-identity.entity';
import { Conversation, ConversationStatus } from '#modules/conversations/conversation.entity';
import { Message, MessageDirection, MessageStatus, MessageType, SenderType } from '#modules/conversations/messages/message.entity';
import { newMessage } from '#modules/conversations/messages/new-message';
import { newWamid } from '#modules/simulator/json';
import { SIMULATOR_ACCESS_TOKEN, SIMULATOR_DEMO_NUMBER } from '#modules/simulator/simulator-number';
import { SimulatorService } from '#modules/simulator/simulator.service';
import { Contact } from '#modules/contacts/contact.entity';
import { ContactIdentity } from '#modules/contacts/contact-identity.entity';
import { normalizePhone } from '#common/phone';
import { ConnectionStatus, WhatsAppNumber } from '#modules/whatsapp/numbers/whatsapp-number.entity';
import { Template } from '#modules/whatsapp/templates/template.entity';

/** Printed once, kept nowhere. */
export interface Demo {
  email: string;
  password: string;
}

const EMAIL = 'admin@demo.pytake';
const HOUR = 3600_000;

const PEOPLE = [
  {
    name: 'Mariana Costa',
    phone: '+5511987650001',
    hours_ago: 1,
    says: ['Oi! Vocês entregam em Pinheiros?', 'Queria dois bolos para sábado 🎂'],
    unread: true,
  },
  {
    name: 'João Pereira',
    phone: '+5521987650002',
    hours_ago: 3,
    says: ['Boa tarde, meu pedido 1042 já saiu?'],
    answer: 'Boa tarde, João! Saiu agora, chega em 40 minutos.',
  },
  {
    name: 'Beatriz Lima',
    phone: '+5531987650003',
    hours_ago: 30,
    says: ['Obrigada, deu tudo certo!'],
    answer: 'Que bom, Beatriz! Volte sempre 💚',
    resolved: true,
  },
];

/** On the first embedded start: an organization to try everything with. null when there are organizations already. */
export async function makeDemo(app: INestApplicationContext): Promise<Demo | null> {
  const database = app.get(Database);
  const simulator = app.get(SimulatorService);
  const [existing] = await database.source.query<{ email: string | null }[]>(
    'SELECT (SELECT email FROM users WHERE email = $1 AND deleted_at IS NULL) AS email FROM organizations WHERE slug <> $2 LIMIT 1',
    [EMAIL, 'pytake-system'],
  );
  simulator.demo_email = existing ? existing.email : EMAIL;
  if (existing) return null;

  const password = `${randomBytes(9).toString('base64url')}7a`;
  const { user } = await app.get(AuthService).enroll({ email: EMAIL, password, full_name: 'Ana Souza', organization_name: 'Padaria Demo' });
  const actor = new Actor(user.organization_id, user.role, user.id);
  await database.tx(async (tx) => {
    const number = await addNumber(tx, app, actor);
    await addTemplate(tx, database, actor, number.id);
    for (const person of PEOPLE) {
      const messages = await addThread(tx, database, actor, number, person);
      tx.afterCommit(() => showOnPhone(simulator, person, messages));
    }
  });
  return { email: EMAIL, password };
}

async function addNumber(tx: Tx, app: INestApplicationContext, actor: Actor): Promise<WhatsAppNumber> {
  const number = await app
    .get(Database)
    .repository(WhatsAppNumber, tx)
    .insert(actor, {
      phone_number: normalizePhone(SIMULATOR_DEMO_NUMBER.display_phone_number) ?? '',
      display_name: SIMULATOR_DEMO_NUMBER.verified_name,
      phone_number_id: SIMULATOR_DEMO_NUMBER.phone_number_id,
      whatsapp_business_account_id: SIMULATOR_DEMO_NUMBER.waba_id,
      is_default: true,
      connection_status: ConnectionStatus.connected,
      connected_at: new Date(),
      verified: true,
      verified_at: new Date(),
      quality_rating: 'GREEN',
      messaging_limit_tier: 'TIER_2K',
    });
  await tx.manager.query(
    `INSERT INTO whatsapp_number_secrets (whatsapp_number_id, organization_id, access_token, access_token_hint, webhook_verify_token) VALUES ($1, $2, $3, $4, $5)`,
    [
      number.id,
      actor.organization_id,
      app.get(Encryption).encrypt(SIMULATOR_ACCESS_TOKEN),
      SIMULATOR_ACCESS_TOKEN.slice(-4),
      app.get(Config).meta_webhook_verify_token ?? randomBytes(16).toString('hex'),
    ],
  );
  return number;
}

async function addTemplate(tx: Tx, database: Database, actor: Actor, whatsapp_number_id: string): Promise<void> {
  await database.repository(Template, tx).insert(actor, {
    whatsapp_number_id,
    name: 'pedido_pronto',
    language: 'pt_BR',
    category: 'UTILITY',
    status: 'APPROVED',
    meta_template_id: '999200000000001',
    components: [
      { type: 'BODY', text: 'Olá {{1}}, seu pedido {{2}} está pronto para retirada.', example: { body_text: [['Ana', '1042']] } },
    ],
  });
}

async function addThread(
  tx: Tx,
  database: Database,
  actor: Actor,
  number: WhatsAppNumber,
  person: (typeof PEOPLE)[number],
): Promise<Message[]> {
  const at = (minutes: number): Date => new Date(Date.now() - person.hours_ago * HOUR + minutes * 60_000);
  const last = at(person.says.length - 1);
  const contact = await database.repository(Contact, tx).insert(actor, {
    whatsapp_id: person.phone,
    match_key: matchKey(person.phone),
    wa_id: person.phone.slice(1),
    name: person.name,
    whatsapp_name: person.name.split(' ')[0],
    source: 'whatsapp',
    lifecycle_stage: 'customer',
    opt_in_date: at(0),
    last_message_at: last,
    last_message_received_at: last,
    total_messages_received: person.says.length,
    total_conversations: 1,
  });
  await database
    .repository(ContactIdentity, tx)
    .insert(actor, { kind: IdentityKind.phone, value: matchKey(person.phone), contact_id: contact.id });
  const conversation_id = newId();
  const base = {
    organization_id: actor.organization_id,
    conversation_id,
    contact_id: contact.id,
    whatsapp_number_id: number.id,
    message_type: MessageType.text,
  };
  const messages = person.says.map((text, index) =>
    newMessage({
      ...base,
      direction: MessageDirection.incoming,
      sender_type: SenderType.contact,
      sender_name: person.name,
      content: text,
      payload: { text },
      whatsapp_message_id: newWamid(),
      status: MessageStatus.received,
      created_at: at(index),
    }),
  );
  if (person.answer)
    messages.push(
      newMessage({
        ...base,
        direction: MessageDirection.outgoing,
        sender_type: SenderType.agent,
        sender_user_id: actor.user_id,
        sender_name: 'Ana Souza',
        content: person.answer,
        payload: { text: person.answer },
        whatsapp_message_id: newWamid(),
        status: MessageStatus.read,
        sent_at: at(5),
        delivered_at: at(5),
        read_at: at(6),
        created_at: at(5),
      }),
    );
  const newest = messages[messages.length - 1];
  await database.repository(Conversation, tx).insert(actor, {
    id: conversation_id,
    contact_id: contact.id,
    whatsapp_number_id: number.id,
    status: person.resolved ? ConversationStatus.resolved : ConversationStatus.open,
    resolved_at: person.resolved ? at(7) : null,
    first_message_at: at(0),
    last_message_at: newest.created_at,
    last_incoming_at: last,
    last_outgoing_at: person.answer ? at(5) : null,
    window_expires_at: new Date(last.getTime() + 24 * HOUR),
    unread_count: person.unread ? person.says.length : 0,
    total_messages: messages.length,
    messages_from_contact: person.says.length,
    messages_from_agent: person.answer ? 1 : 0,
    last_message_id: newest.id,
  });
  for (const message of messages) await database.repository(Message, tx).insert(actor, message);
  return messages;
}

/** The same conversation as the customer sees it. */
function showOnPhone({ simulator }: SimulatorService, person: (typeof PEOPLE)[number], messages: Message[]): void {
  if (!simulator) return;
  const customer = simulator.customers.know({ wa_id: person.phone, name: person.name });
  const bubbles = messages.map(({ whatsapp_message_id, direction, content, created_at }) => ({
    id: whatsapp_message_id ?? '',
    direction: direction === MessageDirection.incoming ? ('customer' as const) : ('business' as const),
    type: 'text',
    content: { body: content },
    context_message_id: null,
    timestamp: created_at.toISOString(),
    status: direction === MessageDirection.incoming && person.unread ? ('sent' as const) : ('read' as const),
  }));
  simulator.restore({ phone_number_id: SIMULATOR_DEMO_NUMBER.phone_number_id, customer: customer.key, messages: bubbles }, customer);
}

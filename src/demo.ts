import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { type INestApplicationContext, Logger } from '@nestjs/common';
import { Actor } from '#common/actor';
import { DEMO } from '#common/demo';
import { Encryption } from '#common/encryption';
import { newId } from '#common/uuid';
import { Config } from '#config/config';
import { Database } from '#database/database';
import { type DemoStage, demoRooms } from '#database/demo-rows';
import { Registration } from '#modules/auth/registration';
import { Conversation, ConversationStatus } from '#modules/conversations/conversation.entity';
import {
  Message,
  MessageDirection,
  type MessageMedia,
  MessageStatus,
  MessageType,
  SenderType,
} from '#modules/conversations/messages/message.entity';
import { newMessage } from '#modules/conversations/messages/new-message';
import { enterQueue } from '#modules/conversations/state/queueing';
import { Tags } from '#modules/tags/tags';
import { Passwords } from '#modules/users/passwords';
import type { SimulatorNumber } from '#modules/simulator/simulator-options';
import { newWamid } from '#modules/simulator/json';
import { SIMULATOR_ACCESS_TOKEN, SIMULATOR_DEMO_NUMBER } from '#modules/simulator/simulator-number';
import { SimulatorService } from '#modules/simulator/simulator.service';
import { Contact } from '#modules/contacts/contact.entity';
import { ContactIdentity, IdentityKind } from '#modules/contacts/contact-identity.entity';
import { matchKey, normalizePhone } from '#common/phone';
import { mediaOfMessage } from '#modules/whatsapp/media/media.dto';
import { KeepMedia } from '#modules/whatsapp/media/keep-media';
import { MediaFile } from '#modules/whatsapp/media/media-file.entity';
import { MediaStorage } from '#modules/whatsapp/media/media-storage';
import { PairNumber } from '#modules/whatsapp/numbers/pair-number';
import { placeOfKeys } from '#modules/whatsapp/numbers/whatsapp-number-secret.entity';
import { ConnectionStatus, WhatsAppNumber } from '#modules/whatsapp/numbers/whatsapp-number.entity';
import { DEMO_PICTURE } from './demo-picture';

const logger = new Logger('demo');

/** Printed once, kept nowhere. */
export interface Demo {
  email: string;
  password: string;
}

const HOUR = 3600_000;
const FILE_NAME = 'comprovante.png';

interface Person {
  /** Which of the rows that documents name are theirs. */
  ids: Partial<Record<'contact' | 'conversation' | 'message' | 'file' | 'failed', string>>;
  name: string;
  phone: string;
  hours_ago: number;
  says: string[];
  answer?: string;
  /** What we said last, and could not be sent. */
  failed?: string;
  unread?: boolean;
  resolved?: boolean;
  /** Has the demo's tag. */
  tagged?: boolean;
  /** For somebody, in the queue of the number. */
  waits?: boolean;
}

const PEOPLE: Person[] = [
  {
    ids: {},
    name: 'Mariana Costa',
    phone: '+5511987650001',
    hours_ago: 1,
    says: ['Oi! Vocês entregam em Pinheiros?', 'Queria dois bolos para sábado 🎂'],
    unread: true,
    waits: true,
  },
  {
    ids: {
      contact: DEMO.contact_id,
      conversation: DEMO.conversation_id,
      message: DEMO.message_id,
      file: DEMO.file_message_id,
      failed: DEMO.failed_message_id,
    },
    name: 'João Pereira',
    phone: DEMO.phone,
    hours_ago: 3,
    says: ['Boa tarde, meu pedido 1042 já saiu?'],
    tagged: true,
    answer: 'Boa tarde, João! Saiu agora, chega em 40 minutos.',
    failed: 'Na próxima compra, o café é por nossa conta ☕',
  },
  {
    ids: { contact: DEMO.other_contact_id, conversation: DEMO.resolved_conversation_id },
    name: 'Beatriz Lima',
    phone: '+5531987650003',
    hours_ago: 30,
    says: ['Obrigada, deu tudo certo!'],
    answer: 'Que bom, Beatriz! Volte sempre 💚',
    resolved: true,
  },
];

/** Where the demo's people appear. */
interface Stage extends DemoStage {
  number: WhatsAppNumber;
  file: MessageMedia;
}

/** Whether the demo's administrator can sign in: what a production that began as a trial would hardly know. */
export async function demoRemains(app: INestApplicationContext): Promise<boolean> {
  const found = await app
    .get(Database)
    .rows<unknown>('SELECT FROM users WHERE email = $1 AND is_active AND deleted_at IS NULL', [DEMO.email]);
  return found.length > 0;
}

/** On the first embedded start: an organization to try everything with. null when there are organizations already. */
export async function makeDemo(app: INestApplicationContext): Promise<Demo | null> {
  const database = app.get(Database);
  const simulator = app.get(SimulatorService);
  const [existing] = await database.rows<{ email: string | null }>(
    'SELECT (SELECT email FROM users WHERE email = $1 AND deleted_at IS NULL) AS email FROM organizations WHERE slug <> $2 LIMIT 1',
    [DEMO.email, 'pytake-system'],
  );
  simulator.demo_email = existing ? existing.email : DEMO.email;
  if (existing) return null;

  const password = app.get(Passwords).generate();
  const { user } = await app
    .get(Registration)
    .enroll({ email: DEMO.email, password, full_name: 'Ana Souza', organization_name: 'Padaria Demo' }, undefined, { mailed: false });
  const actor = new Actor(user.organization_id, user.role, user.id, null, user.full_name);
  const threads = await furnish(app, actor);
  for (const thread of threads) showOnPhone(simulator, thread);
  await showCode(app, actor);
  return { email: DEMO.email, password };
}

interface Thread {
  person: Person;
  messages: Message[];
}

/** Gives an organization what the demo has; answers its threads. `id`: what the rows that documents name are called there. */
export async function furnish(
  app: INestApplicationContext,
  actor: Actor,
  id = (named: string): string => named,
  line = SIMULATOR_DEMO_NUMBER,
): Promise<Thread[]> {
  const database = app.get(Database);
  const file = await keepFile(app, actor, id);
  return database.tx(async (tx) => {
    const stage = { app, database, tx, actor, id };
    const number = await addNumber(stage, line);
    for (const room of demoRooms()) await room(stage);
    await database.repository(WhatsAppNumber, tx).patch(actor, number.id, { default_queue_id: id(DEMO.counter_queue_id) });
    const threads: Thread[] = [];
    for (const person of PEOPLE) threads.push({ person, messages: await addThread({ ...stage, number, file }, person) });
    await database.repository(MediaFile, tx).patch(actor, id(DEMO.media_id), { message_id: id(DEMO.file_message_id) });
    return threads;
  });
}

/** What João sends, before the message that shows it. */
async function keepFile(app: INestApplicationContext, actor: Actor, id: DemoStage['id']): Promise<MessageMedia> {
  const received = await app.get(MediaStorage).receive(Readable.from([DEMO_PICTURE]), DEMO_PICTURE.length);
  const mime_type = 'image/png';
  const { size_bytes, sha256 } = received;
  const stored = await app.get(KeepMedia).keep(received, mime_type, actor.organization_id);
  const file = await app
    .get(Database)
    .repository(MediaFile)
    .insert(actor, { id: id(DEMO.media_id), mime_type, filename: FILE_NAME, size_bytes, sha256, status: 'ready', ...stored });
  return mediaOfMessage(file);
}

async function addNumber({ app, tx, actor, id }: DemoStage, line: SimulatorNumber): Promise<WhatsAppNumber> {
  const number = await app
    .get(Database)
    .repository(WhatsAppNumber, tx)
    .insert(actor, {
      id: id(DEMO.number_id),
      phone_number: normalizePhone(line.display_phone_number) ?? '',
      display_name: line.verified_name,
      phone_number_id: line.phone_number_id,
      whatsapp_business_account_id: line.waba_id,
      is_default: true,
      connection_status: ConnectionStatus.connected,
      connected_at: new Date(),
      verified: true,
      verified_at: new Date(),
      proved_at: new Date(),
      quality_rating: 'GREEN',
      messaging_limit_tier: 'TIER_2K',
    });
  await tx.rows(
    `INSERT INTO whatsapp_number_secrets (whatsapp_number_id, organization_id, access_token, access_token_hint, webhook_verify_token) VALUES ($1, $2, $3, $4, $5)`,
    [
      number.id,
      actor.organization_id,
      app.get(Encryption).encrypt(SIMULATOR_ACCESS_TOKEN, placeOfKeys(actor.organization_id, number.id)),
      SIMULATOR_ACCESS_TOKEN.slice(-4),
      app.get(Config).meta_webhook_verify_token ?? randomBytes(16).toString('hex'),
    ],
  );
  return number;
}

async function addThread(stage: Stage, person: Person): Promise<Message[]> {
  const { tx, database, actor, number } = stage;
  const at = clockOf(person);
  const contact = await addContact(stage, person);
  const messages = messagesOf(stage, person, contact);
  const newest = messages[messages.length - 1];
  const received = receivedFrom(person);
  const last = at(received - 1);
  const conversation = await database.repository(Conversation, tx).insert(actor, {
    id: newest.conversation_id,
    contact_id: contact.id,
    whatsapp_number_id: number.id,
    status: person.resolved ? ConversationStatus.resolved : ConversationStatus.open,
    resolved_at: person.resolved ? at(7) : null,
    first_message_at: at(0),
    last_message_at: newest.created_at,
    last_incoming_at: last,
    last_outgoing_at: person.answer ? at(5) : null,
    window_expires_at: new Date(last.getTime() + 24 * HOUR),
    unread_count: person.unread ? received : 0,
    total_messages: messages.length,
    messages_from_contact: received,
    messages_from_agent: messages.length - received,
    last_message_id: newest.id,
  });
  for (const message of messages) await database.repository(Message, tx).insert(actor, message);
  if (person.tagged) await stage.app.get(Tags).add(tx, actor, [{ contact_id: contact.id, tag_id: stage.id(DEMO.tag_id) }]);
  if (person.waits) await enterQueue(tx, actor, conversation);
  return messages;
}

async function addContact({ tx, database, actor, id }: Stage, person: Person): Promise<Contact> {
  const at = clockOf(person);
  const received = receivedFrom(person);
  const last = at(received - 1);
  const contact = await database.repository(Contact, tx).insert(actor, {
    id: idOf(id, person, 'contact'),
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
    total_messages_received: received,
    total_conversations: 1,
  });
  await database
    .repository(ContactIdentity, tx)
    .insert(actor, { kind: IdentityKind.phone, value: matchKey(person.phone), contact_id: contact.id });
  return contact;
}

/** What was said between us, in order. */
function messagesOf({ actor, id, number, file }: Stage, person: Person, contact: Contact): Message[] {
  const at = clockOf(person);
  const base = {
    organization_id: actor.organization_id,
    conversation_id: idOf(id, person, 'conversation'),
    contact_id: contact.id,
    whatsapp_number_id: number.id,
    message_type: MessageType.text,
  };
  const theirs = {
    ...base,
    direction: MessageDirection.incoming,
    sender_type: SenderType.contact,
    sender_name: person.name,
    status: MessageStatus.received,
  };
  const ours = {
    ...base,
    direction: MessageDirection.outgoing,
    sender_type: SenderType.agent,
    sender_user_id: actor.user_id,
    sender_name: 'Ana Souza',
  };
  const messages = person.says.map((text, index) =>
    newMessage({
      ...theirs,
      id: index ? newId() : idOf(id, person, 'message'),
      content: text,
      payload: { text },
      whatsapp_message_id: newWamid(),
      created_at: at(index),
    }),
  );
  if (person.ids.file)
    messages.push(
      newMessage({
        ...theirs,
        id: idOf(id, person, 'file'),
        message_type: MessageType.document,
        payload: { filename: file.filename },
        media: file,
        created_at: at(person.says.length),
      }),
    );
  if (person.failed)
    messages.push(
      newMessage({
        ...ours,
        id: idOf(id, person, 'failed'),
        content: person.failed,
        payload: { text: person.failed },
        status: MessageStatus.failed,
        error_code: '131000',
        error_message: 'Something went wrong.',
        failed_at: at(4),
        created_at: at(4),
      }),
    );
  if (person.answer)
    messages.push(
      newMessage({
        ...ours,
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
  return messages;
}

/** The number by QR code waits for its phone: the simulator shows a code. A server of somebody's own is asked by them. */
async function showCode(app: INestApplicationContext, actor: Actor): Promise<void> {
  const { simulator_enabled, evolution_api_url } = app.get(Config);
  if (!simulator_enabled || evolution_api_url) return;
  // Who asks for it later gets another.
  await app
    .get(PairNumber)
    .begin(actor, DEMO.qrcode_number_id)
    .catch((error: unknown) => logger.warn({ msg: 'the demo shows no QR code', err: error }));
}

/** The same conversation as the customer sees it. */
function showOnPhone({ simulator }: SimulatorService, { person, messages }: Thread): void {
  if (!simulator) return;
  const customer = simulator.customers.know({ wa_id: person.phone, name: person.name });
  const texts = messages.filter(({ message_type, status }) => message_type === MessageType.text && status !== MessageStatus.failed);
  const bubbles = texts.map(({ whatsapp_message_id, direction, content, created_at }) => ({
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

/** A row of theirs that documents name, else a new one. */
function idOf(id: DemoStage['id'], { ids }: Person, what: keyof Person['ids']): string {
  const named = ids[what];
  return named ? id(named) : newId();
}

/** Minutes after their first message. */
function clockOf({ hours_ago }: Person): (minutes: number) => Date {
  const start = Date.now() - hours_ago * HOUR;
  return (minutes) => new Date(start + minutes * 60_000);
}

const receivedFrom = ({ says, ids }: Person): number => says.length + (ids.file ? 1 : 0);

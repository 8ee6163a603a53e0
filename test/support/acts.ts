import { META_SECRET, META_TOKEN, type FakeMeta, tried } from './fake-meta';
import { Inbox, type Row } from './inbox';
import { metaPayload } from './meta-payloads';
import { digits, officialNumber } from './official-number';
import { PASSWORD, type Person, type World } from './world';

/** What an act is done with. */
export interface Given {
  /** Who does it; default the administrator. */
  person?: Person;
  /** The id in its path; GraphQL's one id. */
  id?: string;
  body?: object;
  file?: Buffer;
}

/** Something a person does, and what the audit log calls it whatever the door. */
export interface Act {
  /** Method and path as Nest writes it. */
  rest: string;
  /** GraphQL's name of it, where it has one. */
  mutation?: string;
  /** What the log says, in this order. */
  said: string[];
  /** Fields the first entry says from and to of, among others. */
  changes?: string[];
  given(stage: Stage): Promise<Given>;
  /** A body that is refused. */
  wrong?: object;
}

const PIXEL = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');

const phone = (): string => `+55119${digits(8).replace(/^./, '8')}`;

/** An organization in which an act can be done. */
export class Stage {
  private constructor(
    readonly world: World,
    readonly meta: FakeMeta,
    private readonly box: Inbox,
  ) {}

  static async of(world: World, meta: FakeMeta): Promise<Stage> {
    return new Stage(world, meta, new Inbox(world, world.acme, await officialNumber(world, world.acme)));
  }

  get admin(): Person {
    return this.world.acme.admin;
  }

  get agent(): Person {
    return this.world.acme.agent;
  }

  async made(path: string, body: object): Promise<string> {
    const { body: row } = await this.admin.post(path, body).expect(201);
    return (row as { id: string }).id;
  }

  contact(values: object = {}): Promise<string> {
    return this.made('/contacts', { whatsapp_id: phone(), name: 'Ana Souza', company: 'Padaria', ...values });
  }

  /** A customer has just written: the window is open. */
  async conversation(): Promise<Row> {
    await this.box.receive(metaPayload.text(this.box.person()));
    return this.box.conversation();
  }

  async closed(): Promise<Row> {
    const conversation = await this.conversation();
    await this.admin.post(`/conversations/${conversation.id}/close`, {}).expect(200);
    return conversation;
  }

  async failed(): Promise<string> {
    return (
      await this.box.outgoing(await this.conversation(), { status: 'failed', payload: { text: 'Já vai' }, whatsapp_message_id: null })
    ).id;
  }

  /** The phone of a customer who has just written. */
  async customer(): Promise<string> {
    await this.conversation();
    const [{ whatsapp_id }] = await this.box.contacts();
    return String(whatsapp_id);
  }

  /** A number Meta knows, connected. */
  async number(): Promise<string> {
    const { phone_number_id, waba_id, display_phone_number } = this.meta.number();
    const ids = { phone_number: display_phone_number, phone_number_id, waba_id };
    const id = await this.made('/whatsapp', { ...ids, access_token: META_TOKEN, app_secret: META_SECRET });
    await tried(this.world, id);
    return id;
  }

  async login(): Promise<{ access_token: string; refresh_token: string }> {
    const { body } = await this.world.guest.post('/auth/login', { email: this.agent.user.email, password: PASSWORD }).expect(200);
    return body as { access_token: string; refresh_token: string };
  }
}

const someone = (): string => `someone-${digits(9)}@acme.example`;

/** A send to a phone; one route for each kind. */
const sendTo = (route: string, content: object): Act => ({
  rest: `POST whatsapp/${route}`,
  said: ['message.sent'],
  given: async (stage) => ({ body: { to: await stage.customer(), ...content } }),
  wrong: { to: 'nobody' },
});

/** Every act there is, at one door or two. */
export const ACTS: Act[] = [
  // --- contacts
  {
    rest: 'POST contacts',
    mutation: 'createContact',
    said: ['contact.created'],
    given: () => Promise.resolve({ body: { whatsapp_id: phone(), name: 'Carla Dias' } }),
    wrong: { whatsapp_id: 'nobody' },
  },
  {
    rest: 'PUT contacts/:contact_id',
    mutation: 'updateContact',
    said: ['contact.updated'],
    changes: ['company', 'lead_score', 'whatsapp_id'],
    given: async (stage) => ({ id: await stage.contact(), body: { company: 'Oficina', lead_score: 40, whatsapp_id: phone() } }),
    wrong: { lead_score: -1 },
  },
  {
    rest: 'DELETE contacts/:contact_id',
    mutation: 'deleteContact',
    said: ['contact.deleted'],
    given: async (stage) => ({ id: await stage.contact() }),
  },
  {
    rest: 'POST contacts/:contact_id/block',
    mutation: 'blockContact',
    said: ['contact.blocked'],
    changes: ['blocked_at', 'blocked_reason', 'is_blocked'],
    given: async (stage) => ({ id: await stage.contact(), body: { reason: 'Spam' } }),
    wrong: { reason: 5 },
  },
  {
    rest: 'POST contacts/:contact_id/unblock',
    mutation: 'unblockContact',
    said: ['contact.unblocked'],
    changes: ['blocked_at', 'is_blocked'],
    given: async (stage) => ({ id: await stage.contact({ is_blocked: true }) }),
  },
  {
    rest: 'POST contacts/:contact_id/merge',
    said: ['contact.merged'],
    given: async (stage) => ({ id: await stage.contact(), body: { other_contact_id: await stage.contact() } }),
    wrong: { other_contact_id: 'nobody' },
  },

  // --- conversations
  {
    rest: 'POST conversations',
    mutation: 'createConversation',
    said: ['conversation.created'],
    given: () => Promise.resolve({ body: { contact_phone: phone(), contact_name: 'Carla Dias' } }),
    wrong: { contact_phone: 'nobody' },
  },
  {
    rest: 'PUT conversations/:conversation_id',
    mutation: 'updateConversation',
    said: ['conversation.updated'],
    changes: ['current_agent_id', 'extra_data', 'priority', 'status', 'tags'],
    given: async (stage) => ({
      id: (await stage.closed()).id,
      body: {
        status: 'active',
        priority: 'high',
        tags: ['entrega'],
        extra_data: { cpf: '52998224725' },
        assigned_agent_id: stage.agent.user.id,
      },
    }),
    wrong: { status: 'bogus' },
  },
  {
    rest: 'POST conversations/:conversation_id/messages',
    mutation: 'sendMessage',
    said: ['message.sent'],
    given: async (stage) => ({ person: stage.agent, id: (await stage.conversation()).id, body: { content: 'Já vai' } }),
    wrong: { message_type: 'image', media_url: 'nowhere' },
  },
  {
    rest: 'POST conversations/:conversation_id/messages',
    mutation: 'sendMessage',
    said: ['conversation.note_added'],
    given: async (stage) => ({ id: (await stage.closed()).id, body: { content: 'Pediu nota fiscal', is_internal_note: true } }),
  },
  {
    rest: 'POST whatsapp/messages/:message_id/resend',
    mutation: 'resendMessage',
    said: ['message.resent'],
    given: async (stage) => ({ id: await stage.failed() }),
  },
  {
    rest: 'POST conversations/:conversation_id/assign',
    mutation: 'assignConversation',
    said: ['conversation.assigned'],
    changes: ['assigned_at', 'current_agent_id'],
    given: async (stage) => ({ id: (await stage.conversation()).id, body: { agent_id: stage.agent.user.id } }),
    wrong: { agent_id: 'nobody' },
  },
  {
    rest: 'POST conversations/:conversation_id/close',
    mutation: 'closeConversation',
    said: ['conversation.closed'],
    changes: ['close_reason', 'closed_at', 'status'],
    given: async (stage) => ({ id: (await stage.conversation()).id, body: { reason: 'Entregue' } }),
    wrong: { reason: 'x'.repeat(600) },
  },
  {
    rest: 'POST conversations/:conversation_id/reopen',
    mutation: 'reopenConversation',
    said: ['conversation.reopened'],
    changes: ['closed_at', 'status'],
    given: async (stage) => ({ id: (await stage.closed()).id }),
  },
  {
    rest: 'POST conversations/:conversation_id/archive',
    mutation: 'archiveConversation',
    said: ['conversation.archived'],
    changes: ['archived_at', 'is_archived', 'status'],
    given: async (stage) => ({ id: (await stage.conversation()).id }),
  },
  sendTo('send', { message: 'Já vai' }),
  sendTo('send-media', { type: 'image', media_url: 'https://padaria.example/bolo.jpg' }),
  sendTo('send-audio', { audio_url: 'https://padaria.example/recado.mp3' }),
  sendTo('send-document', { document_url: 'https://padaria.example/cardapio.pdf' }),
  sendTo('send-location', { latitude: -23.5, longitude: -46.6, name: 'Padaria' }),
  sendTo('send-contact', { contact: { name: 'Entregas', phone: '+5511987650077' } }),
  sendTo('send-buttons', { message: 'Agora?', buttons: [{ id: 'yes', title: 'Sim' }] }),
  sendTo('send-list', { body: 'Qual?', button_text: 'Ver', sections: [{ rows: [{ id: 'corn', title: 'Fubá' }] }] }),
  {
    rest: 'POST whatsapp/send-template',
    said: ['message.sent'],
    given: async (stage) => {
      const whatsapp_number_id = await stage.number();
      await stage.admin.post(`/whatsapp/${whatsapp_number_id}/templates/sync`).expect(200);
      return { body: { to: phone(), whatsapp_number_id, template_name: 'hello_world', language: 'en_US' } };
    },
    wrong: { to: 'nobody' },
  },

  // --- whatsapp
  {
    rest: 'POST whatsapp',
    mutation: 'createWhatsappNumber',
    said: ['whatsapp_number.created'],
    given: () => Promise.resolve({ body: { phone_number: phone(), display_name: 'Loja' } }),
    wrong: { phone_number: 'nobody' },
  },
  {
    rest: 'PUT whatsapp/:number_id',
    mutation: 'updateWhatsappNumber',
    said: ['whatsapp_number.updated'],
    changes: ['access_token', 'app_secret', 'display_name'],
    given: async (stage) => ({
      id: await stage.number(),
      body: { display_name: 'Outra loja', access_token: META_TOKEN, app_secret: `${META_SECRET}-2` },
    }),
    wrong: { phone_number_id: 'none' },
  },
  {
    rest: 'DELETE whatsapp/:number_id',
    mutation: 'deleteWhatsappNumber',
    said: ['whatsapp_number.deleted'],
    given: async (stage) => ({ id: await stage.number() }),
  },
  {
    rest: 'POST whatsapp/:number_id/test',
    mutation: 'testWhatsappNumber',
    said: ['whatsapp_number.tested'],
    changes: ['last_checked_at'],
    given: async (stage) => ({ person: stage.agent, id: await stage.number() }),
  },
  {
    rest: 'POST whatsapp/:number_id/activate',
    said: ['whatsapp_number.activated'],
    changes: ['is_active'],
    given: async (stage) => {
      const id = await stage.number();
      await stage.admin.post(`/whatsapp/${id}/deactivate`).expect(200);
      return { id };
    },
  },
  {
    rest: 'POST whatsapp/:number_id/deactivate',
    said: ['whatsapp_number.deactivated'],
    changes: ['is_active'],
    given: async (stage) => ({ id: await stage.number() }),
  },
  {
    rest: 'POST whatsapp/:number_id/templates/sync',
    mutation: 'syncWhatsappTemplates',
    said: ['template.synced'],
    given: async (stage) => ({ id: await stage.number() }),
  },
  {
    rest: 'POST whatsapp/media',
    said: ['media.uploaded'],
    given: (stage) => Promise.resolve({ person: stage.agent, file: PIXEL }),
  },

  // --- who
  {
    rest: 'PUT organizations/me',
    said: ['organization.updated'],
    changes: ['description', 'name'],
    given: () => Promise.resolve({ body: { name: 'Padaria Central', description: 'Pães' } }),
    wrong: { name: '' },
  },
  {
    rest: 'PUT organizations/me/settings',
    said: ['organization.settings_updated'],
    changes: ['language'],
    given: () => Promise.resolve({ body: { language: 'en-US' } }),
    wrong: { language: 5 },
  },
  {
    rest: 'POST users',
    mutation: 'createUser',
    said: ['user.invited'],
    given: () => Promise.resolve({ body: { email: someone(), full_name: 'Carla Dias', role: 'viewer' } }),
    wrong: { email: 'nobody' },
  },
  {
    rest: 'POST users',
    mutation: 'createUser',
    said: ['user.created'],
    given: () => Promise.resolve({ body: { email: someone(), full_name: 'Carla Dias', role: 'agent', password: PASSWORD } }),
  },
  {
    rest: 'PUT users/:user_id',
    mutation: 'updateUser',
    said: ['user.role_changed'],
    changes: ['bio', 'role'],
    given: (stage) => Promise.resolve({ id: stage.agent.user.id, body: { bio: 'Fala pouco', role: 'viewer' } }),
    wrong: { role: 'bogus' },
  },
  {
    rest: 'PUT users/me',
    mutation: 'updateMe',
    said: ['user.updated'],
    changes: ['full_name'],
    given: (stage) => Promise.resolve({ person: stage.agent, body: { full_name: 'Bruno Alves' } }),
    wrong: { full_name: '' },
  },
  {
    rest: 'POST users/:user_id/activate',
    said: ['user.activated'],
    changes: ['is_active'],
    given: async ({ world }) => ({ id: (await world.acme.hire('agent', { is_active: false })).user.id }),
  },
  {
    rest: 'POST users/:user_id/deactivate',
    said: ['user.deactivated'],
    changes: ['is_active'],
    given: (stage) => Promise.resolve({ id: stage.agent.user.id }),
  },
  {
    rest: 'POST auth/register',
    mutation: 'register',
    said: ['auth.register'],
    given: ({ world }) =>
      Promise.resolve({
        person: world.guest,
        body: { email: someone(), password: PASSWORD, full_name: 'Carla Dias', organization_name: 'Confeitaria' },
      }),
    wrong: { email: 'nobody' },
  },
  {
    rest: 'POST auth/login',
    mutation: 'login',
    said: ['auth.login'],
    given: ({ world }) => Promise.resolve({ person: world.guest, body: { email: world.acme.agent.user.email, password: PASSWORD } }),
    wrong: { email: 'nobody' },
  },
  {
    rest: 'POST auth/refresh',
    mutation: 'refreshToken',
    said: ['auth.refresh'],
    given: async (stage) => ({ person: stage.world.guest, body: { refresh_token: (await stage.login()).refresh_token } }),
    wrong: { refresh_token: 5 },
  },
  {
    rest: 'POST auth/logout',
    mutation: 'logout',
    said: ['auth.logout'],
    given: (stage) => Promise.resolve({ person: stage.agent, body: { all: true } }),
    wrong: { all: 'many' },
  },
];

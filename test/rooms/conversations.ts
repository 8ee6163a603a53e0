import { type Act, phone } from '../support/acts';
import type { RoomFacts } from '../support/rooms';

/** A send to a phone; one route for each kind. */
const sendTo = (route: string, content: object): Act => ({
  rest: `POST whatsapp/${route}`,
  said: ['message.sent'],
  given: async (stage) => ({ body: { to: await stage.customer(), ...content } }),
  wrong: { to: 'nobody' },
});

export const facts: RoomFacts = {
  roles: {
    viewer: [
      'GET /conversations',
      'GET /conversations/metrics',
      'GET /conversations/sla-alerts',
      'GET /conversations/stats',
      'GET /conversations/{conversation_id}',
      'GET /conversations/{conversation_id}/export',
      'GET /conversations/{conversation_id}/messages',
      'GET /conversations/{conversation_id}/notes',
      'GET /whatsapp/messages',
      'GET /whatsapp/messages/search',
      'GET /whatsapp/messages/{message_id}',
      'GET /whatsapp/messages/{message_id}/media',
      'GET /whatsapp/messages/{message_id}/media/thumbnail',
      'GET /whatsapp/messages/{message_id}/status',
    ],
    agent: [
      'POST /conversations',
      'POST /conversations/{conversation_id}/archive',
      'POST /conversations/{conversation_id}/assign',
      'POST /conversations/{conversation_id}/close',
      'POST /conversations/{conversation_id}/messages',
      'POST /conversations/{conversation_id}/notes',
      'POST /conversations/{conversation_id}/read',
      'POST /conversations/{conversation_id}/reopen',
      'POST /conversations/{conversation_id}/tags',
      'POST /conversations/{conversation_id}/transfer',
      'POST /whatsapp/messages/{message_id}/reactions',
      'POST /whatsapp/messages/{message_id}/resend',
      'POST /whatsapp/send',
      'POST /whatsapp/send-audio',
      'POST /whatsapp/send-buttons',
      'POST /whatsapp/send-contact',
      'POST /whatsapp/send-document',
      'POST /whatsapp/send-list',
      'POST /whatsapp/send-location',
      'POST /whatsapp/send-media',
      'POST /whatsapp/send-template',
      'PUT /conversations/{conversation_id}',
      'PUT /whatsapp/messages/{message_id}/read',
    ],
  },
  ids: { conversation_id: 'conversation', message_id: 'message', reply_to_message_id: 'message', to_agent_id: 'user', mentions: 'user' },
  no_ids: {
    'buttons.0.id': "the customer's answer, any word",
    'interactive.buttons.0.id': "the customer's answer, any word",
    'initial_message.interactive.buttons.0.id': "the customer's answer, any word",
    'sections.0.rows.0.id': "the customer's answer, any word",
    'interactive.sections.0.rows.0.id': "the customer's answer, any word",
    'initial_message.interactive.sections.0.rows.0.id': "the customer's answer, any word",
  },
  not_looked_up: {
    'POST /conversations initial_message.reply_to_message_id': 'a conversation that begins has nothing to reply to: ignored',
  },
  bodies: (own) => {
    const to = { to: own.phone, conversation_id: own.conversation };
    return {
      'POST /conversations': { contact_id: own.idle_contact },
      'POST /conversations/{conversation_id}/messages': { content: 'Olá' },
      'POST /conversations/{conversation_id}/assign': { agent_id: own.user },
      'POST /conversations/{conversation_id}/notes': { note: 'Confere?' },
      'POST /conversations/{conversation_id}/tags': { tags: ['entrega'] },
      'POST /conversations/{conversation_id}/transfer': { to_agent_id: own.user },
      'POST /whatsapp/messages/{message_id}/reactions': { emoji: '👍' },
      'POST /whatsapp/send': { ...to, message: 'Olá' },
      'POST /whatsapp/send-template': { ...to, template_id: own.template },
      'POST /whatsapp/send-media': { ...to, type: 'image', media_id: own.media },
      'POST /whatsapp/send-audio': { ...to, audio_url: 'https://files.example/a.ogg' },
      'POST /whatsapp/send-document': { ...to, document_url: 'https://files.example/a.pdf' },
      'POST /whatsapp/send-location': { ...to, latitude: -23.5, longitude: -46.6 },
      'POST /whatsapp/send-contact': { ...to, contact: { name: 'Bia', phone: '+5511912345679' } },
      'POST /whatsapp/send-buttons': { ...to, message: 'Sim?', buttons: [{ id: 'yes', title: 'Sim' }] },
      'POST /whatsapp/send-list': {
        ...to,
        body: 'Escolha',
        button_text: 'Ver',
        sections: [{ title: 'A', rows: [{ id: 'a', title: 'A' }] }],
      },
    };
  },
  acts: [
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
      rest: 'POST whatsapp/messages/:message_id/reactions',
      said: ['message.reacted'],
      given: async (stage) => {
        const { id } = await stage.conversation();
        const { body } = await stage.agent.get(`/conversations/${id}/messages`).expect(200);
        return { id: (body as { items: { id: string }[] }).items[0].id, body: { emoji: '👍' } };
      },
      wrong: { emoji: 'ok' },
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
      rest: 'PUT conversations/:conversation_id',
      mutation: 'updateConversation',
      said: ['conversation.assigned'],
      changes: ['assigned_at', 'current_agent_id'],
      given: async (stage) => ({ id: (await stage.conversation()).id, body: { assigned_agent_id: stage.agent.user.id } }),
    },
    ...(['pending', 'resolved', 'closed', 'archived'] as const).map((status): Act => ({
      rest: 'PUT conversations/:conversation_id',
      mutation: 'updateConversation',
      said: [status === 'pending' ? 'conversation.status' : `conversation.${status}`],
      changes: ['status'],
      given: async (stage) => ({ id: (await stage.conversation()).id, body: { status } }),
    })),
    {
      rest: 'PUT conversations/:conversation_id',
      mutation: 'updateConversation',
      said: ['conversation.reopened'],
      changes: ['closed_at', 'status'],
      given: async (stage) => ({ id: (await stage.closed()).id, body: { status: 'active' } }),
    },
    {
      rest: 'POST conversations/:conversation_id/transfer',
      mutation: 'transferConversation',
      said: ['conversation.transferred'],
      changes: ['current_agent_id'],
      given: async (stage) => ({
        id: (await stage.conversation()).id,
        body: { to_agent_id: stage.agent.user.id, note: 'Quer trocar' },
      }),
      wrong: { to_agent_id: 'nobody' },
    },
    {
      rest: 'POST conversations/:conversation_id/tags',
      mutation: 'addConversationTags',
      said: ['conversation.tags_changed'],
      changes: ['tags'],
      given: async (stage) => ({ id: (await stage.conversation()).id, body: { tags: ['entrega'] } }),
      wrong: { tags: [] },
    },
    {
      rest: 'POST conversations/:conversation_id/notes',
      mutation: 'addConversationNote',
      said: ['conversation.note_added'],
      given: async (stage) => ({ id: (await stage.closed()).id, body: { note: 'Pediu nota fiscal' } }),
      wrong: { note: ' ' },
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
  ],
};

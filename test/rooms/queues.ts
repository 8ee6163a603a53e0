import { randomUUID } from 'node:crypto';
import { type Stage, phone } from '../support/acts';
import type { RoomFacts } from '../support/rooms';

const made = async (stage: Stage, values: object = {}): Promise<string> => {
  const department_id = await stage.made('/departments', { name: `Vendas ${randomUUID()}`, agent_ids: [stage.agent.user.id] });
  return stage.made('/queues', { department_id, name: 'Pedidos', ...values });
};

/** A queue in which somebody waits, by hand. */
const withWaiting = async (stage: Stage): Promise<string> => {
  const queue_id = await made(stage, { routing_mode: 'manual' });
  await stage.made('/conversations', { contact_phone: phone(), queue_id });
  return queue_id;
};

/** A conversation held out to the agent. */
const offer = async (stage: Stage): Promise<string> => {
  const queue_id = await withWaiting(stage);
  const id = randomUUID();
  await stage.world.sql(
    `INSERT INTO queue_offers (id, organization_id, conversation_id, queue_id, agent_id, expires_at)
     SELECT $1, c.organization_id, c.id, c.queue_id, $3, now() + interval '1 minute' FROM conversations c WHERE c.queue_id = $2`,
    [id, queue_id, stage.agent.user.id],
  );
  return id;
};

export const facts: RoomFacts = {
  roles: {
    viewer: [
      'GET /queue',
      'GET /queues',
      'GET /queues/by-slug/{slug}',
      'GET /queues/{queue_id}',
      'GET /queues/{queue_id}/agents',
      'GET /queues/{queue_id}/conversations',
      'GET /queues/{queue_id}/metrics',
      'GET /queues/{queue_id}/stats',
    ],
    agent: [
      'GET /queue/offers',
      'POST /queue/offers/{offer_id}/accept',
      'POST /queue/offers/{offer_id}/decline',
      'POST /queue/pull',
      'POST /queues/{queue_id}/pull',
    ],
    org_admin: ['DELETE /queues/{queue_id}', 'POST /queues', 'POST /queues/bulk-delete', 'POST /queues/reorder', 'PUT /queues/{queue_id}'],
  },
  ids: {
    queue_id: 'queue',
    queue_ids: 'queue',
    move_to_queue_id: 'queue',
    overflow_queue_id: 'queue',
    default_queue_id: 'queue',
    default_department_id: 'department',
    assigned_department_id: 'department',
    allowed_agent_ids: 'user',
    offer_id: 'offer',
    slug: 'slug',
  },
  bodies: (own) => ({
    'POST /queues': { department_id: own.department, name: `Trocas ${randomUUID()}` },
    'POST /queues/bulk-delete': { queue_ids: [own.queue] },
    'POST /whatsapp': { phone_number: phone() },
    'POST /whatsapp-configs': { phone_number: phone() },
    'POST /queues/reorder': { reorders: [{ queue_id: own.queue, new_priority: 60 }] },
  }),
  belongings: async (w, company) => {
    const department = await company.admin.post('/departments', { name: 'Entregas', agent_ids: [company.agent.user.id] }).expect(201);
    const { id: department_id } = department.body as { id: string };
    const input = { department_id, name: `Entregas ${randomUUID()}`, routing_mode: 'manual' };
    const queue = await company.admin.post('/queues', input).expect(201);
    const { id: queue_id, slug } = queue.body as { id: string; slug: string };
    // One to offer, and others for each door by which one is pulled.
    for (let n = 0; n < 4; n++) await company.agent.post('/conversations', { contact_phone: phone(), queue_id }).expect(201);
    const offer = randomUUID();
    await w.sql(
      `INSERT INTO queue_offers (id, organization_id, conversation_id, queue_id, agent_id, expires_at)
       SELECT $1, c.organization_id, c.id, c.queue_id, $3, now() + interval '1 hour' FROM conversations c WHERE c.queue_id = $2 LIMIT 1`,
      [offer, queue_id, company.admin.user.id],
    );
    return { queue: queue_id, slug, offer };
  },
  acts: [
    {
      rest: 'POST queues',
      mutation: 'createQueue',
      said: ['queue.created'],
      given: async (stage) => ({
        body: { department_id: await stage.made('/departments', { name: `Vendas ${randomUUID()}` }), name: 'Pedidos' },
      }),
      wrong: { priority: 101 },
    },
    {
      rest: 'PUT queues/:queue_id',
      mutation: 'updateQueue',
      said: ['queue.updated'],
      changes: ['is_active', 'sla_minutes'],
      given: async (stage) => ({ id: await made(stage), body: { sla_minutes: 15, is_active: false } }),
      wrong: { sla_minutes: 0 },
    },
    {
      rest: 'DELETE queues/:queue_id',
      mutation: 'deleteQueue',
      said: ['queue.deleted'],
      given: async (stage) => ({ id: await made(stage) }),
    },
    {
      rest: 'POST queues/bulk-delete',
      said: ['queue.deleted'],
      given: async (stage) => ({ body: { queue_ids: [await made(stage)] } }),
      wrong: { queue_ids: [] },
    },
    {
      rest: 'POST queues/reorder',
      mutation: 'reorderQueues',
      said: ['queue.reordered'],
      changes: ['priority'],
      given: async (stage) => ({ body: { reorders: [{ queue_id: await made(stage), new_priority: 90 }] } }),
      wrong: { reorders: [] },
    },
    {
      rest: 'POST queues/:queue_id/pull',
      said: ['queue.pulled'],
      given: async (stage) => ({ person: stage.agent, id: await withWaiting(stage) }),
    },
    {
      rest: 'POST queue/pull',
      mutation: 'pullFromQueue',
      said: ['queue.pulled'],
      given: async (stage) => {
        await withWaiting(stage);
        return { person: stage.agent };
      },
    },
    {
      rest: 'POST queue/offers/:offer_id/accept',
      said: ['queue_offer.accepted'],
      given: async (stage) => ({ person: stage.agent, id: await offer(stage) }),
    },
    {
      rest: 'POST queue/offers/:offer_id/decline',
      said: ['queue_offer.declined'],
      given: async (stage) => ({ person: stage.agent, id: await offer(stage) }),
    },
  ],
};

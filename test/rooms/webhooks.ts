import type { Stage } from '../support/acts';
import type { RoomFacts } from '../support/rooms';

/** A name that leads nowhere: what is sent there fails at once. */
const URL = 'https://nowhere.invalid/';

const webhook = (stage: Stage, values: object = {}): Promise<string> =>
  stage.made('/webhooks', { url: URL, events: ['template.*'], ...values });

/** An event the webhook failed to hear. */
const failed = async (stage: Stage, webhook_id: string): Promise<string> => {
  const [{ id }] = await stage.world.sql<{ id: string }>(
    `WITH e AS (INSERT INTO webhook_events (organization_id, id, body) SELECT organization_id, gen_random_uuid(), '{}' FROM webhooks WHERE id = $1 RETURNING organization_id, id),
     d AS (INSERT INTO webhook_deliveries (organization_id, id, webhook_id, event_id, event, status, attempt, max_attempts, url)
       SELECT organization_id, gen_random_uuid(), $1, id, 'contact.created', 'failed', 10, 10, '${URL}' FROM e)
     SELECT id FROM e`,
    [webhook_id],
  );
  return id;
};

export const facts: RoomFacts = {
  roles: {
    org_admin: [
      'DELETE /webhooks/{webhook_id}',
      'GET /webhooks',
      'GET /webhooks/events',
      'GET /webhooks/{webhook_id}',
      'GET /webhooks/{webhook_id}/logs',
      'POST /webhooks',
      'POST /webhooks/{webhook_id}/retry',
      'POST /webhooks/{webhook_id}/test',
      'PUT /webhooks/{webhook_id}',
    ],
  },
  ids: { webhook_id: 'webhook', event_id: 'webhook_event' },
  belongings: async (w, company) => {
    const { body } = await company.admin.post('/webhooks', { url: URL, events: ['template.*'] }).expect(201);
    const { id } = body as { id: string };
    const event = await failed({ world: w } as Stage, id);
    return { webhook: id, webhook_event: event };
  },
  bodies: (own) => ({
    'POST /webhooks': { url: URL, events: ['template.*'] },
    'POST /webhooks/{webhook_id}/retry': { event_id: own.webhook_event },
  }),
  acts: [
    {
      rest: 'POST webhooks',
      mutation: 'createWebhook',
      said: ['webhook.created'],
      given: () => Promise.resolve({ body: { url: URL, events: ['template.*'], headers: { 'X-Api-Key': '0123456789' } } }),
      wrong: { events: [] },
    },
    {
      rest: 'PUT webhooks/:webhook_id',
      mutation: 'updateWebhook',
      said: ['webhook.updated'],
      changes: ['events', 'is_active', 'secret'],
      given: async (stage) => ({ id: await webhook(stage), body: { events: ['*'], is_active: false, secret: 'a-secret-of-ours' } }),
      wrong: { secret: 'short' },
    },
    {
      rest: 'DELETE webhooks/:webhook_id',
      mutation: 'deleteWebhook',
      said: ['webhook.deleted'],
      given: async (stage) => ({ id: await webhook(stage) }),
    },
    {
      rest: 'POST webhooks/:webhook_id/test',
      mutation: 'testWebhook',
      said: ['webhook.tested'],
      changes_nothing: 'a delivery leaves',
      given: async (stage) => ({ id: await webhook(stage), body: { event: 'contact.created' } }),
      wrong: { event: 'moon.landed' },
    },
    {
      rest: 'POST webhooks/:webhook_id/retry',
      mutation: 'retryWebhook',
      said: ['webhook.retried'],
      changes_nothing: 'deliveries leave once more',
      given: async (stage) => {
        const id = await webhook(stage);
        const event_id = await failed(stage, id);
        return { id, ids: { id, event_id }, body: { event_id } };
      },
      wrong: { event_id: 'nobody' },
    },
    {
      rest: 'POST webhooks/:webhook_id/retry',
      mutation: 'replayWebhook',
      said: ['webhook.retried'],
      changes_nothing: 'deliveries leave once more',
      given: async (stage) => {
        const id = await webhook(stage);
        await failed(stage, id);
        return { id, body: { status: 'failed' } };
      },
      wrong: { status: 'pending' },
    },
  ],
};

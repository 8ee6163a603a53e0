import { DEMO } from '#common/demo';
import { declareDemo } from '#database/demo-rows';
import { WebhookEvents } from '#events/webhook-events';
import { newSecret } from './sign';
import { testOf, addEvents } from './webhook-body';
import { Delivery, DeliveryStatus } from './webhook-delivery.entity';
import { WebhookSecrets } from './webhook-secrets';
import { Webhook } from './webhook.entity';

// Its endpoint is nobody's: it hears what hardly ever happens.
declareDemo(async ({ app, database, tx, actor, id }) => {
  const [url, event, secret] = ['https://erp.padaria.example/pytake', 'message.received', newSecret()];
  const values = { id: id(DEMO.webhook_id), name: 'ERP', url, events: ['template.*'], secret_hint: secret.slice(-4) };
  const webhook = await database.repository(Webhook, tx).insert(actor, values);
  await app.get(WebhookSecrets).add(tx, webhook, secret, null);
  const told = { ...testOf(app.get(WebhookEvents), event, actor.organization_id), id: id(DEMO.webhook_event_id) };
  await addEvents(tx, actor.organization_id, [told]);
  await database.repository(Delivery, tx).insert(actor, {
    webhook_id: webhook.id,
    event_id: told.id,
    event,
    status: DeliveryStatus.failed,
    is_test: true,
    attempt: 1,
    max_attempts: 1,
    url,
    error: 'provider_unavailable: The server could not be reached.',
  });
});

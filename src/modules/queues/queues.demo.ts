import { DEMO } from '#common/demo';
import { newId } from '#common/uuid';
import { declareDemo } from '#database/demo-rows';
import { ContactsService } from '#modules/contacts/contacts.service';
import { open } from '#modules/conversations/state/opening';
import { enterQueue } from '#modules/conversations/state/queueing';
import { addAgent } from '#modules/departments/department-agents';
import { Department } from '#modules/departments/department.entity';
import type { BusinessHours } from '#modules/organizations/business-hours';
import { QueueOffer } from './offers/queue-offer.entity';
import type { QueueSettings } from './queue-settings.dto';
import { Queue } from './queue.entity';

const OFFERED_MS = 30 * 86_400_000;

/** Of the department: what has none of its own keeps them. */
const HOURS: BusinessHours = {
  timezone: 'America/Sao_Paulo',
  schedule: {
    ...Object.fromEntries(['monday', 'tuesday', 'wednesday', 'thursday', 'friday'].map((day) => [day, [{ start: '07:00', end: '20:00' }]])),
    saturday: [{ start: '07:00', end: '14:00' }],
  },
  national_holidays: 'BR',
};
/** Whoever tries it at night sees them work. */
const ALWAYS: QueueSettings = { business_hours: { timezone: null, always_open: true } };

declareDemo(async ({ app, database, tx, actor, id }) => {
  const { id: department_id } = await database
    .repository(Department, tx)
    .insert(actor, { id: newId(), name: 'Atendimento', slug: 'atendimento', business_hours: HOURS });
  if (actor.user_id) await addAgent(tx, actor, department_id, actor.user_id);
  const queues = database.repository(Queue, tx);
  await queues.insert(actor, { id: id(DEMO.queue_id), department_id, name: 'Pedidos', slug: DEMO.queue_slug, sla_minutes: 30 });
  const queue_id = id(DEMO.busy_queue_id);
  await queues.insert(actor, { id: queue_id, department_id, name: 'Reclamações', slug: 'reclamacoes', settings: ALWAYS });
  await queues.insert(actor, {
    id: id(DEMO.counter_queue_id),
    department_id,
    name: 'Balcão',
    slug: 'balcao',
    color: '#3B82F6',
    priority: 60,
    sla_minutes: 15,
    settings: { ...ALWAYS, offer_timeout_seconds: 60 },
  });
  const contact = await app
    .get(ContactsService)
    .findOrCreateByPhone(actor, '+5511987650004', { name: 'Lucas Prado', source: 'whatsapp' }, tx);
  const conversation = await open(tx, actor, contact, null);
  await enterQueue(tx, actor, conversation, { queue_id });
  // To the administrator, who alone can sign in there.
  if (actor.user_id)
    await database.repository(QueueOffer, tx).insert(actor, {
      id: id(DEMO.queue_offer_id),
      conversation_id: conversation.id,
      queue_id,
      agent_id: actor.user_id,
      expires_at: new Date(Date.now() + OFFERED_MS),
    });
});

import { DEMO } from '#common/demo';
import { newId } from '#common/uuid';
import { declareDemo } from '#database/demo-rows';
import { ContactsService } from '#modules/contacts/contacts.service';
import { open } from '#modules/conversations/state/opening';
import { enterQueue } from '#modules/conversations/state/queueing';
import { Department } from '#modules/departments/department.entity';
import { QueueOffer } from './offers/queue-offer.entity';
import { Queue } from './queue.entity';

const OFFERED_MS = 30 * 86_400_000;

declareDemo(async ({ app, database, tx, actor, id }) => {
  const { id: department_id } = await database
    .repository(Department, tx)
    .insert(actor, { id: newId(), name: 'Atendimento', slug: 'atendimento' });
  const queues = database.repository(Queue, tx);
  await queues.insert(actor, { id: id(DEMO.queue_id), department_id, name: 'Pedidos', slug: DEMO.queue_slug, sla_minutes: 30 });
  const queue_id = id(DEMO.busy_queue_id);
  await queues.insert(actor, { id: queue_id, department_id, name: 'Reclamações', slug: 'reclamacoes' });
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

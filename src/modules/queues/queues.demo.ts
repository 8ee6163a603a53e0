import { DEMO } from '#common/demo';
import { declareDemo } from '#database/demo-rows';
import { Queue } from './queue.entity';

declareDemo(async ({ database, tx, actor, id }) => {
  await database.repository(Queue, tx).insert(actor, {
    id: id(DEMO.queue_id),
    department_id: id(DEMO.department_id),
    name: 'Pedidos',
    slug: 'pedidos',
    sla_minutes: 30,
  });
});

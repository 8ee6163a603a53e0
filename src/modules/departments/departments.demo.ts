import { DEMO } from '#common/demo';
import { declareDemo } from '#database/demo-rows';
import { addAgent } from './department-agents';
import { Department } from './department.entity';

declareDemo(async ({ database, tx, actor, id }) => {
  const department = await database
    .repository(Department, tx)
    .insert(actor, { id: id(DEMO.department_id), name: 'Vendas', slug: 'vendas' });
  await addAgent(tx, actor, department.id, id(DEMO.user_id));
});

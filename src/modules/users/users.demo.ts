import { Role } from '#common/actor';
import { DEMO } from '#common/demo';
import { declareDemo } from '#database/demo-rows';
import { NewUsers } from './new-users';

declareDemo(async ({ app, tx, actor, id }) => {
  const agent = id(DEMO.user_id);
  const email = `bruno.${agent.slice(-8)}@demo.pytake`;
  await app.get(NewUsers).add(tx, actor, { id: agent, full_name: 'Bruno Alves', email, role: Role.agent, invite_pending: true }, null);
});

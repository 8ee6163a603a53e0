import { Role } from '#common/actor';
import { DEMO } from '#common/demo';
import { declareDemo } from '#database/demo-rows';
import { ApiKey } from './api-key.entity';

// Its value was never anybody's: whoever wants to use it rotates it.
declareDemo(async ({ database, tx, actor, id }) => {
  const values = {
    id: id(DEMO.api_key_id),
    name: 'ERP',
    role: Role.agent,
    scopes: ['read:contacts', 'write:contacts'],
    prefix: 'pk_00000000',
  };
  if (actor.user_id) await database.repository(ApiKey, tx).insert(actor, { ...values, created_by: actor.user_id });
});

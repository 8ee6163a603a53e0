import { DEMO } from '#common/demo';
import { declareDemo } from '#database/demo-rows';
import { AgentSkill, skillKey } from './agent-skill.entity';

declareDemo(async ({ database, tx, actor, id }) => {
  const skill = { user_id: id(DEMO.user_id), skill_name: 'Inglês', skill_key: skillKey('Inglês'), proficiency_level: 4 };
  await database.repository(AgentSkill, tx).insert(actor, { id: id(DEMO.skill_id), ...skill });
});

import { DEMO } from '#common/demo';
import { type PayloadsOf, declareEvents, event } from '#common/events';
import type { AgentSkill } from './agent-skill.entity';

interface AgentSkillHappened {
  organization_id: string;
  agent_skill: AgentSkill;
}

interface AgentSkillsReplaced {
  organization_id: string;
  user_id: string;
  /** All there are now. */
  agent_skills: AgentSkill[];
}

const { organization_id, user_id } = DEMO;
const SKILL: AgentSkill = {
  id: DEMO.skill_id,
  organization_id,
  user_id,
  skill_name: 'Inglês',
  proficiency_level: 4,
  created_at: DEMO.time,
  updated_at: DEMO.time,
};
const sample: AgentSkillHappened = { organization_id, agent_skill: SKILL };

export const AGENT_SKILL_EVENTS = declareEvents({
  'agent_skill.added': event<AgentSkillHappened>({ text: 'An agent was given a skill.', sample }),
  'agent_skill.updated': event<AgentSkillHappened>({ text: 'A skill of an agent, or its level, changed.', sample }),
  'agent_skill.removed': event<AgentSkillHappened>({ text: 'An agent lost a skill.', sample }),
  'agent_skill.replaced': event<AgentSkillsReplaced>({
    text: 'All skills of an agent were replaced.',
    sample: { organization_id, user_id, agent_skills: [SKILL] },
  }),
});

declare module '#common/events' {
  interface Events extends PayloadsOf<typeof AGENT_SKILL_EVENTS> {}
}

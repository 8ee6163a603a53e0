import { randomUUID } from 'node:crypto';
import type { Stage } from '../support/acts';
import type { RoomFacts } from '../support/rooms';

const made = (stage: Stage): Promise<string> =>
  stage.made('/agent-skills', { user_id: stage.agent.user.id, skill_name: `Inglês ${randomUUID()}`, proficiency_level: 2 });

const ofUser = async (stage: Stage): Promise<Record<string, string>> => ({ user_id: stage.agent.user.id, skill_id: await made(stage) });

export const facts: RoomFacts = {
  roles: {
    viewer: [
      'GET /agent-skills',
      'GET /agent-skills/available',
      'GET /agent-skills/{skill_id}',
      'GET /users/skills/available',
      'GET /users/{user_id}/skills',
    ],
    org_admin: [
      'DELETE /agent-skills/{skill_id}',
      'DELETE /users/{user_id}/skills/{skill_id}',
      'POST /agent-skills',
      'POST /users/{user_id}/skills',
      'PUT /agent-skills/{skill_id}',
      'PUT /users/{user_id}/skills',
      'PUT /users/{user_id}/skills/{skill_id}',
    ],
  },
  ids: { skill_id: 'skill' },
  bodies: (own) => ({
    'POST /agent-skills': { user_id: own.user, skill_name: `Espanhol ${randomUUID()}` },
    'POST /users/{user_id}/skills': { skill_name: `Libras ${randomUUID()}` },
    'PUT /users/{user_id}/skills': { skills: [] },
  }),
  belongings: async (_, company) => {
    const input = { user_id: company.agent.user.id, skill_name: 'Inglês' };
    const { body } = await company.admin.post('/agent-skills', input).expect(201);
    return { skill: (body as { id: string }).id };
  },
  acts: [
    {
      rest: 'POST agent-skills',
      said: ['agent_skill.added'],
      given: (stage) => Promise.resolve({ body: { user_id: stage.agent.user.id, skill_name: 'Inglês' } }),
      wrong: { proficiency_level: 6 },
    },
    {
      rest: 'PUT agent-skills/:skill_id',
      said: ['agent_skill.updated'],
      changes: ['proficiency_level', 'skill_name'],
      given: async (stage) => ({ id: await made(stage), body: { skill_name: 'Francês', proficiency_level: 5 } }),
      wrong: { skill_name: '' },
    },
    { rest: 'DELETE agent-skills/:skill_id', said: ['agent_skill.removed'], given: async (stage) => ({ id: await made(stage) }) },
    {
      rest: 'POST users/:user_id/skills',
      said: ['agent_skill.added'],
      given: (stage) => Promise.resolve({ id: stage.agent.user.id, body: { skill_name: 'Inglês', proficiency_level: 4 } }),
      wrong: { skill_name: 5 },
    },
    {
      rest: 'PUT users/:user_id/skills',
      mutation: 'replaceUserSkills',
      said: ['agent_skill.replaced'],
      changes: ['skills'],
      given: (stage) => Promise.resolve({ id: stage.agent.user.id, body: { skills: [{ skill_name: 'Inglês', proficiency_level: 4 }] } }),
      wrong: { skills: [{ skill_name: 'Inglês' }, { skill_name: 'INGLÊS' }] },
    },
    {
      rest: 'PUT users/:user_id/skills/:skill_id',
      said: ['agent_skill.updated'],
      changes: ['proficiency_level'],
      given: async (stage) => ({ ids: await ofUser(stage), body: { proficiency_level: 5 } }),
      wrong: { proficiency_level: 0 },
    },
    {
      rest: 'DELETE users/:user_id/skills/:skill_id',
      said: ['agent_skill.removed'],
      given: async (stage) => ({ ids: await ofUser(stage) }),
    },
  ],
};

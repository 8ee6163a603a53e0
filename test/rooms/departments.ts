import { randomUUID } from 'node:crypto';
import type { Stage } from '../support/acts';
import type { RoomFacts } from '../support/rooms';

const made = (stage: Stage, values: object = {}): Promise<string> =>
  stage.made('/departments', { name: `Vendas ${randomUUID()}`, ...values });

export const facts: RoomFacts = {
  roles: {
    viewer: [
      'GET /departments',
      'GET /departments/active',
      'GET /departments/stats',
      'GET /departments/{department_id}',
      'GET /departments/{department_id}/agents',
      'GET /departments/{department_id}/stats',
    ],
    org_admin: [
      'DELETE /departments/{department_id}',
      'DELETE /departments/{department_id}/agents/{agent_id}',
      'POST /departments',
      'POST /departments/{department_id}/agents/{agent_id}',
      'PUT /departments/{department_id}',
    ],
  },
  ids: { agent_ids: 'user', move_to_department_id: 'department' },
  bodies: (own) => ({ 'POST /departments': { name: 'Pós-venda', agent_ids: [own.user] } }),
  belongings: async (_, company) => {
    const input = { name: 'Vendas', agent_ids: [company.agent.user.id] };
    const { body } = await company.admin.post('/departments', input).expect(201);
    return { department: (body as { id: string }).id };
  },
  acts: [
    {
      rest: 'POST departments',
      mutation: 'createDepartment',
      said: ['department.created'],
      given: () => Promise.resolve({ body: { name: `Vendas ${randomUUID()}` } }),
      wrong: { name: '' },
    },
    {
      rest: 'PUT departments/:department_id',
      mutation: 'updateDepartment',
      said: ['department.updated'],
      changes: ['agent_ids', 'color', 'is_active'],
      given: async (stage) => ({ id: await made(stage), body: { color: '#10B981', is_active: false, agent_ids: [stage.agent.user.id] } }),
      wrong: { color: 'blue' },
    },
    {
      rest: 'DELETE departments/:department_id',
      mutation: 'deleteDepartment',
      said: ['department.deleted'],
      given: async (stage) => ({ id: await made(stage) }),
    },
    {
      rest: 'POST departments/:department_id/agents/:agent_id',
      mutation: 'addDepartmentAgent',
      said: ['department.agent_added'],
      changes: ['agent_ids'],
      given: async (stage) => ({ ids: { department_id: await made(stage), agent_id: stage.agent.user.id } }),
    },
    {
      rest: 'DELETE departments/:department_id/agents/:agent_id',
      mutation: 'removeDepartmentAgent',
      said: ['department.agent_removed'],
      changes: ['agent_ids'],
      given: async (stage) => {
        const agent_id = stage.agent.user.id;
        return { ids: { department_id: await made(stage, { agent_ids: [agent_id] }), agent_id } };
      },
    },
  ],
};

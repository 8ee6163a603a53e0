import { AgentStatus } from '#modules/users/user.entity';
import { type Obstacle, type RoutedAgent, RoutingMode, type RoutingRule, chooseAgent, obstaclesOf } from './choose-agent';

const SALES = 'sales';
const QUEUE = 'orders';

const rule = (values: Partial<RoutingRule> = {}): RoutingRule => ({
  queue_id: QUEUE,
  department_id: SALES,
  mode: RoutingMode.round_robin,
  allowed_agent_ids: [],
  skills_required: [],
  min_proficiency: 1,
  max_in_queue: 10,
  max_in_all: 10,
  ...values,
});

interface Sketch extends Partial<Omit<RoutedAgent, 'skills' | 'active_by_queue' | 'last_assigned' | 'department_ids'>> {
  departments?: string[];
  skills?: Record<string, number>;
  in_queue?: number;
  /** Minutes ago. */
  last?: number;
}

const agent = (id: string, { departments = [SALES], skills = {}, in_queue = 0, last, ...values }: Sketch = {}): RoutedAgent => ({
  id,
  is_active: true,
  is_online: true,
  agent_status: AgentStatus.available,
  department_ids: new Set(departments),
  skills: new Map(Object.entries(skills)),
  active_in_all: in_queue,
  active_by_queue: new Map([[QUEUE, in_queue]]),
  max_conversations: null,
  last_assigned: new Map(last === undefined ? [] : [[QUEUE, 1_000_000 - last]]),
  ...values,
});

const { round_robin, load_balance, skills_based, manual } = RoutingMode;

describe('an agent is eligible', () => {
  it.each<[string, Partial<RoutingRule>, Sketch, Obstacle[]]>([
    ['online, available and in the department', {}, {}, []],
    ['not with the account off', {}, { is_active: false }, ['inactive']],
    ['not offline, whatever they chose', {}, { is_online: false }, ['offline']],
    ['not when busy', {}, { agent_status: AgentStatus.busy }, ['not_available']],
    ['not when away', {}, { agent_status: AgentStatus.away }, ['not_available']],
    ['not in another department', {}, { departments: ['support'] }, ['not_in_department']],
    ['when named, in whichever department', { allowed_agent_ids: ['ana'] }, { departments: [] }, []],
    ['not when others are named', { allowed_agent_ids: ['bia'] }, {}, ['not_allowed']],
    ['with the skill', { skills_required: ['french'] }, { skills: { french: 1 } }, []],
    ['not without it', { skills_required: ['french'] }, { skills: { german: 5 } }, ['missing_skill']],
    ['not with one of two', { skills_required: ['french', 'german'] }, { skills: { german: 5 } }, ['missing_skill']],
    ['not below the proficiency', { skills_required: ['french'], min_proficiency: 4 }, { skills: { french: 3 } }, ['missing_skill']],
    ['at the proficiency', { skills_required: ['french'], min_proficiency: 4 }, { skills: { french: 4 } }, []],
    ['below both limits', { max_in_queue: 3, max_in_all: 5 }, { in_queue: 2, active_in_all: 4 }, []],
    ['not at the limit of the queue', { max_in_queue: 3 }, { in_queue: 3 }, ['at_capacity']],
    ['not at the limit of the department', { max_in_all: 5 }, { in_queue: 1, active_in_all: 5 }, ['at_capacity']],
    ['not at a lower limit of their own', { max_in_all: 5 }, { active_in_all: 2, max_conversations: 2 }, ['at_capacity']],
    [
      'not above the limit of the department by a higher one of their own',
      { max_in_all: 5 },
      { active_in_all: 5, max_conversations: 9 },
      ['at_capacity'],
    ],
    ['with no conversation, where one of their own is allowed', {}, { max_conversations: 1 }, []],
    [
      'and hears everything that is against it',
      { skills_required: ['french'], max_in_queue: 1 },
      { is_active: false, is_online: false, agent_status: AgentStatus.away, departments: [], in_queue: 1 },
      ['inactive', 'offline', 'not_available', 'not_in_department', 'missing_skill', 'at_capacity'],
    ],
  ])('%s', (_, asked, sketch, obstacles) => {
    expect(obstaclesOf(rule(asked), agent('ana', sketch))).toEqual(obstacles);
  });
});

describe('the next conversation goes', () => {
  it.each<[string, Partial<RoutingRule>, Record<string, Sketch>, Parameters<typeof chooseAgent>[2], string | null]>([
    ['to nobody where nobody is', {}, {}, {}, null],
    ['to nobody where nobody may', {}, { ana: { is_online: false }, bia: { in_queue: 10 } }, {}, null],
    ['to nobody in manual mode', { mode: manual }, { ana: {} }, {}, null],
    ['to nobody in manual mode, not even to who had it last', { mode: manual }, { ana: {} }, { last_agent_id: 'ana' }, null],

    ['in turn: to who never had one', {}, { ana: { last: 60 }, bia: {}, caio: { last: 90 } }, {}, 'bia'],
    ['in turn: to who had one longest ago', {}, { ana: { last: 60 }, bia: { last: 5 }, caio: { last: 90 } }, {}, 'caio'],
    ['in turn, however many they have', {}, { ana: { last: 60, in_queue: 9 }, bia: { last: 5 } }, {}, 'ana'],
    ['in turn past who is full', {}, { ana: { last: 60, in_queue: 10 }, bia: { last: 5 } }, {}, 'bia'],
    ['by id on a tie', {}, { bia: {}, ana: {}, caio: {} }, {}, 'ana'],

    [
      'by load: to who has the fewest',
      { mode: load_balance },
      { ana: { in_queue: 3 }, bia: { in_queue: 1 }, caio: { in_queue: 2 } },
      {},
      'bia',
    ],
    ['by load: of all queues', { mode: load_balance }, { ana: { active_in_all: 5 }, bia: { in_queue: 4 } }, {}, 'bia'],
    ['by load: on a tie in turn', { mode: load_balance }, { ana: { last: 5 }, bia: { last: 60 }, caio: { in_queue: 1 } }, {}, 'bia'],

    [
      'by skill: to who knows best',
      { mode: skills_based, skills_required: ['french'] },
      { ana: { skills: { french: 3 } }, bia: { skills: { french: 5 }, in_queue: 9 } },
      {},
      'bia',
    ],
    [
      'by skill: the sum of what is required, of nothing else',
      { mode: skills_based, skills_required: ['french', 'billing'] },
      { ana: { skills: { french: 5, billing: 1, german: 5 } }, bia: { skills: { french: 3, billing: 4 } } },
      {},
      'bia',
    ],
    [
      'by skill: on a tie to who has the fewest',
      { mode: skills_based, skills_required: ['french'] },
      { ana: { skills: { french: 3 }, in_queue: 2 }, bia: { skills: { french: 3 }, in_queue: 1 } },
      {},
      'bia',
    ],
    [
      'by skill: then in turn',
      { mode: skills_based, skills_required: ['french'] },
      { ana: { skills: { french: 3 }, last: 1 }, bia: { skills: { french: 3 }, last: 2 } },
      {},
      'bia',
    ],
    [
      'by skill where none is required: by load',
      { mode: skills_based },
      { ana: { in_queue: 1, skills: { french: 5 } }, bia: {} },
      {},
      'bia',
    ],

    ['to who had the contact last', {}, { ana: { last: 60 }, bia: { last: 1 } }, { last_agent_id: 'bia' }, 'bia'],
    ['to another where who had it is away', {}, { ana: {}, bia: { agent_status: AgentStatus.away } }, { last_agent_id: 'bia' }, 'ana'],
    ['to another where who had it is full', {}, { ana: {}, bia: { in_queue: 10 } }, { last_agent_id: 'bia' }, 'ana'],
    ['to another where who had it is gone', {}, { ana: {} }, { last_agent_id: 'bia' }, 'ana'],

    ['past who was offered it', {}, { ana: { last: 60 }, bia: { last: 1 } }, { declined: new Set(['ana']) }, 'bia'],
    ['to nobody when all were offered it', {}, { ana: {} }, { declined: new Set(['ana']), last_agent_id: 'ana' }, null],
  ])('%s', (_, asked, team, wish, chosen) => {
    const agents = Object.entries(team).map(([id, sketch]) => agent(id, sketch));

    expect(chooseAgent(rule(asked), agents, wish)?.id ?? null).toBe(chosen);
  });

  it('to the same agent whatever the order they come in', () => {
    const agents = ['dora', 'ana', 'caio', 'bia'].map((id) => agent(id, { last: 5 }));
    for (const mode of [round_robin, load_balance, skills_based])
      expect(new Set([agents, agents.toReversed()].map((team) => chooseAgent(rule({ mode }), team)?.id))).toEqual(new Set(['ana']));
  });
});

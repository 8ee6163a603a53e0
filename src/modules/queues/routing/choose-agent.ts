import { AgentStatus } from '#modules/users/user.entity';

/** How a queue picks among those who may take a conversation. */
export enum RoutingMode {
  /** Who has waited longest for one of this queue. */
  round_robin = 'round_robin',
  /** Who has the fewest conversations. */
  load_balance = 'load_balance',
  /** Nobody: agents pull. */
  manual = 'manual',
  /** Who knows best what the queue requires. */
  skills_based = 'skills_based',
}

/** What a queue asks of its agents. */
export interface RoutingRule {
  queue_id: string;
  department_id: string;
  mode: RoutingMode;
  /** Not empty: only these, of whichever department. */
  allowed_agent_ids: readonly string[];
  /** As `skillKey` compares them. */
  skills_required: readonly string[];
  min_proficiency: number;
  /** Conversations of this queue an agent may have. */
  max_in_queue: number;
  /** Conversations an agent of the department may have in all. */
  max_in_all: number;
}

/** An agent as routing sees them, at one moment. */
export interface RoutedAgent {
  id: string;
  /** The account is on, and may answer. */
  is_active: boolean;
  is_online: boolean;
  agent_status: AgentStatus;
  department_ids: ReadonlySet<string>;
  /** Proficiency by skill key. */
  skills: ReadonlyMap<string, number>;
  /** Open and pending conversations. */
  active_in_all: number;
  active_by_queue: ReadonlyMap<string, number>;
  /** What they may have in all by their own account; null: what the department says. */
  max_conversations: number | null;
  /** When they were last given one, by queue. */
  last_assigned: ReadonlyMap<string, number>;
}

export const OBSTACLES = [
  'inactive',
  'offline',
  'not_available',
  'not_in_department',
  'not_allowed',
  'missing_skill',
  'at_capacity',
] as const;

/** Why an agent gets no conversation of a queue by itself. */
export type Obstacle = (typeof OBSTACLES)[number];

export function isAtCapacity(rule: RoutingRule, agent: RoutedAgent): boolean {
  const max_in_all = Math.min(rule.max_in_all, agent.max_conversations ?? Infinity);
  return agent.active_in_all >= max_in_all || (agent.active_by_queue.get(rule.queue_id) ?? 0) >= rule.max_in_queue;
}

/** What is against an agent for a queue, all of it; nothing: they are eligible. */
export function obstaclesOf(rule: RoutingRule, agent: RoutedAgent): Obstacle[] {
  const against: Record<Obstacle, boolean> = {
    inactive: !agent.is_active,
    offline: !agent.is_online,
    not_available: agent.agent_status !== AgentStatus.available,
    not_in_department: !rule.allowed_agent_ids.length && !agent.department_ids.has(rule.department_id),
    not_allowed: rule.allowed_agent_ids.length > 0 && !rule.allowed_agent_ids.includes(agent.id),
    missing_skill: rule.skills_required.some((skill) => (agent.skills.get(skill) ?? 0) < rule.min_proficiency),
    at_capacity: isAtCapacity(rule, agent),
  };
  return OBSTACLES.filter((obstacle) => against[obstacle]);
}

/** What is asked for beside the rule. */
interface Wish {
  /** Who had this contact last: theirs again where they may. */
  last_agent_id?: string | null;
  /** Who were offered it and did not take it. */
  declined?: ReadonlySet<string>;
}

/** Who gets the next conversation of a queue; null: nobody may, now. */
export function chooseAgent(rule: RoutingRule, agents: readonly RoutedAgent[], { last_agent_id, declined }: Wish = {}): RoutedAgent | null {
  if (rule.mode === RoutingMode.manual) return null;
  const eligible = agents.filter((agent) => !declined?.has(agent.id) && !obstaclesOf(rule, agent).length);
  const again = eligible.find(({ id }) => id === last_agent_id);
  if (again || !eligible.length) return again ?? null;
  return eligible.reduce((best, agent) => (comesBefore(rule, agent, best) ? agent : best));
}

/** Compared by what the mode says first, then by the rest; the id decides last, so that the same facts always choose the same. */
function comesBefore(rule: RoutingRule, a: RoutedAgent, b: RoutedAgent): boolean {
  const keysOf = (agent: RoutedAgent): number[] => {
    const turn = agent.last_assigned.get(rule.queue_id) ?? -Infinity;
    const proficiency = rule.skills_required.reduce((sum, skill) => sum + (agent.skills.get(skill) ?? 0), 0);
    switch (rule.mode) {
      case RoutingMode.skills_based:
        return [-proficiency, agent.active_in_all, turn];
      case RoutingMode.load_balance:
        return [agent.active_in_all, turn];
      case RoutingMode.round_robin:
      case RoutingMode.manual:
        return [turn];
    }
  };
  const [of_a, of_b] = [keysOf(a), keysOf(b)];
  const differ = of_a.findIndex((key, n) => key !== of_b[n]);
  return differ < 0 ? a.id < b.id : of_a[differ] < of_b[differ];
}

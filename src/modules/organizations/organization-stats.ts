import { Field, Int } from '@nestjs/graphql';
import { ApiProperty } from '@nestjs/swagger';
import { OrganizationStats } from './organization.dto';
import { planResources } from './plan-resources';

interface Stat {
  /** What is counted, for people. */
  text: string;
  /** How many organization $1, whose time zone is $2, has: a SELECT of one number. */
  count: string;
}

const STATS = new Map<string, Stat>();

/** A count of an organization's statistics, beside the entity it is of. */
export function declareStat(name: string, stat: Stat): void {
  if (STATS.has(name)) throw new Error(`The statistic ${name} is declared twice`);
  STATS.set(name, stat);
  show(name, stat.text);
}

/** Those plans limit have their count already. */
const OF_PLANS: Record<string, string> = {
  total_users: 'users',
  total_contacts: 'contacts',
  total_whatsapp_numbers: 'whatsapp_numbers',
  total_chatbots: 'chatbots',
  total_campaigns: 'campaigns',
};
for (const [name, resource] of Object.entries(OF_PLANS)) show(name, `Count of ${resource.replaceAll('_', ' ')}.`);

/** Every count by name: a SELECT of one number of organization $1, whose time zone is $2. */
export const statCounts = (): Record<string, string> => ({
  ...Object.fromEntries(Object.entries(OF_PLANS).map(([name, resource]) => [name, planResources().get(resource)?.usage ?? 'SELECT 0'])),
  ...Object.fromEntries([...STATS].map(([name, { count }]) => [name, count])),
});

function show(name: string, text: string): void {
  Field(() => Int, { description: text })(OrganizationStats.prototype, name);
  ApiProperty({ type: 'integer', minimum: 0, description: text })(OrganizationStats.prototype, name);
}

import { type Organization, PlanType } from './organization.entity';
import type { PlanLimits } from './plan.dto';
import { declareResource, planResources } from './plan-resources';

/** What the organization may have now: of its trial, else of its plan, with its own changes over it. */
export function limitsOf(organization: Organization, now = new Date()): PlanLimits {
  const { is_trial, trial_ends_at, plan_type, plan_limit_overrides: own } = organization;
  // Else the limits of `free` would break a fresh sign-up before anything could be tried.
  const plan = is_trial && trial_ends_at !== null && trial_ends_at > now ? PlanType.professional : plan_type;
  const limits = [...planResources()].map(([name, resource]): [string, number] => {
    const override = own[`max_${name}`];
    return [`max_${name}`, typeof override === 'number' ? override : resource.limits[plan]];
  });
  const features = Array.isArray(own.features) ? own.features.filter((feature) => typeof feature === 'string') : [];
  return { ...Object.fromEntries(limits), features };
}

// Contract 10 §3 names them before their rooms are built; each goes to its room.
const NOT_YET = 'SELECT 0';
declareResource('chatbots', {
  text: 'Chatbots.',
  limits: { free: 1, starter: 3, growth: 5, professional: 10, enterprise: -1 },
  usage: NOT_YET,
});
declareResource('campaigns', {
  text: 'Campaigns.',
  limits: { free: 5, starter: 20, growth: 50, professional: 100, enterprise: -1 },
  usage: NOT_YET,
});

declare module './plan-resources' {
  interface PlanResources {
    chatbots: true;
    campaigns: true;
  }
}

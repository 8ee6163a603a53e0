import type { PlanLimits, PlanResource } from './plan.dto';
import { type Organization, PlanType } from './organization.entity';

type Limits = Record<PlanResource, number>;

const GB = 1024 ** 3;

/** Contract 10 §3, and room for files; -1: no limit. */
const PLANS: Record<PlanType, Limits> = {
  free: {
    users: 2,
    whatsapp_numbers: 1,
    contacts: 1_000,
    messages_per_month: 1_000,
    chatbots: 1,
    campaigns: 5,
    departments: 1,
    media_bytes: 5 * GB,
  },
  starter: {
    users: 5,
    whatsapp_numbers: 2,
    contacts: 10_000,
    messages_per_month: 10_000,
    chatbots: 3,
    campaigns: 20,
    departments: 3,
    media_bytes: 5 * GB,
  },
  growth: {
    users: 10,
    whatsapp_numbers: 3,
    contacts: 25_000,
    messages_per_month: 25_000,
    chatbots: 5,
    campaigns: 50,
    departments: 10,
    media_bytes: 5 * GB,
  },
  professional: {
    users: 20,
    whatsapp_numbers: 5,
    contacts: 50_000,
    messages_per_month: 50_000,
    chatbots: 10,
    campaigns: 100,
    departments: 25,
    media_bytes: 5 * GB,
  },
  enterprise: {
    users: -1,
    whatsapp_numbers: -1,
    contacts: -1,
    messages_per_month: -1,
    chatbots: -1,
    campaigns: -1,
    departments: -1,
    media_bytes: -1,
  },
};

/** What the organization may have now: of its trial, else of its plan, with its own changes over it. */
export function limitsOf(organization: Organization, now = new Date()): PlanLimits {
  const { is_trial, trial_ends_at, plan_type, plan_limit_overrides: own } = organization;
  // Else the limits of `free` would break a fresh sign-up before anything could be tried.
  const plan = PLANS[is_trial && trial_ends_at !== null && trial_ends_at > now ? PlanType.professional : plan_type];
  const limit = (resource: PlanResource): number => {
    const override = own[`max_${resource}`];
    return typeof override === 'number' ? override : plan[resource];
  };
  return {
    max_users: limit('users'),
    max_whatsapp_numbers: limit('whatsapp_numbers'),
    max_contacts: limit('contacts'),
    max_messages_per_month: limit('messages_per_month'),
    max_chatbots: limit('chatbots'),
    max_campaigns: limit('campaigns'),
    max_departments: limit('departments'),
    max_media_bytes: limit('media_bytes'),
    features: Array.isArray(own.features) ? own.features.filter((feature) => typeof feature === 'string') : [],
  };
}

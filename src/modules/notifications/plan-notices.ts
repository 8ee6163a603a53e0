import { Injectable } from '@nestjs/common';
import { Role } from '#common/actor';
import { Followers } from '#modules/organizations/followers';
import { trialEndsOn } from '#modules/organizations/organization-settings';
import { Channel, declareNotice } from './notice-types';
import { Notices } from './notices';

const PLAN_LIMIT = declareNotice('plan_limit', {
  text: 'A limit of the plan comes near, or is reached.',
  channels: [Channel.in_app, Channel.websocket, Channel.email],
});

const TRIAL_ENDING = declareNotice('trial_ending', {
  text: 'The trial ends in three days; a mail says it too.',
  channels: [Channel.in_app, Channel.websocket],
});

/** Administrators are told of the limits of their plan, 80 % and 100 %, once each, and of the end of a trial before it comes. */
@Injectable()
export class PlanNotices {
  constructor(notices: Notices, followers: Followers) {
    followers.add({
      trialEnding: async (tx, organization) => {
        const { id: organization_id, plan_type, trial_ends_at } = organization;
        const ends_on = trialEndsOn(organization) ?? '';
        await notices.tell(tx, {
          organization_id,
          role: Role.org_admin,
          type: TRIAL_ENDING,
          title: { 'pt-BR': `O período de teste termina em ${ends_on}`, en: `The trial ends on ${ends_on}` },
          message: {
            'pt-BR': `Depois valem os limites do plano ${plan_type}. O que existe continua existindo; só não será possível criar além dos limites.`,
            en: `The limits of the plan ${plan_type} hold after that. What exists stays; only nothing beyond the limits can be made.`,
          },
          data: { trial_ends_at: trial_ends_at?.toISOString() ?? null },
        });
      },
      nearLimit: async (tx, { id }, { resource, percent, used, max }) => {
        await notices.tell(tx, {
          organization_id: id,
          role: Role.org_admin,
          type: PLAN_LIMIT,
          title: { 'pt-BR': `${percent} % do limite do plano: ${resource}`, en: `${percent} % of the plan's limit: ${resource}` },
          message: {
            'pt-BR': `O seu plano permite ${max} (${resource}), e ${used} estão em uso.`,
            en: `Your plan allows ${max} (${resource}), and ${used} are in use.`,
          },
          data: { resource, percent, used, max },
          priority: percent >= 100 ? 'high' : 'normal',
        });
      },
    });
  }
}

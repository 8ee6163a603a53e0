import { Injectable } from '@nestjs/common';
import { Role } from '#common/actor';
import { Followers } from '#modules/organizations/followers';
import { Channel, declareNotice } from './notice-types';
import { Notices } from './notices';

const PLAN_LIMIT = declareNotice('plan_limit', {
  text: 'A limit of the plan comes near, or is reached.',
  channels: [Channel.in_app, Channel.websocket, Channel.email],
});

/** Administrators are told of the limits of their plan, 80 % and 100 %, once each. */
@Injectable()
export class PlanNotices {
  constructor(notices: Notices, followers: Followers) {
    followers.add({
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

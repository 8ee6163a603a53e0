import { Injectable } from '@nestjs/common';
import { Followers } from '#modules/organizations/followers';
import { AuditStore } from './audit-store';
import { RequestLogs } from './request-logs';

/** What MongoDB keeps of an organization goes with it. */
@Injectable()
export class FollowOrganization {
  constructor(store: AuditStore, requests: RequestLogs, followers: Followers) {
    followers.add({
      erased: async (organization_id) => {
        await store.eraseDocuments(organization_id);
        await requests.erase(organization_id);
      },
    });
  }
}

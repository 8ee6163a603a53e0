import { Module } from '@nestjs/common';
import { JobsModule } from '#jobs/jobs.module';
import './organizations.access';
import './organizations.errors';
import './organizations.events';
import { EndTerms } from './end-terms';
import { EraseOrganizations } from './erase-organizations';
import { Followers } from './followers';
import { ManageOrganizations } from './manage-organizations';
import { OrganizationLife } from './organization-life';
import { OrganizationsController } from './organizations.controller';
import { OrganizationJobs } from './organizations.jobs';
import { OrganizationsRealtime } from './organizations.realtime';
import { OrganizationsResolver } from './organizations.resolver';
import { OrganizationsService } from './organizations.service';
import { PlanMeter } from './plan-meter';
import { PlanWarnings } from './plan-warnings';
import { AllOrganizationsController, TenantsController } from './tenants.controller';

@Module({
  imports: [JobsModule.register('sweeper')],
  controllers: [OrganizationsController, AllOrganizationsController, TenantsController],
  providers: [
    OrganizationsService,
    ManageOrganizations,
    OrganizationLife,
    PlanMeter,
    PlanWarnings,
    EndTerms,
    EraseOrganizations,
    OrganizationJobs,
    Followers,
    OrganizationsResolver,
    OrganizationsRealtime,
  ],
  exports: [OrganizationsService, PlanMeter, Followers],
})
export class OrganizationsModule {}

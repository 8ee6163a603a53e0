import { Query, Resolver } from '@nestjs/graphql';
import { Allow, Caller, EvenWhenSuspended } from '#access/decorators';
import type { Actor } from '#common/actor';
import { Organization } from './organization.entity';
import { OrganizationsService } from './organizations.service';

@Resolver(() => Organization)
export class OrganizationsResolver {
  constructor(private readonly organizations: OrganizationsService) {}

  @Query(() => Organization, { description: 'Your organization.' })
  @Allow('viewer')
  @EvenWhenSuspended()
  my_organization(@Caller() actor: Actor): Promise<Organization> {
    return this.organizations.get(actor);
  }
}

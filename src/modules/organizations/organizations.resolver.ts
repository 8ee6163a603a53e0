import { Query, Resolver } from '@nestjs/graphql';
import { Allow, Caller, EvenWhenSuspended, Resource } from '#access/decorators';
import type { Actor } from '#common/actor';
import { Organization } from './organization.entity';
import { OrganizationsService } from './organizations.service';

@Resolver(() => Organization)
@Resource('organization')
export class OrganizationsResolver {
  constructor(private readonly organizations: OrganizationsService) {}

  @Query(() => Organization, { description: 'Your organization.' })
  @Allow('viewer')
  @EvenWhenSuspended()
  my_organization(@Caller() actor: Actor): Promise<Organization> {
    return this.organizations.get(actor);
  }
}

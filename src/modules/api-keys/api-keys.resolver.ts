import { Args, Mutation, Query, Resolver } from '@nestjs/graphql';
import { Allow, Caller, PeopleOnly, Resource } from '#access/decorators';
import { IdArg } from '#api/graphql-id';
import type { Actor } from '#common/actor';
import type { Page } from '#common/page.dto';
import { SuccessResponse } from '#common/success.dto';
import { ApiKeyArgs, ApiKeyCreate, ApiKeyCreated, ApiKeyRotate, ApiKeyUpdate } from './api-key.dto';
import { ApiKey } from './api-key.entity';
import { ApiKeysService } from './api-keys.service';

@Resolver(() => ApiKey)
@Resource('organization')
@PeopleOnly()
export class ApiKeysResolver {
  constructor(private readonly keys: ApiKeysService) {}

  @Query(() => [ApiKey], { description: 'API keys; never their values.' })
  @Allow('org_admin')
  api_keys(@Caller() actor: Actor, @Args() query: ApiKeyArgs): Promise<Page<ApiKey>> {
    return this.keys.page(actor, query);
  }

  @Mutation(() => ApiKeyCreated, { description: 'Create an API key; its value is shown only now.' })
  @Allow('org_admin')
  createApiKey(@Caller() actor: Actor, @Args('input') input: ApiKeyCreate): Promise<ApiKeyCreated> {
    return this.keys.create(actor, input);
  }

  @Mutation(() => ApiKey, { description: 'Change name, scopes or expiry.' })
  @Allow('org_admin')
  updateApiKey(@Caller() actor: Actor, @IdArg() id: string, @Args('input') input: ApiKeyUpdate): Promise<ApiKey> {
    return this.keys.update(actor, id, input);
  }

  @Mutation(() => ApiKeyCreated, { description: 'A new value, shown only now; the one of before works on for the overlap.' })
  @Allow('org_admin')
  rotateApiKey(@Caller() actor: Actor, @IdArg() id: string, @Args() input: ApiKeyRotate): Promise<ApiKeyCreated> {
    return this.keys.rotate(actor, id, input);
  }

  @Mutation(() => SuccessResponse, { description: 'Revoke an API key: it is dead on every door at once.' })
  @Allow('org_admin')
  async deleteApiKey(@Caller() actor: Actor, @IdArg() id: string): Promise<SuccessResponse> {
    await this.keys.remove(actor, id);
    return { success: true, message: 'API key revoked' };
  }
}

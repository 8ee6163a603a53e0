import { Args, Mutation, Query, Resolver } from '@nestjs/graphql';
import { Allow, Caller, RateClass, Resource } from '#access/decorators';
import { IdArg } from '#api/graphql-id';
import type { Actor } from '#common/actor';
import type { Page } from '#common/page.dto';
import { SuccessResponse } from '#common/success.dto';
import {
  SecretArgs,
  SecretCreate,
  SecretRemoval,
  SecretRotate,
  SecretTest,
  SecretTestResult,
  SecretUpdate,
  SecretUsageArgs,
  SecretUsageStats,
  SecretValue,
  SecretView,
} from './secret.dto';
import { SecretsService } from './secrets.service';

@Resolver(() => SecretView)
@Resource('secrets')
@Allow('org_admin')
export class SecretsResolver {
  constructor(private readonly secrets: SecretsService) {}

  @Query(() => SecretView, { nullable: true, description: 'One secret, without its value.' })
  secret(@Caller() actor: Actor, @IdArg() id: string): Promise<SecretView> {
    return this.secrets.get(actor, id);
  }

  @Query(() => [SecretView], { name: 'secrets', description: 'A page of secrets, without their values.' })
  list(@Caller() actor: Actor, @Args() query: SecretArgs): Promise<Page<SecretView>> {
    return this.secrets.page(actor, query);
  }

  @Query(() => SecretValue, { description: 'The plain text of a secret; the audit log says who read it.' })
  @RateClass('secret_reveal')
  secret_value(@Caller() actor: Actor, @IdArg() id: string): Promise<SecretValue> {
    return this.secrets.value(actor, id);
  }

  @Query(() => SecretUsageStats, { description: 'How a secret is used.' })
  secret_usage(@Caller() actor: Actor, @IdArg() id: string): Promise<SecretUsageStats> {
    return this.secrets.usage(actor, id);
  }

  @Query(() => [SecretUsageStats], { description: 'How the secrets of the organization are used.' })
  secret_usage_organization(@Caller() actor: Actor, @Args() query: SecretUsageArgs): Promise<Page<SecretUsageStats>> {
    return this.secrets.usageOfAll(actor, query);
  }

  @Mutation(() => SecretView, { description: 'Create a secret.' })
  createSecret(@Caller() actor: Actor, @Args('input') input: SecretCreate): Promise<SecretView> {
    return this.secrets.create(actor, input);
  }

  @Mutation(() => SecretView, { description: 'Update a secret: absent keeps, null clears.' })
  updateSecret(@Caller() actor: Actor, @IdArg() id: string, @Args('input') input: SecretUpdate): Promise<SecretView> {
    return this.secrets.update(actor, id, input);
  }

  @Mutation(() => SecretView, { description: 'Give a secret another value, or encrypt the same one again with the newest key.' })
  rotateSecret(@Caller() actor: Actor, @IdArg() id: string, @Args() input: SecretRotate): Promise<SecretView> {
    return this.secrets.rotate(actor, id, input);
  }

  @Mutation(() => SecretView, { description: 'Switch a secret on.' })
  activateSecret(@Caller() actor: Actor, @IdArg() id: string): Promise<SecretView> {
    return this.secrets.setActive(actor, id, true);
  }

  @Mutation(() => SecretView, { description: 'Switch a secret off.' })
  deactivateSecret(@Caller() actor: Actor, @IdArg() id: string): Promise<SecretView> {
    return this.secrets.setActive(actor, id, false);
  }

  @Mutation(() => SecretTestResult, { description: 'Whether a secret opens, or its provider takes it.' })
  testSecret(@Caller() actor: Actor, @IdArg() id: string, @Args() input: SecretTest): Promise<SecretTestResult> {
    return this.secrets.test(actor, id, input);
  }

  @Mutation(() => SuccessResponse, { description: 'Delete a secret; what is in use by force only.' })
  async deleteSecret(@Caller() actor: Actor, @IdArg() id: string, @Args() query: SecretRemoval): Promise<SuccessResponse> {
    await this.secrets.remove(actor, id, query);
    return { success: true, message: 'Secret deleted' };
  }
}

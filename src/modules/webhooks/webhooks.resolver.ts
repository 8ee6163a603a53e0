import { Args, Mutation, Query, Resolver } from '@nestjs/graphql';
import { Allow, Caller, Resource } from '#access/decorators';
import { IdArg } from '#api/graphql-id';
import type { Actor } from '#common/actor';
import type { Page } from '#common/page.dto';
import { SuccessResponse } from '#common/success.dto';
import { WebhookLog } from './webhook-log';
import {
  DeliveryArgs,
  DeliveryView,
  WebhookArgs,
  WebhookCreate,
  WebhookEventArgs,
  WebhookEventInfo,
  WebhookReplay,
  WebhookReplayResult,
  WebhookTest,
  WebhookTestResult,
  WebhookUpdate,
  WebhookWithSecret,
} from './webhook.dto';
import { Webhook } from './webhook.entity';
import { WebhooksService } from './webhooks.service';

@Resolver(() => Webhook)
@Resource('webhooks')
@Allow('org_admin')
export class WebhooksResolver {
  constructor(
    private readonly webhooks: WebhooksService,
    private readonly log: WebhookLog,
  ) {}

  @Query(() => Webhook, { nullable: true, description: 'One webhook, without its secret.' })
  webhook(@Caller() actor: Actor, @IdArg() id: string): Promise<Webhook> {
    return this.webhooks.get(actor, id);
  }

  @Query(() => [Webhook], { name: 'webhooks', description: 'A page of webhooks, without their secrets.' })
  list(@Caller() actor: Actor, @Args() query: WebhookArgs): Promise<Page<Webhook>> {
    return this.webhooks.page(actor, query);
  }

  @Query(() => [WebhookEventInfo], { description: 'A page of the events webhooks may hear.' })
  webhook_events(@Args() query: WebhookEventArgs): Page<WebhookEventInfo> {
    return this.webhooks.events(query);
  }

  @Query(() => [DeliveryView], { description: 'What a webhook was told in the last 30 days, the newest first.' })
  webhook_deliveries(@Caller() actor: Actor, @IdArg('webhook_id') id: string, @Args() query: DeliveryArgs): Promise<Page<DeliveryView>> {
    return this.log.page(actor, id, query);
  }

  @Mutation(() => WebhookWithSecret, { description: 'Create a webhook; its secret is answered this once.' })
  createWebhook(@Caller() actor: Actor, @Args('input') input: WebhookCreate): Promise<WebhookWithSecret> {
    return this.webhooks.create(actor, input);
  }

  @Mutation(() => Webhook, { description: 'Update a webhook: absent keeps, null clears.' })
  updateWebhook(@Caller() actor: Actor, @IdArg() id: string, @Args('input') input: WebhookUpdate): Promise<Webhook> {
    return this.webhooks.update(actor, id, input);
  }

  @Mutation(() => SuccessResponse, { description: 'Delete a webhook, and its log.' })
  async deleteWebhook(@Caller() actor: Actor, @IdArg() id: string): Promise<SuccessResponse> {
    await this.webhooks.remove(actor, id);
    return { success: true, message: 'Webhook deleted' };
  }

  @Mutation(() => WebhookTestResult, { description: 'Send a webhook an example, once, and say how that went.' })
  testWebhook(@Caller() actor: Actor, @IdArg() id: string, @Args() input: WebhookTest): Promise<WebhookTestResult> {
    return this.log.test(actor, id, input);
  }

  @Mutation(() => DeliveryView, { description: 'Deliver an event again.' })
  retryWebhook(@Caller() actor: Actor, @IdArg() id: string, @IdArg('event_id') event_id: string): Promise<DeliveryView> {
    return this.log.retryOne(actor, id, event_id);
  }

  @Mutation(() => WebhookReplayResult, { description: 'Deliver all that has ended in a range again.' })
  replayWebhook(@Caller() actor: Actor, @IdArg() id: string, @Args() range: WebhookReplay): Promise<WebhookReplayResult> {
    return this.log.replay(actor, id, range);
  }
}

import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, Query } from '@nestjs/common';
import { ApiExtraModels, ApiOkResponse, getSchemaPath } from '@nestjs/swagger';
import { Allow, Caller, Resource } from '#access/decorators';
import { Uuid } from '#api/validation.pipe';
import type { Actor } from '#common/actor';
import { DEMO } from '#common/demo';
import { Bodies, Room } from '#common/room';
import { WebhookLog } from './webhook-log';
import {
  DeliveryPage,
  DeliveryQuery,
  DeliveryView,
  WebhookCreate,
  WebhookEventCatalog,
  WebhookEventQuery,
  WebhookPage,
  WebhookQuery,
  WebhookReplayResult,
  WebhookRetry,
  WebhookTest,
  WebhookTestResult,
  WebhookUpdate,
  WebhookWithSecret,
} from './webhook.dto';
import { Webhook } from './webhook.entity';
import { WebhooksService } from './webhooks.service';

@Room('webhooks', 'Endpoints of yours that are told what happens, signed as Standard Webhooks 1.0.0 has it.', {
  webhook_id: DEMO.webhook_id,
  event_id: DEMO.webhook_event_id,
})
@Controller('webhooks')
@Resource('webhooks')
@Allow('org_admin')
export class WebhooksController {
  constructor(
    private readonly webhooks: WebhooksService,
    private readonly log: WebhookLog,
  ) {}

  /** List webhooks, without their secrets. `search` looks in name, description and url. */
  @Get()
  page(@Caller() actor: Actor, @Query() query: WebhookQuery): Promise<WebhookPage> {
    return this.webhooks.page(actor, query);
  }

  /**
   * Create a webhook. Its secret is answered this once. It hears what happens from now on.
   * @throws {404} There is no such WhatsApp number.
   * @throws {409} There are 20 (`limit_reached`).
   * @throws {422} Also an unknown event; an address that may not be called (`url_not_allowed`).
   */
  @Post()
  @Bodies({
    'everything of messages': { name: 'ERP', url: 'https://example.com/pytake', events: ['message.*'] },
    'one number, with a header': {
      url: 'https://example.com/pytake',
      events: ['*'],
      whatsapp_number_id: DEMO.number_id,
      headers: { 'X-Api-Key': '0123456789' },
    },
  })
  create(@Caller() actor: Actor, @Body() input: WebhookCreate): Promise<WebhookWithSecret> {
    return this.webhooks.create(actor, input);
  }

  /** List the events webhooks may hear, each with the body that is sent. */
  @Get('events')
  events(@Query() query: WebhookEventQuery): WebhookEventCatalog {
    return this.webhooks.events(query);
  }

  /** Get a webhook, without its secret. */
  @Get(':webhook_id')
  get(@Caller() actor: Actor, @Param('webhook_id', Uuid) id: string): Promise<Webhook> {
    return this.webhooks.get(actor, id);
  }

  /**
   * Update a webhook: absent keeps, null clears. Another secret rotates: for 24 hours the one of before signs too. Switching it on forgets its failures.
   * @throws {404} There is no such webhook, or WhatsApp number.
   * @throws {409} It is the webhook of a WhatsApp number, which is changed there (`webhook_of_number`).
   * @throws {422} Also an unknown event; an address that may not be called (`url_not_allowed`).
   */
  @Put(':webhook_id')
  @Bodies({ 'other events': { events: ['message.received', 'conversation.*'] }, 'another name': { name: 'ERP, matriz' } })
  update(@Caller() actor: Actor, @Param('webhook_id', Uuid) id: string, @Body() input: WebhookUpdate): Promise<Webhook> {
    return this.webhooks.update(actor, id, input);
  }

  /**
   * Delete a webhook, and its log.
   * @throws {409} It is the webhook of a WhatsApp number, which is changed there (`webhook_of_number`).
   */
  @Delete(':webhook_id')
  @HttpCode(204)
  remove(@Caller() actor: Actor, @Param('webhook_id', Uuid) id: string): Promise<void> {
    return this.webhooks.remove(actor, id);
  }

  /**
   * Test a webhook: sends it an example of an event, once, and answers how that went. Also where it is switched off.
   * @throws {422} Also an unknown event.
   */
  @Post(':webhook_id/test')
  @HttpCode(200)
  @Bodies({ 'that it works': {}, 'an example': { event: 'message.received' } })
  test(@Caller() actor: Actor, @Param('webhook_id', Uuid) id: string, @Body() input: WebhookTest): Promise<WebhookTestResult> {
    return this.log.test(actor, id, input);
  }

  /** List what a webhook was told in the last 30 days, the newest first, with every try. */
  @Get(':webhook_id/logs')
  logs(@Caller() actor: Actor, @Param('webhook_id', Uuid) id: string, @Query() query: DeliveryQuery): Promise<DeliveryPage> {
    return this.log.page(actor, id, query);
  }

  /**
   * Deliver an event again, or all that has ended in a range, the oldest 10,000: the same bodies under the same ids. One event answers its delivery, a range
   * how many are queued.
   * @throws {404} There is no such webhook, or it was never told of the event.
   * @throws {409} It is switched off (`webhook_inactive`), or the event is being delivered (`delivery_in_flight`).
   * @throws {422} Also neither an event nor a range.
   */
  @Post(':webhook_id/retry')
  @HttpCode(200)
  @ApiExtraModels(DeliveryView, WebhookReplayResult)
  @ApiOkResponse({ schema: { oneOf: [{ $ref: getSchemaPath(DeliveryView) }, { $ref: getSchemaPath(WebhookReplayResult) }] } })
  @Bodies({ 'one event': { event_id: DEMO.webhook_event_id }, 'what failed': { status: 'failed' } })
  retry(
    @Caller() actor: Actor,
    @Param('webhook_id', Uuid) id: string,
    @Body() input: WebhookRetry,
  ): Promise<DeliveryView | WebhookReplayResult> {
    return this.log.retry(actor, id, input);
  }
}

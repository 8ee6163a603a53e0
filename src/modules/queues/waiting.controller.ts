import { Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiOkResponse } from '@nestjs/swagger';
import { Allow, Caller, Resource } from '#access/decorators';
import { Uuid } from '#api/validation.pipe';
import type { Actor } from '#common/actor';
import { type Page, PageQuery } from '#common/page.dto';
import { Room } from '#common/room';
import { ConversationPage, ConversationView } from '#modules/conversations/conversation.dto';
import { OffersService } from './offers/offers.service';
import { QueueOffer } from './offers/queue-offer.entity';
import { QueueChoice, QueueOfferPage, WaitingQuery } from './queue.dto';
import { PullConversation } from './routing/pull-conversation';
import { WaitingLine } from './waiting-line';

/** What waits, in all queues. */
@Room('queues')
@Controller('queue')
@Resource('queues')
export class WaitingController {
  constructor(
    private readonly line: WaitingLine,
    private readonly offers: OffersService,
    private readonly pulling: PullConversation,
  ) {}

  /**
   * List the conversations that wait, next first.
   * @throws {404} There is no such queue or department.
   */
  @Get()
  @Allow('viewer')
  @ApiOkResponse({ type: ConversationPage })
  page(@Caller() actor: Actor, @Query() query: WaitingQuery): Promise<Page<ConversationView>> {
    return this.line.page(actor, query);
  }

  /**
   * Take the next conversation that waits and that one may serve.
   * @throws {404} There is none (`queue_empty`), or there is no such queue or department.
   * @throws {409} Those that wait are in closed queues (`queue_closed`), or one has as many conversations as one may (`agent_at_capacity`).
   */
  @Post('pull')
  @HttpCode(200)
  @Allow('agent')
  pull(@Caller() actor: Actor, @Query() query: QueueChoice): Promise<ConversationView> {
    return this.pulling.pull(actor, query);
  }

  /** List the conversations that are held out to oneself. */
  @Get('offers')
  @Allow('agent')
  @ApiOkResponse({ type: QueueOfferPage })
  offersOfMine(@Caller() actor: Actor, @Query() query: PageQuery): Promise<Page<QueueOffer>> {
    return this.offers.page(actor, query);
  }

  /**
   * Accept an offer: the conversation is one's own.
   * @throws {404} It is not made to oneself.
   * @throws {409} It stands no more (`offer_over`).
   */
  @Post('offers/:offer_id/accept')
  @HttpCode(200)
  @Allow('agent')
  accept(@Caller() actor: Actor, @Param('offer_id', Uuid) id: string): Promise<ConversationView> {
    return this.offers.accept(actor, id);
  }

  /**
   * Decline an offer: the next agent is asked.
   * @throws {404} It is not made to oneself.
   * @throws {409} It stands no more (`offer_over`).
   */
  @Post('offers/:offer_id/decline')
  @HttpCode(200)
  @Allow('agent')
  decline(@Caller() actor: Actor, @Param('offer_id', Uuid) id: string): Promise<QueueOffer> {
    return this.offers.decline(actor, id);
  }
}

import { Args, ArgsType, Context, Field, ID, Int, Mutation, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import { IsInt, IsOptional, IsString, IsUUID, MaxLength, Min } from 'class-validator';
import { Allow, Caller } from '#access/decorators';
import { GraphqlContext } from '#api/graphql-context';
import { OptionalUuid, Uuid, parse } from '#api/validation.pipe';
import type { Actor } from '#common/actor';
import { Unauthenticated } from '#common/errors';
import { IsIdOr } from '#common/fields';
import { PAGE_SIZE_MAX } from '#common/page.dto';
import {
  ConversationClose,
  ConversationCreate,
  type ConversationQuery,
  ConversationStatuses,
  ConversationUpdate,
  ConversationView,
} from './conversation.dto';
import { ConversationsService } from './conversations.service';
import { composeRequest } from './messages/compose';
import { firstDraft } from './messages/first-draft';
import { MessageResponse } from './messages/message.dto';
import { MessagesService } from './messages/messages.service';
import { MessageSendRequest } from './messages/send.dto';
import { TemplateValuesInput } from './messages/template-values.dto';

@ArgsType()
class ConversationFilterArgs {
  @Field(() => String, { nullable: true })
  @IsOptional()
  @ConversationStatuses()
  status?: string;

  @Field(() => String, { nullable: true })
  @IsOptional()
  @IsIdOr('me', 'none')
  assigned_to?: string;

  @Field(() => ID, { nullable: true })
  @IsOptional()
  @IsUUID()
  department_id?: string;

  @Field(() => ID, { nullable: true })
  @IsOptional()
  @IsUUID()
  queue_id?: string;

  @Field(() => ID, { nullable: true })
  @IsOptional()
  @IsUUID()
  contact_id?: string;

  @Field(() => ID, { nullable: true })
  @IsOptional()
  @IsUUID()
  whatsapp_number_id?: string;

  @Field(() => String, { nullable: true })
  @IsOptional()
  @IsString()
  @MaxLength(100)
  search?: string;
}

@ArgsType()
class ConversationPageArgs extends ConversationFilterArgs {
  @Field(() => Int, { defaultValue: 0 })
  @IsInt()
  @Min(0)
  skip: number;

  /** Above 100 counts as 100. */
  @Field(() => Int, { defaultValue: 50 })
  @IsInt()
  @Min(1)
  limit: number;

  @Field(() => String, { nullable: true })
  @IsOptional()
  @IsString()
  @MaxLength(100)
  sort?: string;
}

const ConversationId = (): ParameterDecorator => Args('conversation_id', { type: () => ID }, Uuid);

@Resolver(() => ConversationView)
export class ConversationsResolver {
  constructor(
    private readonly conversations: ConversationsService,
    private readonly messages: MessagesService,
  ) {}

  @Query(() => ConversationView, { nullable: true, description: 'One conversation.' })
  @Allow('viewer')
  conversation(@Caller() actor: Actor, @Args('id', { type: () => ID }, Uuid) id: string): Promise<ConversationView> {
    return this.conversations.get(actor, id);
  }

  @Query(() => [ConversationView], { name: 'conversations', description: 'A page of conversations.' })
  @Allow('viewer')
  list(@Caller() actor: Actor, @Args() query: ConversationPageArgs): Promise<ConversationView[]> {
    return this.conversations.items(actor, query);
  }

  @Query(() => Int, { description: 'How many conversations there are.' })
  @Allow('viewer')
  async conversations_count(@Caller() actor: Actor, @Args() filter: ConversationFilterArgs): Promise<number> {
    return (await this.conversations.page(actor, { ...filter, limit: 1 } as ConversationQuery)).total;
  }

  @Query(() => [MessageResponse], { description: 'Messages of a conversation, oldest first.' })
  @Allow('viewer')
  async conversation_messages(
    @Caller() actor: Actor,
    @ConversationId() conversation_id: string,
    @Args('skip', { type: () => Int, defaultValue: 0 }) skip: number,
    @Args('limit', { type: () => Int, defaultValue: 50 }) limit: number,
  ): Promise<MessageResponse[]> {
    return (await this.messages.thread(actor, conversation_id, { skip: Math.max(0, skip), limit: Math.max(1, limit) })).items;
  }

  @Query(() => MessageResponse, { nullable: true, description: 'One message.' })
  @Allow('viewer')
  message(@Caller() actor: Actor, @Args('id', { type: () => ID }, Uuid) id: string): Promise<MessageResponse> {
    return this.messages.get(actor, id);
  }

  /** The newest `limit` messages, oldest first; those before a message with `before`. All conversations of the answer cost one query. */
  @ResolveField(() => [MessageResponse], { name: 'messages' })
  messagesOf(
    @Parent() conversation: ConversationView,
    @Context() context: GraphqlContext,
    @Args('limit', { type: () => Int, defaultValue: 50 }) limit: number,
    @Args('before', { type: () => ID, nullable: true }, OptionalUuid) before?: string,
  ): Promise<MessageResponse[]> {
    const { actor } = context.req;
    if (!actor) throw new Unauthenticated();
    const bounded = Math.min(PAGE_SIZE_MAX, Math.max(1, limit));
    return context
      .loader(`messages ${bounded} ${before ?? ''}`, (ids) => this.messages.newestOf(actor, ids, bounded, before))
      .load(conversation.id);
  }

  @Mutation(() => ConversationView, { description: 'Start a conversation.' })
  @Allow('agent')
  async createConversation(@Caller() actor: Actor, @Args('input') input: ConversationCreate): Promise<ConversationView> {
    return this.conversations.create(actor, input, await firstDraft(input.initial_message));
  }

  @Mutation(() => ConversationView, { description: 'Update a conversation.' })
  @Allow('agent')
  updateConversation(
    @Caller() actor: Actor,
    @Args('id', { type: () => ID }, Uuid) id: string,
    @Args('input') input: ConversationUpdate,
  ): Promise<ConversationView> {
    return this.conversations.update(actor, id, input);
  }

  @Mutation(() => MessageResponse, { description: 'Send a message into a conversation.' })
  @Allow('agent')
  async sendMessage(
    @Caller() actor: Actor,
    @ConversationId() conversation_id: string,
    @Args('content', { nullable: true }) content?: string,
    @Args('message_type', { nullable: true }) message_type?: string,
    @Args('media_url', { nullable: true }) media_url?: string,
    @Args('media_type', { nullable: true }) media_type?: string,
    @Args('template', { type: () => TemplateValuesInput, nullable: true }) template?: TemplateValuesInput,
    @Args('reply_to_message_id', { type: () => ID, nullable: true }) reply_to_message_id?: string,
  ): Promise<MessageResponse> {
    const input = await parse(MessageSendRequest, { content, message_type, media_url, media_type, template, reply_to_message_id });
    return this.messages.send(actor, conversation_id, composeRequest(input), input);
  }

  @Mutation(() => MessageResponse, { description: 'Send a failed message again.' })
  @Allow('agent')
  resendMessage(@Caller() actor: Actor, @Args('id', { type: () => ID }, Uuid) id: string): Promise<MessageResponse> {
    return this.messages.resend(actor, id);
  }

  @Mutation(() => ConversationView, { description: 'Assign to an agent.' })
  @Allow('agent')
  assignConversation(
    @Caller() actor: Actor,
    @ConversationId() conversation_id: string,
    @Args('agent_id', { type: () => ID }, Uuid) agent_id: string,
  ): Promise<ConversationView> {
    return this.conversations.assign(actor, conversation_id, agent_id);
  }

  @Mutation(() => ConversationView, { description: 'Close.' })
  @Allow('agent')
  async closeConversation(
    @Caller() actor: Actor,
    @ConversationId() conversation_id: string,
    @Args('reason', { nullable: true }) reason?: string,
    @Args('resolved', { nullable: true }) resolved?: boolean,
  ): Promise<ConversationView> {
    return this.conversations.close(actor, conversation_id, await parse(ConversationClose, { reason, resolved }));
  }

  @Mutation(() => ConversationView, { description: 'Reopen.' })
  @Allow('agent')
  reopenConversation(@Caller() actor: Actor, @ConversationId() conversation_id: string): Promise<ConversationView> {
    return this.conversations.reopen(actor, conversation_id);
  }

  @Mutation(() => ConversationView, { description: 'Archive.' })
  @Allow('agent')
  archiveConversation(@Caller() actor: Actor, @ConversationId() conversation_id: string): Promise<ConversationView> {
    return this.conversations.archive(actor, conversation_id);
  }

  @Mutation(() => ConversationView, { description: 'Mark everything read.' })
  @Allow('agent')
  markConversationRead(@Caller() actor: Actor, @ConversationId() conversation_id: string): Promise<ConversationView> {
    return this.conversations.markRead(actor, conversation_id);
  }
}

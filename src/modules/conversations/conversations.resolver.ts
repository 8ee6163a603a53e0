import { Args, Context, Int, Mutation, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import { Allow, Caller, Resource } from '#access/decorators';
import { GraphqlContext } from '#api/graphql-context';
import { IdArg } from '#api/graphql-id';
import type { Actor } from '#common/actor';
import { pageWindow } from '#common/page.dto';
import { Audit } from '#modules/audit/audit.interceptor';
import { ConversationArgs, ConversationFilter, ConversationView } from './conversation.dto';
import { ConversationAssign, ConversationClose, ConversationCreate, ConversationTags, ConversationUpdate } from './conversation-inputs.dto';
import { ConversationsService } from './conversations.service';
import { composeRequest } from './messages/compose';
import { firstDraft } from './messages/first-draft';
import { MessageResponse } from './messages/message.dto';
import { MessageArgs, NewestMessages } from './messages/message-query.dto';
import { MessagesService } from './messages/messages.service';
import { ConversationNoteCreate } from './messages/note.dto';
import { MessageSendRequest } from './messages/send.dto';
import { ConversationTransfer } from './transfer.dto';

@Resolver(() => ConversationView)
@Resource('conversations')
export class ConversationsResolver {
  constructor(
    private readonly conversations: ConversationsService,
    private readonly messages: MessagesService,
  ) {}

  @Query(() => ConversationView, { nullable: true, description: 'One conversation.' })
  @Allow('viewer')
  conversation(@Caller() actor: Actor, @IdArg() id: string): Promise<ConversationView> {
    return this.conversations.get(actor, id);
  }

  @Query(() => [ConversationView], { name: 'conversations', description: 'A page of conversations.' })
  @Allow('viewer')
  list(@Caller() actor: Actor, @Args() query: ConversationArgs): Promise<ConversationView[]> {
    return this.conversations.items(actor, query);
  }

  @Query(() => String, { nullable: true, description: 'The `cursor` of the page after this one; null at the end.' })
  @Allow('viewer')
  conversations_next_cursor(@Caller() actor: Actor, @Args() query: ConversationArgs): Promise<string | null> {
    return this.conversations.nextCursor(actor, query);
  }

  @Query(() => Int, { description: 'How many conversations there are; 10,000 (2,000 with `search`) stands for more.' })
  @Allow('viewer')
  async conversations_count(@Caller() actor: Actor, @Args() filter: ConversationFilter): Promise<number> {
    return (await this.conversations.page(actor, { ...filter, limit: 1 })).total;
  }

  @Query(() => [MessageResponse], { description: 'Messages of a conversation, oldest first.' })
  @Allow('viewer')
  @Resource('messages')
  async conversation_messages(
    @Caller() actor: Actor,
    @IdArg('conversation_id') conversation_id: string,
    @Args() query: MessageArgs,
  ): Promise<MessageResponse[]> {
    return (await this.messages.thread(actor, conversation_id, query)).items;
  }

  @Query(() => String, { nullable: true, description: 'The `cursor` of the page after this one; null at the end.' })
  @Allow('viewer')
  @Resource('messages')
  async conversation_messages_next_cursor(
    @Caller() actor: Actor,
    @IdArg('conversation_id') conversation_id: string,
    @Args() query: MessageArgs,
  ): Promise<string | null> {
    return (await this.messages.thread(actor, conversation_id, query)).next_cursor;
  }

  @Query(() => MessageResponse, { nullable: true, description: 'One message.' })
  @Allow('viewer')
  @Resource('messages')
  message(@Caller() actor: Actor, @IdArg() id: string): Promise<MessageResponse> {
    return this.messages.get(actor, id);
  }

  /** The newest `limit` messages, oldest first; those before a message with `before`. All conversations of the answer cost one query. */
  @ResolveField(() => [MessageResponse], { name: 'messages' })
  messagesOf(
    @Parent() conversation: ConversationView,
    @Context() context: GraphqlContext,
    @Args() query: NewestMessages,
  ): Promise<MessageResponse[]> {
    const actor = context.assertMayRead('messages');
    const { before } = query;
    const { limit } = pageWindow(query);
    return context
      .loader(`messages ${limit} ${before ?? ''}`, (ids) => this.messages.newestOf(actor, ids, limit, before))
      .load(conversation.id);
  }

  @Mutation(() => ConversationView, { description: 'Start a conversation.' })
  @Allow('agent')
  async createConversation(@Caller() actor: Actor, @Args('input') input: ConversationCreate): Promise<ConversationView> {
    return this.conversations.create(actor, input, await firstDraft(input.initial_message));
  }

  @Mutation(() => ConversationView, { description: 'Update a conversation.' })
  @Allow('agent')
  updateConversation(@Caller() actor: Actor, @IdArg() id: string, @Args('input') input: ConversationUpdate): Promise<ConversationView> {
    return this.conversations.update(actor, id, input);
  }

  @Mutation(() => MessageResponse, { description: 'Send a message into a conversation.' })
  @Allow('agent')
  @Resource('messages')
  sendMessage(
    @Caller() actor: Actor,
    @IdArg('conversation_id') conversation_id: string,
    @Args() input: MessageSendRequest,
  ): Promise<MessageResponse> {
    return this.messages.send(actor, conversation_id, composeRequest(input), input);
  }

  @Mutation(() => MessageResponse, { description: 'Send a failed message again.' })
  @Allow('agent')
  @Resource('messages')
  resendMessage(@Caller() actor: Actor, @IdArg() id: string): Promise<MessageResponse> {
    return this.messages.resend(actor, id);
  }

  @Mutation(() => ConversationView, { description: 'Assign to an agent.' })
  @Allow('agent')
  assignConversation(
    @Caller() actor: Actor,
    @IdArg('conversation_id') conversation_id: string,
    @Args() input: ConversationAssign,
  ): Promise<ConversationView> {
    return this.conversations.assign(actor, conversation_id, input.agent_id);
  }

  @Mutation(() => ConversationView, { description: 'Transfer to an agent, a department or a queue.' })
  @Allow('agent')
  transferConversation(
    @Caller() actor: Actor,
    @IdArg('conversation_id') conversation_id: string,
    @Args() input: ConversationTransfer,
  ): Promise<ConversationView> {
    return this.conversations.transfer(actor, conversation_id, input);
  }

  @Mutation(() => ConversationView, { description: 'Add labels.' })
  @Allow('agent')
  addConversationTags(
    @Caller() actor: Actor,
    @IdArg('conversation_id') conversation_id: string,
    @Args() input: ConversationTags,
  ): Promise<ConversationView> {
    return this.conversations.addTags(actor, conversation_id, input.tags);
  }

  @Mutation(() => MessageResponse, { description: 'Add a note for the team.' })
  @Allow('agent')
  @Resource('messages')
  addConversationNote(
    @Caller() actor: Actor,
    @IdArg('conversation_id') conversation_id: string,
    @Args() input: ConversationNoteCreate,
  ): Promise<MessageResponse> {
    return this.messages.addNote(actor, conversation_id, input);
  }

  @Mutation(() => ConversationView, { description: 'Close.' })
  @Allow('agent')
  closeConversation(
    @Caller() actor: Actor,
    @IdArg('conversation_id') conversation_id: string,
    @Args() input: ConversationClose,
  ): Promise<ConversationView> {
    return this.conversations.close(actor, conversation_id, input);
  }

  @Mutation(() => ConversationView, { description: 'Reopen.' })
  @Allow('agent')
  reopenConversation(@Caller() actor: Actor, @IdArg('conversation_id') conversation_id: string): Promise<ConversationView> {
    return this.conversations.reopen(actor, conversation_id);
  }

  @Mutation(() => ConversationView, { description: 'Archive.' })
  @Allow('agent')
  archiveConversation(@Caller() actor: Actor, @IdArg('conversation_id') conversation_id: string): Promise<ConversationView> {
    return this.conversations.archive(actor, conversation_id);
  }

  @Mutation(() => ConversationView, { description: 'Mark everything read.' })
  @Allow('agent')
  @Audit(false)
  markConversationRead(@Caller() actor: Actor, @IdArg('conversation_id') conversation_id: string): Promise<ConversationView> {
    return this.conversations.markRead(actor, conversation_id);
  }
}

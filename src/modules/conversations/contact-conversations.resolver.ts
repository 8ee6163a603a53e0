import { Args, Context, Parent, ResolveField, Resolver } from '@nestjs/graphql';
import { GraphqlContext } from '#api/graphql-context';
import { pageWindow } from '#common/page.dto';
import { ContactView } from '#modules/contacts/contact.dto';
import { ConversationView, LatestConversations } from './conversation.dto';
import { ConversationsService } from './conversations.service';

@Resolver(() => ContactView)
export class ContactConversationsResolver {
  constructor(private readonly conversations: ConversationsService) {}

  /** The `limit` with the latest messages, those first; archived ones too. All contacts of the answer cost one query. */
  @ResolveField(() => [ConversationView], { name: 'conversations' })
  conversationsOf(
    @Parent() contact: ContactView,
    @Context() context: GraphqlContext,
    @Args() query: LatestConversations,
  ): Promise<ConversationView[]> {
    const actor = context.assertMayRead('conversations');
    const { limit } = pageWindow(query);
    return context.loader(`conversations ${limit}`, (ids) => this.conversations.latestOf(actor, ids, limit)).load(contact.id);
  }
}

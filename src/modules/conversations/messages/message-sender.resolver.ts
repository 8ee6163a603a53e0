import { Context, Parent, ResolveField, Resolver } from '@nestjs/graphql';
import { GraphqlContext } from '#api/graphql-context';
import { User } from '#modules/users/user.entity';
import { UsersService } from '#modules/users/users.service';
import { MessageResponse } from './message.dto';

@Resolver(() => MessageResponse)
export class MessageSenderResolver {
  constructor(private readonly users: UsersService) {}

  /** Whose message it is; null: no user's, or they are gone. All messages of the answer cost one query. */
  @ResolveField(() => User, { name: 'sender_user', nullable: true })
  senderOf(@Parent() { sender_user_id }: MessageResponse, @Context() context: GraphqlContext): Promise<User | null> | null {
    const actor = context.assertMayRead('users');
    return sender_user_id ? context.loader('user', (ids) => this.users.many(actor, ids)).load(sender_user_id) : null;
  }
}

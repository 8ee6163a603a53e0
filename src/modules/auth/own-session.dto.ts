import { ArgsType, Field, ID, Int, ObjectType } from '@nestjs/graphql';
import { ArgsOf } from '#common/mapped-types';
import { PageOf, PageQuery } from '#common/page.dto';

/** One login of yours that is still good. */
@ObjectType('Session')
export class OwnSession {
  @Field(() => ID)
  id: string;

  /** Browser and system in a few words, as the client calls itself; null: it does not say. */
  device: string | null;

  user_agent: string | null;

  /** Where it was last used from. */
  ip_address: string | null;

  created_at: Date;

  /** To the minute; null: not since it was opened. */
  last_used_at: Date | null;

  /** It goes no further than this, however often it is refreshed. */
  expires_at: Date;

  /** The one you ask with. */
  is_current: boolean;
}

export class SessionPage extends PageOf(OwnSession) {}

/** Your sessions: the one you ask with, then the last used first. */
@ObjectType()
export class SessionList {
  @Field(() => [OwnSession])
  items: OwnSession[];

  @Field(() => Int)
  total: number;

  /** The `cursor` of the next page; null at the end. */
  next_cursor: string | null;
}

export class SessionQuery extends PageQuery {}

@ArgsType()
export class SessionArgs extends ArgsOf(SessionQuery) {}

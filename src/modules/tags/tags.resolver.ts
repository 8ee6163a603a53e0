import { Args, Mutation, Query, Resolver } from '@nestjs/graphql';
import { Allow, Caller, Resource } from '#access/decorators';
import { IdArg } from '#api/graphql-id';
import type { Actor } from '#common/actor';
import type { Page } from '#common/page.dto';
import { SuccessResponse } from '#common/success.dto';
import { TagArgs, TagCreate, TagUpdate, TagView } from './tag.dto';
import { TagsService } from './tags.service';

@Resolver(() => TagView)
@Resource('contacts')
export class TagsResolver {
  constructor(private readonly tags: TagsService) {}

  @Query(() => TagView, { nullable: true, description: 'One tag.' })
  @Allow('viewer')
  tag(@Caller() actor: Actor, @IdArg() id: string): Promise<TagView> {
    return this.tags.get(actor, id);
  }

  @Query(() => [TagView], { name: 'tags', description: 'A page of tags, A to Z.' })
  @Allow('viewer')
  list(@Caller() actor: Actor, @Args() query: TagArgs): Promise<Page<TagView>> {
    return this.tags.page(actor, query);
  }

  @Mutation(() => TagView, { description: 'Create a tag.' })
  @Allow('agent')
  createTag(@Caller() actor: Actor, @Args('input') input: TagCreate): Promise<TagView> {
    return this.tags.create(actor, input);
  }

  @Mutation(() => TagView, { description: 'Change a tag: absent keeps.' })
  @Allow('agent')
  updateTag(@Caller() actor: Actor, @IdArg() id: string, @Args('input') input: TagUpdate): Promise<TagView> {
    return this.tags.update(actor, id, input);
  }

  @Mutation(() => SuccessResponse, { description: 'Delete a tag, and with it take it from every contact.' })
  @Allow('agent')
  async deleteTag(@Caller() actor: Actor, @IdArg() id: string): Promise<SuccessResponse> {
    await this.tags.remove(actor, id);
    return { success: true, message: 'Tag deleted' };
  }
}

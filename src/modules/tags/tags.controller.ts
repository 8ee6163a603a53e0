import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, Query } from '@nestjs/common';
import { Allow, Caller, Resource } from '#access/decorators';
import { Uuid } from '#api/validation.pipe';
import type { Actor } from '#common/actor';
import { DEMO } from '#common/demo';
import { Bodies, Room } from '#common/room';
import { TagCreate, TagPage, TagQuery, TagUpdate, TagView } from './tag.dto';
import { TagsService } from './tags.service';

@Room('tags', 'Labels of contacts, by which they are told apart and found.', { tag_id: DEMO.tag_id })
@Controller('contacts/tags')
@Resource('contacts')
export class TagsController {
  constructor(private readonly tags: TagsService) {}

  /** List the tags, A to Z, each with how many contacts have it. */
  @Get()
  @Allow('viewer')
  page(@Caller() actor: Actor, @Query() query: TagQuery): Promise<TagPage> {
    return this.tags.page(actor, query);
  }

  /**
   * Create a tag.
   * @throws {403} The plan's tags are used up (`plan_limit_exceeded`).
   * @throws {409} A tag of this name exists (`tag_already_exists`).
   */
  @Post()
  @Allow('agent')
  @Bodies({ 'with a color': { name: 'Atacado', color: '#10B981', description: 'Compra para revender' }, 'a name alone': { name: 'Festa' } })
  create(@Caller() actor: Actor, @Body() input: TagCreate): Promise<TagView> {
    return this.tags.create(actor, input);
  }

  /** Get a tag. */
  @Get(':tag_id')
  @Allow('viewer')
  get(@Caller() actor: Actor, @Param('tag_id', Uuid) id: string): Promise<TagView> {
    return this.tags.get(actor, id);
  }

  /**
   * Change a tag: absent keeps. Its contacts keep it.
   * @throws {409} Another tag has this name (`tag_already_exists`).
   */
  @Put(':tag_id')
  @Allow('agent')
  @Bodies({ 'another color': { color: '#F59E0B' } })
  update(@Caller() actor: Actor, @Param('tag_id', Uuid) id: string, @Body() input: TagUpdate): Promise<TagView> {
    return this.tags.update(actor, id, input);
  }

  /**
   * Delete a tag, and with it take it from every contact.
   * @throws {409} PyTake itself uses it (`system_tag`).
   */
  @Delete(':tag_id')
  @HttpCode(204)
  @Allow('agent')
  remove(@Caller() actor: Actor, @Param('tag_id', Uuid) id: string): Promise<void> {
    return this.tags.remove(actor, id);
  }
}

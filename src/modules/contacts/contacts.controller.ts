import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, Query } from '@nestjs/common';
import { Allow, Caller, Resource } from '#access/decorators';
import { Uuid } from '#api/validation.pipe';
import type { Actor } from '#common/actor';
import { DEMO } from '#common/demo';
import { Bodies, Room } from '#common/room';
import {
  ContactBlock,
  ContactCreate,
  ContactMerge,
  ContactPage,
  ContactQuery,
  ContactSearch,
  ContactUpdate,
  ContactView,
  TagRefs,
  TagRefsQuery,
} from './contact.dto';
import { ContactFigures } from './contact-figures';
import { ContactOrganizationStats } from './contact-stats.dto';
import { ContactTimelines } from './contact-timelines';
import { ContactsService } from './contacts.service';
import { ContactTimeline, TimelineQuery } from './timeline.dto';

@Room('contacts', 'People outside who write or are written to on WhatsApp.', {
  contact_id: DEMO.contact_id,
  import_id: DEMO.contact_import_id,
})
@Controller('contacts')
@Resource('contacts')
export class ContactsController {
  constructor(
    private readonly contacts: ContactsService,
    private readonly figures: ContactFigures,
    private readonly timelines: ContactTimelines,
  ) {}

  /**
   * List contacts. `search` looks in names, e-mail, company (accents and case aside) and phone numbers in any format; words of one or two letters begin
   * a word of those.
   */
  @Get()
  @Allow('viewer')
  page(@Caller() actor: Actor, @Query() query: ContactQuery): Promise<ContactPage> {
    return this.contacts.page(actor, query);
  }

  /**
   * Search contacts: the list, with something to look for.
   * @throws {422} Nothing to look for.
   */
  @Get('search')
  @Allow('viewer')
  search(@Caller() actor: Actor, @Query() query: ContactSearch): Promise<ContactPage> {
    return this.contacts.page(actor, query);
  }

  /**
   * Create a contact.
   * @throws {403} The plan's contacts are used up (`plan_limit_exceeded`).
   * @throws {404} The assigned agent or department, or a tag by its id, is not in this organization.
   * @throws {409} A contact with this number exists (`contact_already_exists`); the details name it.
   * @throws {422} Also an assigned agent who may not answer (`invalid_agent`).
   */
  @Post()
  @Allow('agent')
  @Bodies({
    'a person': { whatsapp_id: '+5511987650009', name: 'Carla Dias', email: 'carla@confeitaria.example', lifecycle_stage: 'lead' },
    'with tags': { whatsapp_id: '+5511987650011', name: 'Elisa Nunes', tags: ['Cliente fiel', 'Festa'] },
    'with attributes of your own': { whatsapp_id: '+5511987650010', name: 'Davi Rocha', attributes: { favorite: 'pão de queijo' } },
  })
  create(@Caller() actor: Actor, @Body() input: ContactCreate): Promise<ContactView> {
    return this.contacts.create(actor, input);
  }

  /** Your contacts, in numbers. */
  @Get('stats')
  @Allow('viewer')
  stats(@Caller() actor: Actor): Promise<ContactOrganizationStats> {
    return this.figures.get(actor);
  }

  /** Get a contact. */
  @Get(':contact_id')
  @Allow('viewer')
  get(@Caller() actor: Actor, @Param('contact_id', Uuid) id: string): Promise<ContactView> {
    return this.contacts.get(actor, id);
  }

  /** What happened with a contact, the newest first: conversations, consents, what was changed and by whom, tags. */
  @Get(':contact_id/timeline')
  @Allow('viewer')
  timeline(@Caller() actor: Actor, @Param('contact_id', Uuid) id: string, @Query() query: TimelineQuery): Promise<ContactTimeline> {
    return this.timelines.page(actor, id, query);
  }

  /**
   * Update a contact: absent keeps, null clears.
   * @throws {404} The contact, the assigned agent or department, or a tag by its id, is not in this organization.
   * @throws {409} Another contact has this number (`contact_already_exists`); the details name it. Or the contact is nobody's any more (`already_anonymized`).
   * @throws {422} Also an assigned agent who may not answer (`invalid_agent`).
   */
  @Put(':contact_id')
  @Allow('agent')
  @Bodies({ 'a few fields': { company: 'Oficina Pereira', lead_score: 40, is_vip: true }, 'clear one': { company: null } })
  update(@Caller() actor: Actor, @Param('contact_id', Uuid) id: string, @Body() input: ContactUpdate): Promise<ContactView> {
    return this.contacts.update(actor, id, input);
  }

  /** Delete a contact: its open conversations close, its history stays readable. */
  @Delete(':contact_id')
  @HttpCode(204)
  @Allow('agent')
  remove(@Caller() actor: Actor, @Param('contact_id', Uuid) id: string): Promise<void> {
    return this.contacts.remove(actor, id);
  }

  /** Block a contact: its open conversations close, nothing is sent any more. Again: only the reason changes. */
  @Post(':contact_id/block')
  @HttpCode(200)
  @Allow('agent')
  @Bodies({ 'with a reason': { reason: 'Spam' }, without: {} })
  block(
    @Caller() actor: Actor,
    @Param('contact_id', Uuid) id: string,
    @Query() query: ContactBlock,
    @Body() input: ContactBlock,
  ): Promise<ContactView> {
    return this.contacts.block(actor, id, query.reason ?? input.reason);
  }

  /** Unblock a contact; conversations stay closed. */
  @Post(':contact_id/unblock')
  @HttpCode(200)
  @Allow('agent')
  unblock(@Caller() actor: Actor, @Param('contact_id', Uuid) id: string): Promise<ContactView> {
    return this.contacts.unblock(actor, id);
  }

  /** Mark a contact as VIP: their new conversations come first. Again: nothing changes. */
  @Post(':contact_id/vip')
  @HttpCode(200)
  @Allow('agent')
  markVip(@Caller() actor: Actor, @Param('contact_id', Uuid) id: string): Promise<ContactView> {
    return this.contacts.update(actor, id, { is_vip: true });
  }

  /** Take the VIP mark from a contact. */
  @Delete(':contact_id/vip')
  @Allow('agent')
  unmarkVip(@Caller() actor: Actor, @Param('contact_id', Uuid) id: string): Promise<ContactView> {
    return this.contacts.update(actor, id, { is_vip: false });
  }

  /**
   * Replace the tags of a contact; none is none. A name nobody has used is a new tag.
   * @throws {403} The plan's tags are used up (`plan_limit_exceeded`).
   * @throws {404} The contact, or a tag by its id, is not in this organization.
   */
  @Put(':contact_id/tags')
  @Allow('agent')
  @Bodies({ 'names and ids': { tags: ['Atacado', DEMO.tag_id] }, 'a list alone': ['Festa'], none: { tags: [] } })
  setTags(@Caller() actor: Actor, @Param('contact_id', Uuid) id: string, @Body() refs: TagRefs): Promise<ContactView> {
    return this.contacts.retag(actor, id, refs, 'set');
  }

  /**
   * Add tags to a contact; what is there already stays. A name nobody has used is a new tag.
   * @throws {403} The plan's tags are used up (`plan_limit_exceeded`).
   * @throws {404} The contact, or a tag by its id, is not in this organization.
   */
  @Post(':contact_id/tags')
  @HttpCode(200)
  @Allow('agent')
  @Bodies({ names: { tags: ['Atacado', 'Festa'] }, ids: { tag_ids: [DEMO.tag_id] }, 'a list alone': ['Festa'] })
  addTags(@Caller() actor: Actor, @Param('contact_id', Uuid) id: string, @Body() refs: TagRefs): Promise<ContactView> {
    return this.contacts.retag(actor, id, refs, 'add');
  }

  /**
   * Take tags from a contact, named in the body or in `?tags=`; a name nobody has used is ignored.
   * @throws {404} The contact, or a tag by its id, is not in this organization.
   */
  @Delete(':contact_id/tags')
  @Allow('agent')
  @Bodies({ names: { tags: ['Festa'] } })
  removeTags(
    @Caller() actor: Actor,
    @Param('contact_id', Uuid) id: string,
    @Query() query: TagRefsQuery,
    @Body() refs: TagRefs,
  ): Promise<ContactView> {
    return this.contacts.retag(actor, id, { ...refs, tags: query.tags ?? refs.tags }, 'remove');
  }

  /**
   * Merge two contacts into one: the older stays, with the conversations and ids of both.
   * @throws {409} Both are the same contact (`cannot_merge_self`), or one is nobody's any more (`already_anonymized`).
   */
  @Post(':contact_id/merge')
  @HttpCode(200)
  @Allow('agent')
  @Bodies({ 'two contacts of the demo': { other_contact_id: DEMO.other_contact_id } })
  merge(@Caller() actor: Actor, @Param('contact_id', Uuid) id: string, @Body() input: ContactMerge): Promise<ContactView> {
    return this.contacts.merge(actor, id, input.other_contact_id);
  }
}

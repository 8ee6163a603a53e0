import { Args, Int, Mutation, Query, Resolver } from '@nestjs/graphql';
import { Allow, Caller, Resource } from '#access/decorators';
import { IdArg } from '#api/graphql-id';
import type { Actor } from '#common/actor';
import { SuccessResponse } from '#common/success.dto';
import { ContactArgs, ContactBlock, ContactCreate, ContactFilter, ContactUpdate, ContactView, TagRefs } from './contact.dto';
import { ContactsService } from './contacts.service';

@Resolver(() => ContactView)
@Resource('contacts')
export class ContactsResolver {
  constructor(private readonly contacts: ContactsService) {}

  @Query(() => ContactView, { nullable: true, description: 'One contact.' })
  @Allow('viewer')
  contact(@Caller() actor: Actor, @IdArg() id: string): Promise<ContactView> {
    return this.contacts.get(actor, id);
  }

  @Query(() => [ContactView], { name: 'contacts', description: 'A page of contacts.' })
  @Allow('viewer')
  async list(@Caller() actor: Actor, @Args() query: ContactArgs): Promise<ContactView[]> {
    return (await this.contacts.page(actor, query)).items;
  }

  @Query(() => String, { nullable: true, description: 'The `cursor` of the page after this one; null at the end.' })
  @Allow('viewer')
  contacts_next_cursor(@Caller() actor: Actor, @Args() query: ContactArgs): Promise<string | null> {
    return this.contacts.nextCursor(actor, query);
  }

  @Query(() => Int, { description: 'How many contacts there are; 10,000 (2,000 with `search`) stands for more.' })
  @Allow('viewer')
  async contacts_count(@Caller() actor: Actor, @Args() filter: ContactFilter): Promise<number> {
    return (await this.contacts.page(actor, { ...filter, limit: 1 })).total;
  }

  @Mutation(() => ContactView, { description: 'Create a contact.' })
  @Allow('agent')
  createContact(@Caller() actor: Actor, @Args('input') input: ContactCreate): Promise<ContactView> {
    return this.contacts.create(actor, input);
  }

  @Mutation(() => ContactView, { description: 'Update a contact: absent keeps, null clears.' })
  @Allow('agent')
  updateContact(@Caller() actor: Actor, @IdArg() id: string, @Args('input') input: ContactUpdate): Promise<ContactView> {
    return this.contacts.update(actor, id, input);
  }

  @Mutation(() => SuccessResponse, { description: 'Delete a contact.' })
  @Allow('agent')
  async deleteContact(@Caller() actor: Actor, @IdArg() id: string): Promise<SuccessResponse> {
    await this.contacts.remove(actor, id);
    return { success: true, message: 'Contact deleted' };
  }

  @Mutation(() => ContactView, { description: 'Block a contact; again: only the reason changes.' })
  @Allow('agent')
  blockContact(@Caller() actor: Actor, @IdArg() id: string, @Args() { reason }: ContactBlock): Promise<ContactView> {
    return this.contacts.block(actor, id, reason);
  }

  @Mutation(() => ContactView, { description: 'Mark a contact as VIP.' })
  @Allow('agent')
  markContactVip(@Caller() actor: Actor, @IdArg() id: string): Promise<ContactView> {
    return this.contacts.update(actor, id, { is_vip: true });
  }

  @Mutation(() => ContactView, { description: 'Take the VIP mark from a contact.' })
  @Allow('agent')
  unmarkContactVip(@Caller() actor: Actor, @IdArg() id: string): Promise<ContactView> {
    return this.contacts.update(actor, id, { is_vip: false });
  }

  @Mutation(() => ContactView, { description: 'Replace the tags of a contact, by names or ids.' })
  @Allow('agent')
  setContactTags(@Caller() actor: Actor, @IdArg() id: string, @Args() refs: TagRefs): Promise<ContactView> {
    return this.contacts.retag(actor, id, refs, 'set');
  }

  @Mutation(() => ContactView, { description: 'Add tags to a contact, by names or ids.' })
  @Allow('agent')
  addContactTags(@Caller() actor: Actor, @IdArg() id: string, @Args() refs: TagRefs): Promise<ContactView> {
    return this.contacts.retag(actor, id, refs, 'add');
  }

  @Mutation(() => ContactView, { description: 'Take tags from a contact, by names or ids.' })
  @Allow('agent')
  removeContactTags(@Caller() actor: Actor, @IdArg() id: string, @Args() refs: TagRefs): Promise<ContactView> {
    return this.contacts.retag(actor, id, refs, 'remove');
  }

  @Mutation(() => ContactView, { description: 'Unblock a contact.' })
  @Allow('agent')
  unblockContact(@Caller() actor: Actor, @IdArg() id: string): Promise<ContactView> {
    return this.contacts.unblock(actor, id);
  }
}

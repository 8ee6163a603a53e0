import type { TagDetail } from '#modules/tags/tag.dto';
import type { ContactIdentity } from './contact-identity.entity';
import type { ContactIdentityView, ContactView } from './contact.dto';
import { Contact } from './contact.entity';

/** name, else whatsapp_name, @username, whatsapp_id. */
export function displayName({
  name,
  whatsapp_name,
  username,
  whatsapp_id,
}: Pick<Contact, 'name' | 'whatsapp_name' | 'username' | 'whatsapp_id'>): string | null {
  return name ?? whatsapp_name ?? (username ? `@${username}` : whatsapp_id);
}

/** A contact as the API shows it. */
export function presentContact(contact: Contact, identities: readonly ContactIdentity[], tags: readonly TagDetail[] = []): ContactView {
  const { match_key, deleted_at, ...shown } = contact;
  return {
    ...shown,
    phone_number: contact.whatsapp_id,
    phone: contact.whatsapp_id,
    display_name: displayName(contact),
    identities: identities.map(presentIdentity),
    tags: tags.map(({ name }) => name),
    tag_details: [...tags],
    can_receive_marketing: contact.opt_in && !contact.is_blocked,
    last_interaction_at: contact.last_message_at,
  } as ContactView;
}

function presentIdentity({ kind, value, portfolio_id, is_active, first_seen_at, last_seen_at }: ContactIdentity): ContactIdentityView {
  return { kind, value, portfolio_id: portfolio_id || null, is_active, first_seen_at, last_seen_at };
}

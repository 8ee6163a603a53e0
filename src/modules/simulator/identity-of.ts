import type { CustomerIdentity } from './customer';
import { isObject, stringAt } from './json';
import { BSUID } from './message-rules';

/** Whom a body names: `from` (a phone number, a BSUID, or an object), and what it says of them beside it. */
export function identityOf(body: unknown): CustomerIdentity {
  const from = isObject(body) ? body['from'] : undefined;
  const extra = isObject(from) ? from : isObject(body) ? body : {};
  const id = typeof from === 'string' ? from.trim() : undefined;
  const text = (key: string) => stringAt(extra, key) ?? stringAt(body, key);
  const hidden = extra['phone_hidden'];
  return {
    ...(id !== undefined ? (BSUID.test(id) ? { user_id: id } : { wa_id: id }) : {}),
    ...(text('wa_id') ? { wa_id: text('wa_id') } : {}),
    ...(text('user_id') ? { user_id: text('user_id') } : {}),
    ...(text('name') ? { name: text('name') } : {}),
    ...(text('username') ? { username: text('username') } : {}),
    ...(typeof hidden === 'boolean' ? { phone_hidden: hidden } : {}),
  };
}

import { parse } from '#api/validation.pipe';
import { Invalid } from '#common/errors';
import { type Draft, composeRequest } from './compose';
import { MessageSendRequest } from './send.dto';

/** `initial_message`: a text, or a message as the conversation's own route takes it. @throws {Invalid} so that nothing is created for a malformed one. */
export async function firstDraft(initial: unknown): Promise<Draft | null> {
  if (initial === undefined || initial === null) return null;
  if (typeof initial === 'string') return composeRequest({ content: initial });
  if (typeof initial !== 'object' || Array.isArray(initial))
    throw Invalid.field('initial_message', 'initial_message must be a text or an object');
  return composeRequest(await parse(MessageSendRequest, initial as Record<string, unknown>));
}

import { Field, ObjectType } from '@nestjs/graphql';
import { ApiSchema } from '@nestjs/swagger';
import { PageOf } from '#common/page.dto';
import { Message, MessageType } from './message.entity';

/** A message as every door answers it. */
@ObjectType('Message')
@ApiSchema({ name: 'MessageResponse' })
export class MessageResponse extends Message {
  /** Where the file is once it is ready. */
  @Field(() => String, { nullable: true })
  media_url: string | null;

  @Field(() => String, { nullable: true })
  media_type: string | null;

  @Field(() => String, { nullable: true })
  media_caption: string | null;

  is_internal_note: boolean;
}

@ApiSchema({ name: 'MessageList' })
export class MessagePage extends PageOf(MessageResponse) {}

/** Row → answer: flat copies of the file, and nothing of a deleted message. */
export function presentMessage(message: Message): MessageResponse {
  const { deleted_at: _, earlier_versions: __, ...row } = message as Message & { deleted_at?: unknown };
  const visible = message.is_deleted ? { ...row, content: null, payload: {}, media: null } : row;
  const media = visible.media && { ...visible.media, url: visible.media.status === 'ready' ? mediaUrl(message.id) : null };
  return {
    ...visible,
    media,
    media_url: media?.url ?? null,
    media_type: media?.mime_type ?? null,
    media_caption: typeof visible.payload.caption === 'string' ? visible.payload.caption : null,
    is_internal_note: message.message_type === MessageType.note,
  };
}

export const mediaUrl = (message_id: string): string => `/api/v1/whatsapp/messages/${message_id}/media`;

import { Field, ObjectType } from '@nestjs/graphql';
import { ApiSchema } from '@nestjs/swagger';
import { PageOf } from '#common/page.dto';
import { getsThumbnail } from '#modules/whatsapp/media/file-kind';
import { Message, type MessageMedia, MessageType } from './message.entity';

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
  const media = visible.media && presentMedia(message.id, visible.media);
  return {
    ...visible,
    media,
    media_url: media?.url ?? null,
    media_type: media?.mime_type ?? null,
    media_caption: typeof visible.payload.caption === 'string' ? visible.payload.caption : null,
    is_internal_note: message.message_type === MessageType.note,
  };
}

/** Where the file of a message is, and its thumbnail. */
function presentMedia(message_id: string, { has_thumbnail, ...media }: MessageMedia): MessageMedia {
  const url = media.status === 'ready' ? `/api/v1/whatsapp/messages/${message_id}/media` : null;
  // Kept before there were thumbnails, it gets its own when it is first asked for.
  const shows = has_thumbnail ?? getsThumbnail(media);
  return { ...media, url, thumbnail_url: url && shows ? `${url}/thumbnail` : null };
}

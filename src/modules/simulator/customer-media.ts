import type { CustomerMessage } from './customer';
import { isObject, stringAt } from './json';
import type { MediaStore, StoredMedia } from './media-store';

const DEFAULT_MIME: Record<string, string> = {
  image: 'image/jpeg',
  video: 'video/mp4',
  audio: 'audio/ogg; codecs=opus',
  document: 'application/pdf',
  sticker: 'image/webp',
};

/** The message with what WhatsApp knows of its file, which was uploaded before or is written in it (`base64`). */
export function withMedia(media: MediaStore, phone_number_id: string, message: CustomerMessage): CustomerMessage {
  const content = message[message.type];
  if (!Object.hasOwn(DEFAULT_MIME, message.type) || !isObject(content)) return message;
  const { base64, data, ...rest } = content;
  const encoded = base64 ?? data;
  const mime_type = stringAt(rest, 'mime_type') ?? DEFAULT_MIME[message.type] ?? 'application/octet-stream';
  const stored: StoredMedia | undefined =
    typeof encoded === 'string'
      ? media.put(phone_number_id, {
          mime_type,
          filename: stringAt(rest, 'filename') ?? null,
          bytes: Buffer.from(encoded, 'base64'),
        })
      : media.get(stringAt(rest, 'id') ?? '');
  if (!stored) return message;
  const known = {
    id: stored.id,
    mime_type: stored.mime_type,
    sha256: stored.sha256.toString('base64'),
    ...(message.type === 'audio' ? { voice: rest['voice'] === true } : {}),
    ...(message.type === 'sticker' ? { animated: rest['animated'] === true } : {}),
    ...(message.type === 'document' && stored.filename ? { filename: stored.filename } : {}),
  };
  return { ...message, [message.type]: { ...rest, ...known } };
}

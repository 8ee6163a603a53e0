import { ApiProperty } from '@nestjs/swagger';
import type { MediaFile } from './media-file.entity';

/** A file kept here; its id is the `media_id` of the send routes. */
export class Media {
  id: string;

  /** By content, not by name. */
  mime_type: string;

  filename: string | null;

  size_bytes: number | null;

  /** Hex. */
  sha256: string | null;

  @ApiProperty({ enum: ['pending', 'ready', 'failed', 'expired'] })
  status: string;

  /** null: a file is downloaded through its message. */
  url: string | null;

  created_at: Date;
}

/** A file as a message carries it (`MessageMedia` of the conversations room, a floor above). */
export interface MediaOfMessage {
  id: string;
  mime_type: string;
  filename: string | null;
  size_bytes: number | null;
  sha256: string | null;
  status: MediaFile['status'];
  url: string | null;
}

export const mediaOfMessage = ({ id, mime_type, filename, size_bytes, sha256, status }: MediaFile): MediaOfMessage => ({
  id,
  mime_type,
  filename,
  size_bytes,
  sha256,
  status,
  url: null,
});

export const presentMedia = (file: MediaFile): Media => ({ ...mediaOfMessage(file), created_at: file.created_at });

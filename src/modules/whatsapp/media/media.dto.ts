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
  status: MediaFile['status'];

  /** null: a file is downloaded through its message. */
  url: string | null;

  /** null: as the file, through its message. */
  thumbnail_url: string | null;

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
  thumbnail_url: string | null;
  has_thumbnail: boolean;
}

const shown = ({ id, mime_type, filename, size_bytes, sha256, status }: MediaFile): Omit<Media, 'created_at'> => ({
  id,
  mime_type,
  filename,
  size_bytes,
  sha256,
  status,
  url: null,
  thumbnail_url: null,
});

export const mediaOfMessage = (file: MediaFile): MediaOfMessage => ({ ...shown(file), has_thumbnail: file.thumbnail_bytes !== null });

export const presentMedia = (file: MediaFile): Media => ({ ...shown(file), created_at: file.created_at });

const THUMBNAIL = '.thumbnail';

/** Beside its file. */
export const thumbnailKey = (storage_key: string): string => storage_key + THUMBNAIL;

/** The keys of the media that rows name. A text, not a call: a backup reads it by COPY, in the snapshot of all its rows. */
export const KEYS_OF_MEDIA = `SELECT storage_key || part
  FROM media_files, unnest(CASE WHEN thumbnail_bytes IS NULL THEN ARRAY[''] ELSE ARRAY['', '${THUMBNAIL}'] END) AS part
 WHERE storage_key IS NOT NULL`;

/** Where files stand elsewhere than in DATA_DIR. */
export const NO_KEYS = `SELECT '' WHERE false`;

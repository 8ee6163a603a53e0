/** The keys of the media that rows name. A text, not a call: a backup reads it by COPY, in the snapshot of all its rows. */
export const KEYS_OF_MEDIA = 'SELECT storage_key FROM media_files WHERE storage_key IS NOT NULL';

import type { Language } from '#common/languages';
import type { LocalTime } from '#common/local-clock';

// A conversation as it is handed out: plain data, read once and written in four ways.

export interface TranscriptHead {
  conversation_id: string;
  language: Language;
  organization: string;
  contact: { name: string; phone: string | null };
  number: { name: string | null; phone: string } | null;
  /** Who answered. */
  team: string[];
  time_zone: string;
  exported_at: LocalTime;
  first_at: LocalTime | null;
  last_at: LocalTime | null;
  /** Messages in the transcript, and older ones left out of it. */
  messages: number;
  left_out: number;
  rating: number | null;
}

/** Whose side a message stands on. */
export type Side = 'contact' | 'business' | 'note' | 'system';

export interface TranscriptEntry {
  id: string;
  side: Side;
  at: LocalTime;
  direction: string;
  message_type: string;
  /** Who wrote it, as it is shown. */
  name: string;
  /** What kind of message it is, where its text does not tell. */
  kind: string | null;
  text: string | null;
  /** A file's name. */
  file: string | null;
  /** The message it answers, in short. */
  quoted: string | null;
  reactions: { emoji: string; name: string }[];
  status: string;
  /** Edited, deleted, not delivered: in words. */
  remark: string | null;
}

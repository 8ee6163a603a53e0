import type { Language } from '#common/languages';

// A conversation as it is handed out: plain data, read once and written in four ways.

/** A time as the organization's clocks show it. */
export interface LocalTime {
  /** `2026-11-22T09:00:00-03:00`. */
  iso: string;
  /** `domingo, 22 de novembro de 2026`. */
  day: string;
  /** `09:00`. */
  time: string;
}

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

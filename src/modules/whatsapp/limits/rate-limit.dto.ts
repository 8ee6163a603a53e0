import { ApiProperty } from '@nestjs/swagger';
import type { ConnectionType } from '../numbers/whatsapp-number.entity';

/** What was sent within a time, and what may be. */
export class RateLimitWindow {
  @ApiProperty({ example: 12 })
  used: number;

  /** null: there is no limit. */
  @ApiProperty({ example: 1000 })
  limit: number | null;

  @ApiProperty({ example: 988 })
  remaining: number | null;

  /** 0 to 100, with one decimal. */
  @ApiProperty({ type: 'number', format: 'double', nullable: true, example: 1.2 })
  percentage: number | null;

  /** When the first of the used are no longer counted; null: nothing is used, or there is no limit. */
  resets_at: Date | null;
}

export class RateLimitWindows {
  /** Of an official number: people its account wrote to first, by templates, within a day, counted by the quarter of an hour. Else messages. */
  daily: RateLimitWindow;

  /** Messages of this and the last 59 minutes. */
  hourly: RateLimitWindow;

  /** Messages since this minute began. */
  minute: RateLimitWindow;

  /** Between two messages; null: as the pace of the number is. */
  @ApiProperty({ type: 'number', format: 'double', nullable: true, example: 0.5 })
  min_delay_seconds: number | null;
}

/** How much a number has sent of what it may send. */
export class RateLimitUsage {
  @ApiProperty({ format: 'uuid' })
  whatsapp_number_id: string;

  phone_number: string;

  connection_type: ConnectionType;

  usage: RateLimitWindows;

  /** Whether a reply would leave at once. */
  can_send_now: boolean;

  /** number_inactive, paused (by WhatsApp's own word), minute, hourly, daily, pace; null: nothing. With daily replies of an official number go on. */
  @ApiProperty({ example: 'paused' })
  rate_limit_reason: string | null;

  @ApiProperty({ example: 42 })
  retry_after_seconds: number | null;

  /** Redis is away: each process counts for itself, and this is the count of one. */
  degraded: boolean;
}

export class RateLimitResetResult {
  message: string;

  @ApiProperty({ format: 'uuid' })
  whatsapp_number_id: string;
}

import { ApiProperty } from '@nestjs/swagger';
import { IsBoolean, IsOptional } from 'class-validator';
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

  /** number_inactive, paused (see `paused_until`), minute, hourly, daily, pace; null: nothing. With daily replies of an official number go on. */
  @ApiProperty({ example: 'paused' })
  rate_limit_reason: string | null;

  @ApiProperty({ example: 42 })
  retry_after_seconds: number | null;

  /**
   * Nothing leaves until then, because WhatsApp refused what the number sent: it restricted it for an hour (131048, 368: too many of its messages were blocked or
   * reported), or asked for seconds of quiet. It ends by itself; `lift_pause` at `POST …/rate-limit/reset` ends it before. null: nothing of it.
   */
  paused_until: Date | null;

  /** Redis is away: each process counts for itself, and this is the count of one. */
  degraded: boolean;
}

export class RateLimitReset {
  /** Also end WhatsApp's pause before its time: what waits leaves. Who sends on what was restricted may lose the number's quality. Default: false. */
  @IsOptional()
  @IsBoolean()
  lift_pause?: boolean;
}

export class RateLimitResetResult {
  /** What was done, and where a pause goes on what ends it. */
  message: string;

  /** WhatsApp's pause goes on until then; null: there is none any more. */
  paused_until: Date | null;

  @ApiProperty({ format: 'uuid' })
  whatsapp_number_id: string;
}

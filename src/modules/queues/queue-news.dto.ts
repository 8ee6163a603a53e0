import { ApiProperty } from '@nestjs/swagger';

/** What the sockets hear of a queue. */
export class QueueNews {
  queue_id: string;

  /** How many wait. */
  @ApiProperty({ type: 'integer' })
  waiting: number;

  /** Since when the one waits that has waited longest; null: none does. */
  waiting_since: Date | null;

  /** How many are open or pending with an agent. */
  @ApiProperty({ type: 'integer' })
  active: number;
}

export class SlaNews {
  conversation_id: string;

  queue_id: string;

  @ApiProperty({ type: 'integer' })
  sla_minutes: number;

  /** Open minutes. */
  waited_minutes: number;

  /** 1: all that is allowed. */
  progress: number;
}

export class OfferNews {
  offer_id: string;

  conversation_id: string;

  queue_id: string;

  agent_id: string;

  expires_at: Date;
}

export class OfferEndNews {
  offer_id: string;

  conversation_id: string;

  queue_id: string;

  agent_id: string;

  /** accepted, declined or expired. */
  status: string;
}

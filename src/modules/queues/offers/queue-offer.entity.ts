import { Field, ID, ObjectType } from '@nestjs/graphql';
import { Column, Entity, Index } from 'typeorm';
import { declareUserRows } from '#database/personal-data';
import { Reference } from '#database/references';
import { declareRetention } from '#database/retention';
import { TenantEntity } from '#database/tenant.entity';
import { User } from '#modules/users/user.entity';
import { Queue } from '../queue.entity';

export enum OfferStatus {
  offered = 'offered',
  accepted = 'accepted',
  declined = 'declined',
  /** Its time went by, or the conversation went elsewhere. */
  expired = 'expired',
}

/** A conversation held out to one agent for a while: theirs if they accept, else the next one's. */
@Entity('queue_offers')
@ObjectType()
@Reference('Conversation', 'conversation_id', 'CASCADE')
@Reference(() => Queue, 'queue_id', 'CASCADE')
@Reference(() => User, 'agent_id', 'CASCADE')
@Index('queue_offers_live_key', ['organization_id', 'conversation_id'], { unique: true, where: "status = 'offered'" })
@Index('queue_offers_conversation_idx', ['organization_id', 'conversation_id', 'created_at'])
@Index('queue_offers_agent_idx', ['organization_id', 'agent_id', 'status'])
@Index('queue_offers_queue_idx', ['organization_id', 'queue_id'])
@Index('queue_offers_oldest_idx', ['created_at'])
export class QueueOffer extends TenantEntity {
  @Column('uuid')
  @Field(() => ID)
  conversation_id: string;

  @Column('uuid')
  @Field(() => ID)
  queue_id: string;

  @Column('uuid')
  @Field(() => ID)
  agent_id: string;

  @Column({ type: 'timestamptz', precision: 3 })
  expires_at: Date;

  /** offered, accepted, declined or expired. */
  @Column('varchar', { length: 10, default: OfferStatus.offered })
  @Field(() => String)
  status: OfferStatus;
}

declareUserRows('queue_offers', { erase: 'delete', export: [] });
declareRetention('queue_offers', { where: "created_at < now() - interval '30 days'", oldest: 'created_at' });

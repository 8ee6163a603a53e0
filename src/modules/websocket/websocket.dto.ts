import { ArgsType, Field, ID, InputType, Int, ObjectType } from '@nestjs/graphql';
import { ApiProperty } from '@nestjs/swagger';
import { IsEnum, IsIn, IsOptional, IsString, IsUUID, Length } from 'class-validator';
import { Role } from '#common/actor';
import { NotBlank, Trim } from '#common/fields';
import { Json } from '#common/json.scalar';
import { ArgsOf } from '#common/mapped-types';
import { PageOf, PageQuery } from '#common/page.dto';
import { AgentStatus } from '#modules/users/user.entity';

const TRANSPORTS = ['socketio', 'ws'] as const;
type Transport = (typeof TRANSPORTS)[number];

const LEVELS = ['info', 'warning', 'critical'] as const;
type Level = (typeof LEVELS)[number];

/** One open socket of a user, or of an API key. */
@ObjectType()
export class WsConnection {
  @ApiProperty({ format: 'uuid' })
  @Field(() => ID)
  id: string;

  /** null: an API key. */
  @ApiProperty({ type: 'string', format: 'uuid', nullable: true })
  @Field(() => ID, { nullable: true })
  user_id: string | null;

  /** Of an API key its name. */
  user_name: string;

  @Field(() => String)
  role: Role;

  /** Socket.IO, or a raw WebSocket. */
  @ApiProperty({ enum: TRANSPORTS })
  @Field(() => String)
  transport: Transport;

  /** What it hears: rooms of Socket.IO, channels of raw sockets. */
  @ApiProperty({ type: [String], example: ['messages', 'conversations'] })
  @Field(() => [String])
  rooms: string[];

  @ApiProperty({ type: 'string', nullable: true, example: '203.0.113.9' })
  @Field(() => String, { nullable: true })
  ip: string | null;

  @ApiProperty({ type: 'string', nullable: true, example: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0' })
  @Field(() => String, { nullable: true })
  user_agent: string | null;

  connected_at: Date;

  /** When it last said something or answered a ping; on other nodes up to 15 seconds later than told. */
  last_seen_at: Date;
}

export class WsConnectionList extends PageOf(WsConnection) {}

export class WsConnectionQuery extends PageQuery {
  @IsOptional()
  @IsUUID()
  user_id?: string;

  @IsOptional()
  @IsIn(TRANSPORTS)
  transport?: Transport;
}

@ArgsType()
export class WsConnectionArgs extends ArgsOf(WsConnectionQuery) {}

/** Open sockets in numbers, on all nodes together. */
@ObjectType()
export class WsStats {
  @Field(() => Int)
  @ApiProperty({ type: 'integer' })
  total_connections: number;

  @Field(() => Json)
  @ApiProperty({ type: 'object', additionalProperties: { type: 'integer' }, example: { socketio: 12, ws: 3 } })
  by_transport: Record<Transport, number>;

  /** Users with a socket. */
  @Field(() => Int)
  @ApiProperty({ type: 'integer' })
  online_users: number;

  @Field(() => Int)
  @ApiProperty({ type: 'integer' })
  total_rooms: number;

  /** Sockets by the room or channel they hear, the hundred largest. */
  @Field(() => Json)
  @ApiProperty({ type: 'object', additionalProperties: { type: 'integer' }, example: { messages: 3, conversations: 3 } })
  rooms: Record<string, number>;
}

/** Who is online. */
@ObjectType()
export class OnlineUser {
  @ApiProperty({ format: 'uuid' })
  @Field(() => ID)
  user_id: string;

  full_name: string;

  @Field(() => String)
  role: Role;

  /** What they chose. */
  @Field(() => String)
  agent_status: AgentStatus;

  /** Open sockets; 0: the last one dropped less than a minute ago. */
  @Field(() => Int)
  @ApiProperty({ type: 'integer' })
  connections: number;

  /** The oldest socket's; null: there is none any more. */
  @ApiProperty({ type: 'string', format: 'date-time', nullable: true })
  @Field(() => Date, { nullable: true })
  connected_at: Date | null;

  @ApiProperty({ type: 'string', format: 'date-time', nullable: true })
  @Field(() => Date, { nullable: true })
  last_seen_at: Date | null;
}

export class OnlineUserList extends PageOf(OnlineUser) {}

export class OnlineUserQuery extends PageQuery {
  @IsOptional()
  @IsEnum(Role)
  role?: Role;

  @IsOptional()
  @IsUUID()
  department_id?: string;

  /** What they chose. */
  @IsOptional()
  @IsEnum(AgentStatus)
  status?: AgentStatus;
}

@ArgsType()
export class OnlineUserArgs extends ArgsOf(OnlineUserQuery) {}

@InputType('WsBroadcastInput')
export class WsBroadcast {
  @Trim()
  @NotBlank()
  @IsString()
  @Length(1, 1000)
  message: string;

  /** Default: info. */
  @ApiProperty({ enum: LEVELS, required: false })
  @Field(() => String, { nullable: true })
  @IsOptional()
  @IsIn(LEVELS)
  level?: Level;

  /** Only to users of this role; absent: to all. */
  @Field(() => String, { nullable: true })
  @IsOptional()
  @IsEnum(Role)
  role?: Role;
}

@ObjectType()
export class WsBroadcastResult {
  /** Sockets it was sent to, on all nodes: Socket.IO, and raw ones that hear the channel notifications. */
  @Field(() => Int)
  @ApiProperty({ type: 'integer' })
  delivered: number;
}

/** Who announces something. */
export class Announcer {
  /** null: an API key, or the operator of this server. */
  @ApiProperty({ type: 'string', format: 'uuid', nullable: true })
  id: string | null;

  /** null: the operator of this server. */
  @ApiProperty({ type: 'string', nullable: true })
  full_name: string | null;
}

/** What an administrator tells everybody who is there. */
export class Announcement {
  message: string;

  @ApiProperty({ enum: LEVELS })
  level: Level;

  from: Announcer;
}

import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import {
  ArrayMaxSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  IsUUID,
  Length,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateBy,
} from 'class-validator';
import { Nested, NestedEach, NotBlank, Trim } from '#common/fields';
import type { JsonObject } from '#common/json.scalar';

/** Connections of our own pool. */
export class PoolStatus {
  @ApiProperty({ type: 'integer', minimum: 0 })
  total: number;

  @ApiProperty({ type: 'integer', minimum: 0 })
  idle: number;

  /** Requests that wait for one. */
  @ApiProperty({ type: 'integer', minimum: 0 })
  waiting: number;
}

export class StoreStatus {
  /** `disabled`: not configured in this profile. */
  @ApiProperty({ enum: ['healthy', 'unhealthy', 'disabled'] })
  status: 'healthy' | 'unhealthy' | 'disabled';

  @ApiProperty({ format: 'double' })
  response_time_ms: number;

  /** Absent while it does not answer; Redis is not asked. */
  @ApiProperty({ required: false, example: '18.1' })
  version?: string;

  /** PostgreSQL alone. */
  @ApiProperty({ required: false, type: PoolStatus })
  pool?: PoolStatus;
}

/** How the stores of this process are. */
export class DatabaseStatus {
  postgresql: StoreStatus;
  redis: StoreStatus;
  mongodb: StoreStatus;
}

export class TableStats {
  @ApiProperty({ example: 'contacts' })
  name: string;

  /** As PostgreSQL last counted. */
  @ApiProperty({ type: 'integer', format: 'int64', minimum: 0 })
  row_estimate: number;

  /** Without its indexes. */
  @ApiProperty({ type: 'integer', format: 'int64', minimum: 0 })
  size_bytes: number;

  @ApiProperty({ type: 'integer', format: 'int64', minimum: 0 })
  index_size_bytes: number;
}

export class DatabaseStats {
  @ApiProperty({ type: 'integer', format: 'int64', minimum: 0 })
  database_size_bytes: number;

  /** The largest first. */
  tables: TableStats[];
}

export class ExecutedMigration {
  @ApiProperty({ example: 'First1795000000000' })
  name: string;

  /** null: before PyTake wrote it down. */
  executed_at: Date | null;
}

export class MigrationStatus {
  /** In the order in which they ran. */
  executed: ExecutedMigration[];

  pending: string[];
}

const CONNECTION_TYPES = ['postgres', 'mysql', 'mongodb'] as const;
export type ConnectionType = (typeof CONNECTION_TYPES)[number];

/** Another database, and who we are there. */
export class ConnectionConfig {
  /** mysql is known and not installed. No sqlite: that reads files of this machine. */
  @IsIn(CONNECTION_TYPES)
  connection_type: ConnectionType;

  /** A name or an address, without a port. */
  @Trim()
  @IsString()
  @Length(1, 253)
  host: string;

  /** Default: 5432, 3306 or 27017. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(65_535)
  port?: number;

  @IsString()
  @Length(1, 63)
  @Matches(/^[^\s/\\."$*<>:|?\0]+$/, { message: 'database must be the name of a database' })
  database: string;

  @IsOptional()
  @IsString()
  @MaxLength(128)
  username?: string;

  /** Never kept, logged or audited. */
  @IsOptional()
  @IsString()
  @MaxLength(1000)
  password?: string;

  /** A secret whose value is the password; wins over `password`. */
  @IsOptional()
  @IsUUID('all')
  secret_id?: string;

  /** TLS, with a certificate that is checked. Default: false. */
  @IsOptional()
  @IsBoolean()
  ssl?: boolean;
}

export class ConnectionTestRequest {
  @Nested(() => ConnectionConfig)
  config: ConnectionConfig;
}

/** The room of WhatsApp numbers has the shorter name, in GraphQL too. */
@ApiSchema({ name: 'DatabaseConnectionTestResult' })
export class ConnectionTestResult {
  success: boolean;

  /** How it went, in words. */
  message: string;

  /** Milliseconds; absent where nobody answered. */
  @ApiProperty({ type: 'integer', minimum: 0, required: false })
  connection_time?: number;

  @ApiProperty({ required: false, example: '16.4' })
  server_version?: string;
}

export type ParameterValue = string | number | boolean | null;

/** A value a query names `:name`. It is bound, never pasted. */
export class QueryParameter {
  @Matches(/^[A-Za-z_]\w{0,62}$/, { message: 'name must be letters, digits and _' })
  name: string;

  @ApiProperty({ oneOf: [{ type: 'string', nullable: true }, { type: 'number', format: 'double' }, { type: 'boolean' }], example: 'open' })
  @ValidateBy({
    name: 'isScalar',
    validator: {
      validate: (value) => value === null || ['string', 'number', 'boolean'].includes(typeof value),
      defaultMessage: () => 'value must be a text, a number, true, false or null',
    },
  })
  value: ParameterValue;
}

const TIMEOUT_DEFAULT = 10;
const ROWS_DEFAULT = 100;

export class QueryRequest extends ConnectionTestRequest {
  /**
   * PostgreSQL: one SELECT (or WITH … SELECT) that calls no function with effects. MongoDB: JSON, `{"find": "orders", "filter": {…}}` or
   * `{"aggregate": "orders", "pipeline": […]}`.
   */
  @IsString()
  @NotBlank()
  @MaxLength(10_000)
  query: string;

  @IsOptional()
  @IsArray()
  @ArrayMaxSize(50)
  @NestedEach(() => QueryParameter)
  parameters?: QueryParameter[];

  /** Seconds the statement may take. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(30)
  @ApiProperty({ type: 'integer', minimum: 1, maximum: 30, default: TIMEOUT_DEFAULT, required: false })
  timeout?: number = TIMEOUT_DEFAULT;

  /** Rows at most; what is above is left out, and `truncated` true. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(1000)
  @ApiProperty({ type: 'integer', minimum: 1, maximum: 1000, default: ROWS_DEFAULT, required: false })
  max_rows?: number = ROWS_DEFAULT;
}

export class QueryResult {
  success: boolean;

  /** The rows; absent where it failed. */
  @ApiProperty({ type: 'array', items: { type: 'object', additionalProperties: true }, required: false })
  data?: JsonObject[];

  @ApiProperty({ type: 'integer', minimum: 0 })
  row_count: number;

  /** Milliseconds, with the connection. */
  @ApiProperty({ type: 'integer', minimum: 0 })
  execution_time: number;

  /** There were more rows. */
  truncated: boolean;

  /** Why it failed: what the database says, or that it did not answer. */
  @ApiProperty({ required: false, example: 'The connection was refused.' })
  error?: string;
}

export class QueryResponse {
  result: QueryResult;

  @ApiProperty({ type: [String], required: false })
  warnings?: string[];
}

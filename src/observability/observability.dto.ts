import { ApiProperty } from '@nestjs/swagger';

/** How one store is. */
export class HealthCheck {
  /** `disabled`: not configured in this profile. */
  @ApiProperty({ enum: ['healthy', 'unhealthy', 'disabled'] })
  status: 'healthy' | 'unhealthy' | 'disabled';
  @ApiProperty({ format: 'double' })
  response_time_ms: number;
  /** What is wrong, in fixed words. */
  message?: string;
}

export class HealthChecks {
  postgresql: HealthCheck;
  redis: HealthCheck;
  mongodb: HealthCheck;
  queues: HealthCheck;
  /** The bucket of files; `disabled`: they stand in a directory. */
  storage: HealthCheck;
}

export class HealthReport {
  /** unhealthy: PostgreSQL is down; degraded: another store is, and the product goes on without it. */
  @ApiProperty({ enum: ['healthy', 'degraded', 'unhealthy'] })
  status: 'healthy' | 'degraded' | 'unhealthy';
  timestamp: Date;
  version: string;
  environment: string;
  uptime_seconds: number;
  checks: HealthChecks;
}

export class ReadinessChecks {
  postgresql: HealthCheck;
  redis: HealthCheck;
  migrations: HealthCheck;
}

export class ReadinessReport {
  @ApiProperty({ enum: ['ready', 'not_ready'] })
  status: 'ready' | 'not_ready';
  timestamp: Date;
  checks: ReadinessChecks;
}

export class LivenessReport {
  @ApiProperty({ enum: ['alive'] })
  status: 'alive';
  timestamp: Date;
}

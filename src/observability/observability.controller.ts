import { Controller, Get, Header, Headers, Res } from '@nestjs/common';
import { ApiProduces, ApiServiceUnavailableResponse } from '@nestjs/swagger';
import type { Response } from 'express';
import { Public, RateClass } from '#access/decorators';
import { Room } from '#common/room';
import { HealthReport, LivenessReport, ReadinessReport } from './observability.dto';
import { ObservabilityService } from './observability.service';

/** Probes and metrics for operators, outside /api/v1: public, never rate limited, logged or audited. */
@Controller('observability')
@Room('observability', 'For operators: metrics, and how the process and its stores are.')
@Public()
@RateClass('none')
export class ObservabilityController {
  constructor(private readonly observability: ObservabilityService) {}

  /**
   * Prometheus metrics.
   * @throws {401} METRICS_TOKEN is set and the bearer token is not it (`not_authenticated`).
   * @throws {404} Production without a METRICS_TOKEN.
   */
  @Get('metrics')
  @ApiProduces('text/plain')
  @Header('Content-Type', 'text/plain; version=0.0.4; charset=utf-8')
  metrics(@Headers('authorization') authorization?: string): Promise<string> {
    return this.observability.scrape(authorization);
  }

  /** Every store and how it is; 503 when PostgreSQL is down, 200 `degraded` when another one is. */
  @Get('health')
  @ApiServiceUnavailableResponse({ description: 'PostgreSQL is down.', type: HealthReport })
  async health(@Res({ passthrough: true }) response: Response): Promise<HealthReport> {
    const report = await this.observability.healthReport();
    response.status(report.status === 'unhealthy' ? 503 : 200);
    return report;
  }

  /** May this process take traffic: PostgreSQL and Redis answer and no migration is pending. */
  @Get('ready')
  @ApiServiceUnavailableResponse({ description: 'Not ready.', type: ReadinessReport })
  async ready(@Res({ passthrough: true }) response: Response): Promise<ReadinessReport> {
    const report = await this.observability.readinessReport();
    response.status(report.status === 'ready' ? 200 : 503);
    return report;
  }

  /** The process runs; touches nothing. */
  @Get('live')
  live(): LivenessReport {
    return { status: 'alive', timestamp: new Date() };
  }
}

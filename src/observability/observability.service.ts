import { Injectable } from '@nestjs/common';
import { NotFound, Unauthenticated } from '#common/errors';
import { isSameSecret } from '#common/same-secret';
import { Config } from '#config/config';
import { VERSION } from '#config/version';
import { HealthRegistry } from './health';
import { Metrics } from './metrics';
import type { HealthReport, ReadinessReport } from './observability.dto';

@Injectable()
export class ObservabilityService {
  constructor(
    private readonly config: Config,
    private readonly health: HealthRegistry,
    private readonly metrics: Metrics,
  ) {}

  async healthReport(): Promise<HealthReport> {
    const checks = await this.health.run(['postgresql', 'redis', 'mongodb', 'queues', 'storage']);
    const troubled = Object.values(checks).some(({ status }) => status === 'unhealthy');
    return {
      status: checks.postgresql.status === 'unhealthy' ? 'unhealthy' : troubled ? 'degraded' : 'healthy',
      timestamp: new Date(),
      version: VERSION,
      environment: this.config.node_env,
      uptime_seconds: Math.floor(process.uptime()),
      checks,
    };
  }

  async readinessReport(): Promise<ReadinessReport> {
    const checks = await this.health.run(['postgresql', 'redis', 'migrations']);
    const ready = Object.values(checks).every(({ status }) => status !== 'unhealthy');
    return { status: ready ? 'ready' : 'not_ready', timestamp: new Date(), checks };
  }

  /**
   * Prometheus text for who may have it: anybody while no METRICS_TOKEN is set, except in production.
   * @throws {Unauthenticated} Wrong or missing token.
   * @throws {NotFound} Production without a METRICS_TOKEN.
   */
  async scrape(authorization: string | undefined): Promise<string> {
    const { metrics_token, production } = this.config;
    if (metrics_token === null && production) throw new NotFound('Route');
    if (metrics_token !== null && !isSameSecret(`Bearer ${metrics_token}`, authorization ?? ''))
      throw new Unauthenticated('not_authenticated', 'Send the METRICS_TOKEN as a bearer token.');
    return this.metrics.scrape();
  }
}

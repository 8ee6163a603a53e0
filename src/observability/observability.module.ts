import { Global, Module } from '@nestjs/common';
import { HealthRegistry } from './health';
import { Metrics } from './metrics';
import { ObservabilityController } from './observability.controller';
import { ObservabilityService } from './observability.service';
import { TraceRing } from './trace-ring';
import { Tracing } from './tracing';

@Global()
@Module({
  controllers: [ObservabilityController],
  providers: [HealthRegistry, Metrics, ObservabilityService, TraceRing, Tracing],
  exports: [HealthRegistry, Metrics, TraceRing, Tracing],
})
export class ObservabilityModule {}

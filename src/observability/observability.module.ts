import { Global, Module } from '@nestjs/common';
import { HealthRegistry } from './health';
import { Metrics } from './metrics';
import { ObservabilityController } from './observability.controller';
import { ObservabilityService } from './observability.service';

@Global()
@Module({
  controllers: [ObservabilityController],
  providers: [HealthRegistry, Metrics, ObservabilityService],
  exports: [HealthRegistry, Metrics],
})
export class ObservabilityModule {}

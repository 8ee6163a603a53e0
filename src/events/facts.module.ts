import { Global, Module } from '@nestjs/common';
import { Facts } from './facts';
import { FactGauges } from './facts.metrics';
import { WebhookEvents } from './webhook-events';

@Global()
@Module({ providers: [Facts, FactGauges, WebhookEvents], exports: [Facts, WebhookEvents] })
export class FactsModule {}

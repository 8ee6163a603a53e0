import { Global, Module } from '@nestjs/common';
import { Facts } from './facts';
import { FactGauges } from './facts.metrics';

@Global()
@Module({ providers: [Facts, FactGauges], exports: [Facts] })
export class FactsModule {}

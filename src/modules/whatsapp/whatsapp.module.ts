import { Module } from '@nestjs/common';
import { Config } from '#config/config';
import { GraphClient } from './meta/graph-client';
import { GraphTargets } from './numbers/graph-targets';
import { NumberDirectory } from './numbers/number-directory';
import { InboundStore } from './receipt/inbound-store';
import { Receipt } from './receipt/receive';
import { ReceiptController } from './receipt/receipt.controller';

/** Our numbers and the two providers behind them: what comes in is kept here, what goes out is put into their words here. */
@Module({
  controllers: [ReceiptController],
  providers: [
    NumberDirectory,
    GraphTargets,
    InboundStore,
    Receipt,
    {
      provide: GraphClient,
      inject: [Config],
      useFactory: (config: Config): GraphClient => new GraphClient({ base_url: config.meta_graph_base_url, version: config.meta_graph_version, timeout_ms: 30_000 }),
    },
  ],
  exports: [NumberDirectory, GraphTargets, InboundStore, Receipt, GraphClient],
})
export class WhatsAppModule {}
